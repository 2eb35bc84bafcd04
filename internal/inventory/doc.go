// Package inventory reads EC2: a group with its rules, the groups of a name,
// the blocks of a group's VPCs, a prefix list. It changes nothing.
//
// What it returns is complete and canonical, or it is an error: every page is
// read, host bits are masked, protocols are numbers. A prefix list that may
// not be read is an answer (it stands for unknown addresses), a VPC that may
// not be read is an error. Errors wrap those of package incident.
package inventory
