// Package secgroup holds the values of EC2 security groups (rules, peers,
// groups, changes) and the exact algebra of the flows that rules open.
//
// A Rule is what EC2 stores, in any form that EC2 accepts; its Region is the
// set of flows that it opens, over all protocols and the full IPv4 and IPv6
// spaces; Region.Rules is the way back, with the fewest rules there are.
//
// It is pure: no AWS client, clock, environment, log or randomness. Every
// value is immutable once made; every operation is exact. It knows nothing of
// policies. Package oracle, which shares no operation with it, is what its
// tests and those of other packages hold it against.
package secgroup
