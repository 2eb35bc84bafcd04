// Package conformance holds EC2's security-group semantics as named cases that
// run against any endpoint: the embedded EC2, an emulator, a sandbox account.
//
// A case says where its claim comes from and what in the code rests on it, so
// that a case that fails names what has become doubtful. A Site is where cases
// run: VPCs that it makes and tags itself, and removes. The package judges
// answers and state alone; it decides nothing, and no function links it.
package conformance
