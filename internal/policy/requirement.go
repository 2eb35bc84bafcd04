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
	Alive    bool // the group that it names is there
	Elastic  bool // its addresses are elastic addresses of the account

	// Of groups.
	Tags      []string      // keys that it has, with a value
	NotNamed  []string      // globs, regardless of case
	MaxRules  int           // ingress and egress together
	Attached  *bool         // it is on a network interface, or on none; nil = either
	Distinct  Distinct      // from the other groups of its VPC
	MaxGroups int           // of the account in the region
	Grace     time.Duration // how long it may be otherwise
}

// Distinct is what no other group of the VPC may be. The zero value asks nothing.
type Distinct uint8

const (
	NotIdentical Distinct = 1 + iota // no other opens the same flows
	NotCovered                       // nor all of them and more
)

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
