// Package plan turns a verdict into ordered actions on the rules of one
// group, each with the value that it was planned on.
//
// It is pure, and a plan never widens: at every moment between two actions
// the flows that are to be kept are open, and the excess only shrinks.
package plan
