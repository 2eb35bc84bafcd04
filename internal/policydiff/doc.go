// Package policydiff says in what two deployments of policies differ: which
// flows end otherwise (allowed, observed, alerted, tagged, taken back), in
// which groups, by whom and when, each with a case that shows it.
//
// It compares what policies mean, not how they are written, and is exact but
// for two things, in which it tells too much, never too little: bounds on sums
// that cut across each other in threes, and parameters that are no flows. It
// never misses a set of rules that the new side lets stand and the old does
// not (docs/design/0021-policy-diff.md).
//
// It is pure, and judges nothing itself: it asks package policy.
package policydiff
