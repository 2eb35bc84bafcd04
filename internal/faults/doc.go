// Package faults holds the table of the faults that the guard must survive
// (testdata), by number: what goes wrong, what must come of it, the tests that
// show it, and the defences in the code that make it so.
//
// A defence is named by where it stands: the lines of the source that it is,
// and the lines that would be there without it. The test builds the packages
// with all these copies beside the originals, by go's -overlay, and runs each
// defence's test once as the code is and once with the defence off: then the
// test must fail. So nothing that is built for use has a switch in it.
// docs/reference/faults.md is written from the table.
//
// It has no code of its own.
package faults
