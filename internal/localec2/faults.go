package localec2

import (
	"regexp"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// The codes are those of the EC2 API reference, "Error codes for the Amazon
// EC2 API"; texts follow EC2's where they are known.

func noGroup(id string) *query.Fault {
	return query.Refuse("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

func noRule(ids ...string) *query.Fault {
	if len(ids) == 1 {
		return query.Refuse("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", ids[0])
	}
	return query.Refuse("InvalidSecurityGroupRuleId.NotFound", "The security group rule IDs '%s' do not exist", strings.Join(ids, ", "))
}

func noVPC(id string) *query.Fault {
	return query.Refuse("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
}

func noList(id string) *query.Fault {
	return query.Refuse("InvalidPrefixListID.NotFound", "The prefix list ID '%s' does not exist", id)
}

func noSubnet(id string) *query.Fault {
	return query.Refuse("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
}

func noInterface(id string) *query.Fault {
	return query.Refuse("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
}

func noInstance(id string) *query.Fault {
	return query.Refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

func missing(name string) *query.Fault {
	return query.Refuse("MissingParameter", "The request must contain the parameter %s", name)
}

func wrongValue(name, value, why string) *query.Fault {
	return query.Refuse("InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s", value, name, why)
}

func together(a, b string) *query.Fault {
	return query.Refuse("InvalidParameterCombination", "The parameter %s may not be used together with %s", a, b)
}

// malformed are the codes of ids that have not the form of their kind.
var malformed = map[string]string{
	"sg-":  "InvalidGroupId.Malformed",
	"sgr-": "InvalidSecurityGroupRuleId.Malformed",
	"vpc-": "InvalidVpcID.Malformed",
	"pl-":  "InvalidPrefixListId.Malformed",

	"subnet-": "InvalidSubnetID.Malformed",
	"eni-":    "InvalidNetworkInterfaceId.Malformed",
	"i-":      "InvalidInstanceID.Malformed",
}

var hexDigits = regexp.MustCompile(`^[0-9a-f]{8,17}$`)

// wellFormed checks an id: its prefix and 8 to 17 hexadecimal digits (EC2
// gives 17, and gave 8 before 2016).
func wellFormed(prefix, id string) *query.Fault {
	if digits, ok := strings.CutPrefix(id, prefix); ok && hexDigits.MatchString(digits) {
		return nil
	}
	return query.Refuse(malformed[prefix], `Invalid id: "%s" (expecting "%s...")`, id, prefix)
}
