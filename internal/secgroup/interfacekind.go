package secgroup

// InterfaceKind is what tells network interfaces apart that no caller can
// choose: EC2 itself says all three (API reference, NetworkInterface).
type InterfaceKind struct {
	Type      string // interface, load_balancer, lambda, ...
	Owner     string // of the instance that it is attached to: an account, amazon-elb, ...; "" = not attached
	Requester string // the AWS service that manages it, amazon-elb, ...; "" = none
}
