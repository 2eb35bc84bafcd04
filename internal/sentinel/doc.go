// Package sentinel holds the test that no way to widen a security group goes
// unnoticed: a judgement of every operation of the pinned EC2 SDK that touches
// groups, rules, prefix lists or the blocks of VPCs (ec2.tsv), and a list of
// the calls of other services that attach groups (services.tsv). A new SDK
// with an operation, or a member of one, that nobody has judged fails; so does
// a judgement that differs from the table of package events.
// docs/reference/calls.md is written from it.
//
// It has no code of its own, and package events does not know of it.
package sentinel
