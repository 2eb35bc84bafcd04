package policy

import "time"

// Requirement is one entry of `require`. With Where it is about each rule that
// touches that box, without it about the group itself. What is zero is not
// required.
type Requirement struct {
	Line  int
	Where *Clause // nil = the group

	// Of rules and of groups.
	Description  bool     // there is one
	NotDescribed []string // globs, regardless of case, that it is none of

	// Of rules.
	MaxPorts int // of tcp and udp; a rule for all protocols opens all of them
	MaxIPv4  int // prefix length of the widest block; 0 = any
	MaxIPv6  int

	// Of groups.
	Tags     []string      // keys that it has, with a value
	NotNamed []string      // globs, regardless of case
	MaxRules int           // ingress and egress together
	Grace    time.Duration // how long it may be otherwise
}

// demands are the entries of `require` that are about rules.
func (d *Document) demands() []*Requirement {
	var out []*Requirement
	for i := range d.Require {
		if d.Require[i].Where != nil {
			out = append(out, &d.Require[i])
		}
	}
	return out
}
