package incident

import "time"

// Hold is a policy that a fuse holds, until an operator releases it.
type Hold struct {
	Reason string
	At     time.Time
}

// Fuse is what policies did within the last hour that must not happen too
// often. Its counts are kept by policy id + "@" + digest.
type Fuse struct {
	Version int64 // of all counts together; 0 = nothing was ever counted
	Counts  map[string]FuseCount
}

// FuseCount is what one policy did. Times are those of the last act: whoever
// reads it leaves out what is older than an hour.
type FuseCount struct {
	// Groups are those that were touched without an event of their own.
	Groups map[string]time.Time
	// Actors are those whose changes were taken back, by a digest of the ARN.
	Actors map[string]time.Time
	// Told is when somebody was told of too many actors though nothing is held;
	// zero = nobody was.
	Told time.Time
	// Released is when an operator ended a hold: nothing is counted for an hour
	// then. zero = never.
	Released time.Time
}

// FuseCharge is what one judging adds to the counts, with its Opening: either
// both are written or none is.
type FuseCharge struct {
	Version int64                // of the counts as they were read; another one is ErrConflict
	Counts  map[string]FuseCount // the new counts of the policies that act
	Drop    []string             // counts in which nothing is younger than an hour
	Hold    map[string]Hold      // policies that are held from now on
}
