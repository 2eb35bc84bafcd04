// Package soak lets random actors change random groups for as long as one
// likes, in front of the real guard, and holds after every step what must
// always be true.
//
// A run is many episodes. An episode is one account of the strict EC2 with one
// set of policies, and a fixed number of steps: calls of actors, deliveries of
// their records in every bad way, faults and deaths of the guard, and, every
// few steps, rest: everything is delivered, nothing fails, and no rule may be
// due. What a policy means is read here once more, packet by packet, in the
// words of this package (law.go): nothing that judges is asked to judge itself.
//
// Everything follows from a seed, bit by bit: no wall clock, no socket, no
// order of goroutines. So a failure is told as a seed and the steps that it
// needs.
package soak
