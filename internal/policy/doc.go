// Package policy is the policy language: it parses and compiles policies,
// answers whether a change can concern them (Triage), and judges the rules of
// a group (Evaluate).
//
// It is pure: no AWS, clock, environment, log or randomness. Evaluate runs
// every policy on every rule, never stops early and never fails; what could
// not be known is part of the verdict.
package policy
