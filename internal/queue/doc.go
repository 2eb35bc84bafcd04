// Package queue is guard's own SQS queue as guard uses it: a group put behind
// a delay, and a failed message put off.
//
// It receives and deletes nothing: that is the event source mapping's part.
package queue
