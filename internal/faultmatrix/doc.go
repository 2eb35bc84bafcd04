// Package faultmatrix is a suite of tests: every AWS call that guard makes in
// every scenario, disturbed by every fault, and guard killed at every effect.
//
// The cells are generated from what a clean run called, not chosen. Guard is
// the real handler with the real clients on package localaws, in a bubble of
// testing/synctest, so that waits take no time. What is claimed is held against
// the state itself. `go test ./internal/faultmatrix -complete -run
// TestMatrix/scenarios/NAME -only PATTERN` looks into what failed.
package faultmatrix
