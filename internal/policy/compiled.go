package policy

// compiled is the matcher of a policy.
type compiled struct{}
