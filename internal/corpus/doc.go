// Package corpus plays the entries of the folder corpus, ways to open what a
// policy forbids and what only looks like one, through the embedded account:
// each call becomes its CloudTrail record, guard judges it, and the state is
// read before and after.
//
// What a state opens and what a policy forbids is decided here once more,
// packet by packet: the oracle answers for rules, law.go for policies, and
// neither uses an operation of what is judged.
//
// It has no code of its own.
package corpus
