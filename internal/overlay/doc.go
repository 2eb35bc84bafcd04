// Package overlay takes defences out of the code for tests, without a switch in
// it (docs/design/0008). It makes copies of the source files in which a function
// that a defence stands in stands several times, as it is and once without each
// defence, has go build a package's tests with these copies in place of the
// files (-overlay), and runs them with one defence off.
//
// Only tests import it.
package overlay
