// Package awserr says what an error of EC2 means, in the words of package
// incident, and which errors are worth another try. It is the only place that
// knows EC2's error codes.
//
// What it does not know is never taken for harmless: an unknown refusal is
// invalid, an unknown failure may pass, nothing is a success.
package awserr
