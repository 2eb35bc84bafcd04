package conformance

func cidrs() []Case {
	const (
		masked  = "internal/secgroup: NewCIDR masks host bits, and rules are compared by that"
		refusal = "internal/secgroup: no live rule has such a block, so parsing may refuse it"
		several = "events: one permission of a record stands for as many rules as it has peers"
	)
	stored := func(from func(string, string, ...step) Case, name, rests, give string, want ...string) Case {
		return from("cidrs/"+name, rests, allow("tcp 22:22 "+give), holds(want...))
	}
	no := func(from func(string, string, ...step) Case, name, give string) Case {
		return from("cidrs/"+name, refusal, refused(allow("tcp 22:22 "+give)), holds())
	}
	return []Case{
		stored(model, "ipv4-host-bits-are-masked", masked, "100.68.0.18/18", "tcp 22:22 100.68.0.0/18"),
		stored(model, "ipv6-host-bits-are-masked", masked, "2606:4700::1/32", "tcp 22:22 2606:4700::/32"),
		stored(model, "ipv6-is-spelled-short", masked, "2606:4700:0:0:0:0:0:0/32", "tcp 22:22 2606:4700::/32"),
		stored(inferred, "ipv6-is-lower-case", masked, "2606:4700:ABCD::/48", "tcp 22:22 2606:4700:abcd::/48"),
		stored(doc, "any-ipv4", "internal/policy: the default policies look for it", "0.0.0.0/0", "tcp 22:22 0.0.0.0/0"),
		stored(doc, "any-ipv6", "internal/policy: the default policies look for it", "::/0", "tcp 22:22 ::/0"),
		stored(model, "any-ipv4-with-host-bits", "internal/secgroup: 8.8.8.8/0 is the internet, however it is spelled", "8.8.8.8/0", "tcp 22:22 0.0.0.0/0"),
		stored(model, "any-ipv6-with-host-bits", "internal/secgroup: 2606:4700::/0 is the internet, however it is spelled", "2606:4700::/0", "tcp 22:22 ::/0"),
		stored(inferred, "any-ipv6-spelled-long", "internal/secgroup: 0::0/0 is the internet, however it is spelled", "0::0/0", "tcp 22:22 ::/0"),
		stored(model, "one-ipv4-address", masked, "8.8.8.8/32", "tcp 22:22 8.8.8.8/32"),
		stored(model, "one-ipv6-address", masked, "2606:4700::1/128", "tcp 22:22 2606:4700::1/128"),
		stored(inferred, "ipv4-of-one-bit", "internal/secgroup: two halves are the internet too", "128.0.0.0/1", "tcp 22:22 128.0.0.0/1"),
		stored(inferred, "overlapping-blocks-are-two-rules", "internal/policy: rules are judged together, since they overlap",
			"8.8.8.0/29,8.8.8.0/30", "tcp 22:22 8.8.8.0/29", "tcp 22:22 8.8.8.0/30"),
		stored(model, "many-blocks-are-many-rules", several, "8.8.8.0/32,8.8.8.1/32,8.8.8.2/32",
			"tcp 22:22 8.8.8.0/32", "tcp 22:22 8.8.8.1/32", "tcp 22:22 8.8.8.2/32"),
		stored(model, "both-families-in-one-permission", several, "8.8.8.0/29,2606:4700::/32", "tcp 22:22 8.8.8.0/29", "tcp 22:22 2606:4700::/32"),
		stored(inferred, "private-blocks-are-as-others", masked, "10.0.0.1/8", "tcp 22:22 10.0.0.0/8"),
		no(inferred, "ipv4-without-length", "8.8.8.8"),
		no(inferred, "ipv4-length-above-32", "8.8.8.8/33"),
		no(inferred, "ipv6-length-above-128", "2606:4700::/129"),
		no(inferred, "ipv6-without-length", "2606:4700::1"),
		no(inferred, "negative-length", "8.8.8.8/-1"),
		no(inferred, "octet-above-255", "300.8.8.8/32"),
		no(inferred, "three-octets", "8.8.8/24"),
		no(model, "ipv6-where-ipv4-belongs", "v4=2606:4700::/32"),
		no(model, "ipv4-where-ipv6-belongs", "v6=8.8.8.0/29"),
		no(inferred, "a-word", "anywhere"),
		no(inferred, "two-colons-twice", "2606::4700::/32"),
	}
}
