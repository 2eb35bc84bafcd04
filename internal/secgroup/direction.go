package secgroup

// Direction says which way the flows of a rule go. The zero value is invalid.
type Direction uint8

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
