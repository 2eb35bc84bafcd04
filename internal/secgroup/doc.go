// Package secgroup holds the values of EC2 security groups (rules, peers,
// groups, changes) and the exact algebra of the flows that rules open.
//
// It is pure: no AWS client, clock, environment, log or randomness. Every
// value is immutable once made; every operation is exact over the full IPv4
// and IPv6 spaces. It knows nothing of policies.
package secgroup
