// Package architecture holds the tests that keep the house in shape: which
// package may import which, what the pure packages may not touch, how long a
// function's main may be. It has no code of its own.
package architecture
