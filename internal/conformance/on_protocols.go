package conformance

func protocols() []Case {
	const (
		canonical = "internal/secgroup: Rule.Canonical writes it so, and rules are compared by that"
		sent      = "internal/awsrule: Permission and Request send ports for every protocol"
		refusal   = "internal/secgroup: Rule.Validate refuses it too, so a live rule never has it"
	)
	stored := func(from func(string, string, ...step) Case, name, rests, give, want string) Case {
		return from("protocols/"+name, rests, allow(give), holds(want))
	}
	no := func(from func(string, string, ...step) Case, name, give string) Case {
		return from("protocols/"+name, refusal, refused(allow(give)), holds())
	}
	return []Case{
		stored(doc, "tcp-one-port", sent, "tcp 22:22 8.8.8.0/29", "tcp 22:22 8.8.8.0/29"),
		stored(doc, "tcp-port-range", sent, "tcp 20:25 8.8.8.0/29", "tcp 20:25 8.8.8.0/29"),
		stored(doc, "tcp-all-ports", canonical, "tcp 0:65535 8.8.8.0/29", "tcp 0:65535 8.8.8.0/29"),
		stored(inferred, "tcp-port-zero", canonical, "tcp 0:0 8.8.8.0/29", "tcp 0:0 8.8.8.0/29"),
		stored(inferred, "tcp-last-port", canonical, "tcp 65535:65535 8.8.8.0/29", "tcp 65535:65535 8.8.8.0/29"),
		stored(doc, "udp-one-port", sent, "udp 53:53 8.8.8.0/29", "udp 53:53 8.8.8.0/29"),
		stored(doc, "udp-port-range", sent, "udp 100:200 8.8.8.0/29", "udp 100:200 8.8.8.0/29"),
		stored(model, "icmp-all-types", canonical, "icmp -1:-1 8.8.8.0/29", "icmp -1:-1 8.8.8.0/29"),
		stored(model, "icmp-type-with-all-codes", "internal/secgroup: 8:-1 is a type with all codes, not a range that runs backwards",
			"icmp 8:-1 8.8.8.0/29", "icmp 8:-1 8.8.8.0/29"),
		stored(model, "icmp-type-and-code", "internal/secgroup: 3:4 is a type and a code, not a range", "icmp 3:4 8.8.8.0/29", "icmp 3:4 8.8.8.0/29"),
		stored(inferred, "icmp-type-and-code-backwards", "internal/secgroup: the code may be less than the type", "icmp 11:0 8.8.8.0/29", "icmp 11:0 8.8.8.0/29"),
		stored(model, "icmpv6-without-ports-is-all-types", canonical, "icmpv6 - 2606:4700::/32", "icmpv6 -1:-1 2606:4700::/32"),
		stored(model, "icmpv6-all-types", canonical, "icmpv6 -1:-1 2606:4700::/32", "icmpv6 -1:-1 2606:4700::/32"),
		stored(model, "icmpv6-type-and-code", canonical, "icmpv6 128:0 2606:4700::/32", "icmpv6 128:0 2606:4700::/32"),
		stored(model, "all-protocols", canonical, "-1 - 8.8.8.0/29", "-1 - 8.8.8.0/29"),
		stored(moto, "all-protocols-ignore-ports", "internal/secgroup: a rule for -1 with port 22 opens every port", "-1 22:22 8.8.8.0/29", "-1 - 8.8.8.0/29"),
		stored(inferred, "all-protocols-take-minus-one-as-ports", sent, "-1 -1:-1 8.8.8.0/29", "-1 - 8.8.8.0/29"),
		stored(inferred, "number-6-is-tcp", "internal/secgroup: ParseProtocol takes 6 for tcp", "6 22:22 8.8.8.0/29", "tcp 22:22 8.8.8.0/29"),
		stored(inferred, "number-17-is-udp", "internal/secgroup: ParseProtocol takes 17 for udp", "17 53:53 8.8.8.0/29", "udp 53:53 8.8.8.0/29"),
		stored(inferred, "number-1-is-icmp", "internal/secgroup: ParseProtocol takes 1 for icmp", "1 8:0 8.8.8.0/29", "icmp 8:0 8.8.8.0/29"),
		stored(inferred, "number-58-is-icmpv6", "internal/secgroup: ParseProtocol takes 58 for icmpv6", "58 128:0 2606:4700::/32", "icmpv6 128:0 2606:4700::/32"),
		stored(inferred, "other-protocol-without-ports", canonical, "50 - 8.8.8.0/29", "50 - 8.8.8.0/29"),
		stored(inferred, "other-protocol-ignores-ports", "internal/secgroup: a rule for 50 with port 22 covers all of 50", "50 22:22 8.8.8.0/29", "50 - 8.8.8.0/29"),
		stored(inferred, "other-protocol-takes-minus-one-as-ports", sent, "47 -1:-1 8.8.8.0/29", "47 - 8.8.8.0/29"),
		stored(inferred, "protocol-0", "internal/secgroup: 0 is a protocol, and not all of them", "0 - 8.8.8.0/29", "0 - 8.8.8.0/29"),
		stored(inferred, "protocol-254", canonical, "254 - 8.8.8.0/29", "254 - 8.8.8.0/29"),
		no(model, "tcp-needs-ports", "tcp - 8.8.8.0/29"),
		no(model, "udp-needs-ports", "udp - 8.8.8.0/29"),
		no(model, "icmp-needs-type-and-code", "icmp - 8.8.8.0/29"),
		no(model, "tcp-needs-both-ports", "tcp 22:_ 8.8.8.0/29"),
		no(model, "udp-needs-the-first-port", "udp _:53 8.8.8.0/29"),
		no(inferred, "tcp-port-above-65535", "tcp 22:65536 8.8.8.0/29"),
		no(inferred, "tcp-ports-backwards", "tcp 25:20 8.8.8.0/29"),
		no(inferred, "tcp-negative-port", "tcp -1:22 8.8.8.0/29"),
		no(inferred, "udp-minus-one-is-no-port", "udp -1:-1 8.8.8.0/29"),
		no(inferred, "icmp-type-above-255", "icmp 256:0 8.8.8.0/29"),
		no(inferred, "icmp-code-above-255", "icmp 8:256 8.8.8.0/29"),
		no(model, "icmp-all-types-need-all-codes", "icmp -1:0 8.8.8.0/29"),
		no(inferred, "unknown-name", "gre - 8.8.8.0/29"),
		no(inferred, "number-above-255", "256 - 8.8.8.0/29"),
		no(inferred, "number-below-minus-one", "-2 - 8.8.8.0/29"),
		no(doc, "protocol-left-out", "_ 22:22 8.8.8.0/29"),
	}
}
