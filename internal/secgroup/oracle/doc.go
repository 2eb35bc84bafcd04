// Package oracle decides one packet by one rule, from the rule's raw fields
// and by EC2's own rules, in the most naive way. It is for tests of every
// package that computes with rules: what they compute must agree with it.
//
// It shares nothing with what it judges: of secgroup it uses the types of
// values alone, never an operation. A test of this package holds that.
package oracle
