// Package localec2 is a strict EC2 for security groups, in memory: accounts
// with their VPCs, groups, rules, managed prefix lists, and the interfaces and
// instances that groups are on, an HTTP endpoint that the real SDK and the aws
// CLI talk to, and the CloudTrail records that its changes would cause.
//
// It follows the documented semantics and is as strict as EC2 or stricter: an
// action, parameter or filter that it does not know is an error, never a fake
// success. A call changes everything that it asks for or nothing. There are no
// permissions; faults come from an Interceptor. Request limits, late reads and
// slow lists are there where a test asks for them, by the cloud's clock.
//
// Signatures are not checked. A signed request names its region, and an access
// key id of twelve digits its account; everything else, and a request without
// a signature (aws --no-sign-request), is the default account, with the region
// from a Host like ec2.REGION.amazonaws.com or else the default one.
package localec2
