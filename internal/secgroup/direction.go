package secgroup

// Direction says which way the flows of a rule go. The zero value is invalid.
type Direction uint8

// The two directions of a rule, as seen from the group.
const (
	Ingress Direction = 1 + iota
	Egress
)

// String gives "ingress", "egress" or "invalid direction".
func (d Direction) String() string {
	switch d {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	}
	return "invalid direction"
}

// preposition is the word that rule text puts before the peer.
func (d Direction) preposition() string {
	if d == Egress {
		return "to"
	}
	return "from"
}
