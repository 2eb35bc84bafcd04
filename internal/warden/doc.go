// Package warden is the path of a change: decode, triage, observe, decide,
// plan, open, apply, publish, close.
//
// It declares the small interfaces that it needs and imports no AWS. It never
// claims what it has not read back, and ends every rule in one outcome of the
// closed list.
package warden
