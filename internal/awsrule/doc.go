// Package awsrule turns rules from the shapes of the EC2 SDK into values of
// secgroup, and back.
//
// What comes out is canonical and means exactly what EC2 means by it, or it is
// an error that wraps incident.ErrInvalid: a rule that is not understood is
// never taken for another, or for none.
package awsrule
