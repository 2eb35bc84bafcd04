// Package guard is the Lambda function guard around the path of a change: its
// settings, its AWS clients, its input and its answers.
//
// It judges nothing itself. It never acknowledges a message that was not
// judged to an end: what it cannot read, or cannot judge without its policies,
// stays in the queue or is answered with an error.
package guard
