package alert

import (
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// What is fit for a command that a person pastes into a shell: ids and regions
// of these forms. By hand, as regular expressions with such bounds take 0.4 ms
// of the function's start.

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyz"
)

// consists reports whether text is one or more of the characters alone.
func consists(text, of string) bool { return text != "" && strings.Trim(text, of) == "" }

// fitID reports whether id is the prefix and 1 to 40 small letters and digits.
func fitID(id, prefix string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && len(rest) <= 40 && consists(rest, letters+digits)
}

func fitIncident(id string) bool {
	hex, ok := strings.CutPrefix(id, "inc-")
	return ok && consists(hex, "0123456789abcdef")
}

// fitPolicy takes the id of a policy.
func fitPolicy(id string) bool {
	return len(id) <= 100 && consists(id, letters+digits+"-") && !strings.HasPrefix(id, "-")
}

// fitEvent takes CloudTrail's eventID, a UUID.
func fitEvent(id string) bool { return len(id) == 36 && consists(id, "0123456789abcdef-") }

func fitGroup(id string) bool { return fitID(id, "sg-") }
func fitRule(id string) bool  { return fitID(id, "sgr-") }
func fitList(id string) bool  { return fitID(id, "pl-") }

// fitReference takes a reference without account and peering, as EC2 leaves
// them out.
func fitReference(g secgroup.GroupReference) bool {
	account := g.AccountID == "" || len(g.AccountID) == 12 && consists(g.AccountID, digits)
	return fitGroup(g.GroupID) && account && (g.PeeringID == "" || fitID(g.PeeringID, "pcx-"))
}

// fitRegion reports whether a region is named like eu-west-1.
func fitRegion(region string) bool {
	parts := strings.Split(region, "-")
	last := len(parts) - 1
	return last >= 2 && len(parts[0]) == 2 && len(parts[last]) <= 2 && consists(parts[last], digits) &&
		!slices.ContainsFunc(parts[:last], func(part string) bool { return !consists(part, letters) })
}
