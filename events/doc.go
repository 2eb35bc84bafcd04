// Package events knows the API calls that can change what security groups
// allow, and turns the records of them (CloudTrail, through EventBridge or
// from a log file) into secgroup.Change values.
//
// It reads what a record says and nothing else: no lookup, no clock, no
// judgement. A detail that it cannot read makes a Change incomplete and keeps
// every group that the record mentions; it never makes a change disappear.
// Input is bounded in size, depth and number of values, whatever it is.
package events
