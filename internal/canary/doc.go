// Package canary is what the function canary does with an invocation: it opens
// a rule that nobody can use, in a group that nothing is in, and requires guard
// to do about it what it does about every other (docs/design/0029). It closes
// what guard did not.
package canary
