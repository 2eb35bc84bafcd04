// Package policy is the policy language: it reads policy files (Parse, Lint),
// compiles them (Compile), answers whether a change can concern them (Triage),
// and judges the rules of a group (Evaluate).
//
// It is pure: no AWS, clock, environment, files, log or randomness. Parse
// reports every fault of every file with its place, and returns nothing beside
// a fault. Evaluate runs every policy on every rule, never stops early and
// never fails; what could not be known is part of the verdict.
package policy
