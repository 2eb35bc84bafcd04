// Package runtimeapi plays the Lambda platform for one execution environment:
// it serves the Runtime API (version 2018-06-01) on the loopback interface and
// runs a built bootstrap against it, as a child process.
//
// It is for tests, benchmarks and the demo. One environment handles one
// invocation at a time, as on Lambda; whoever wants more starts more. It
// neither retries nor limits: that is the event source's part.
package runtimeapi
