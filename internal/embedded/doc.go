// Package embedded is an AWS account in one process: the strict EC2 of
// localec2, a ledger in memory, collected alerts, and the real path of a
// change on the real adapters between them. The demo and tests run on it.
//
// It reaches no network. Time stands still but for what a caller or a record
// says, unless it is given a clock.
package embedded
