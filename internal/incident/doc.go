// Package incident holds what sgwarden says and remembers of what it did: the
// closed list of outcomes, incidents, results of actions, and the errors that
// adapters translate AWS's errors into.
//
// It is pure and decides nothing.
package incident
