package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Identifiers. What does not look like one is a slip of the pen: nothing
// would ever match it.
type (
	policyID    struct{ word }
	groupID     struct{ word }
	groupGlob   struct{ word }
	vpcID       struct{ word }
	accountID   struct{ word }
	peerAccount struct{ word }
	regionName  struct{ word }
	usedBy      struct{ word }
)

func (w *policyID) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, isPolicyID, "lower-case letters, digits and -, at most 64")
}

func (w *groupID) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, isGroupID, "a group id: sg- and hexadecimal digits")
}

func (w *groupGlob) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, isGroupGlob, "a group id, or a glob on one: sg-0a1b*")
}

func (w *vpcID) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, func(t string) bool { return isResourceID(t, "vpc-") }, "a VPC id: vpc- and hexadecimal digits")
}

func (w *accountID) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, isAccountID, "an account id: 12 digits")
}

func (w *peerAccount) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, func(t string) bool { return t == "self" || t == "any" || isAccountID(t) }, "self, any, or 12 digits")
}

func (w *regionName) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, func(t string) bool { return only(t, idLetters) && strings.Count(t, "-") >= 2 }, "a region: eu-west-1")
}

func (w *usedBy) read(s *syntaxReader, n *yamlNode, label string) {
	if w.word.read(s, n, label); w.text == "" || isServiceAlias(w.text) || slices.Contains(interfaceTypes, w.text) {
		return
	}
	hint := didYouMean(w.text, interfaceTypes)
	if w.text == "interface" {
		hint = "instances have that type, and most services: name the owner, as amazon-elb"
	}
	s.fault(w.position, hint, "%s must be a type of network interfaces (load_balancer, lambda, ...) or an AWS service that has them (amazon-elb, ...), not %q", label, w.text)
	w.text = ""
}

// isServiceAlias reports whether a text is how EC2 calls an AWS service that
// has interfaces of its own.
func isServiceAlias(t string) bool {
	rest, ok := strings.CutPrefix(t, "amazon-")
	return ok && rest != "" && only(rest, idLetters)
}

// interfaceTypes are those of EC2's NetworkInterface.interfaceType (API
// reference; a test holds them against the SDK), but for "interface": whatever
// has no type of its own is one, instances first. Of NAT gateways there are two.
var interfaceTypes = []string{
	"api_gateway_managed", "aws_codestar_connections_managed", "branch", "efa", "efa-only", "gateway_load_balancer",
	"gateway_load_balancer_endpoint", "global_accelerator_managed", "iot_rules_managed", "lambda", "load_balancer", "natGateway",
	"nat_gateway", "network_load_balancer", "quicksight", "transit_gateway", "trunk", "vpc_endpoint",
}

func (w *word) shaped(s *syntaxReader, n *yamlNode, label string, fits func(string) bool, want string) {
	if w.read(s, n, label); w.text != "" && !fits(w.text) {
		s.fault(w.position, "", "%s must be %s, not %q", label, want, w.text)
		w.text = ""
	}
}

func isPolicyID(t string) bool {
	return len(t) <= 64 && only(t, idLetters) && !strings.HasPrefix(t, "-") && !strings.HasSuffix(t, "-")
}

func isResourceID(t, prefix string) bool {
	rest, ok := strings.CutPrefix(t, prefix)
	return ok && len(rest) >= 8 && len(rest) <= 17 && only(rest, hexDigits)
}

func isGroupID(t string) bool { return isResourceID(t, "sg-") }

func isGroupGlob(t string) bool {
	rest, ok := strings.CutPrefix(t, "sg-")
	return t == "*" || ok && rest != "" && len(rest) <= 32 && only(rest, hexDigits+"*?")
}

func isAccountID(t string) bool { return len(t) == 12 && only(t, digits) }

// actorPattern is the ARN of a role or user, with `*` and `?`.
type actorPattern struct{ word }

func (a *actorPattern) read(s *syntaxReader, n *yamlNode, label string) {
	if a.word.read(s, n, label); a.text == "" {
		return
	}
	parts := strings.SplitN(a.text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		s.fault(a.position, `write "arn:aws:iam::123456789012:role/NAME"; * stands for neither / nor :`, "%q is not the ARN of a role or user", a.text)
		a.text = ""
		return
	}
	if parts[2] == "sts" && strings.HasPrefix(parts[5], "assumed-role/") {
		name, _, _ := strings.Cut(strings.TrimPrefix(parts[5], "assumed-role/"), "/")
		s.fault(a.position, fmt.Sprintf(`write "arn:%s:iam::%s:role/%s" (with the role's path)`, parts[1], parts[4], name), "an actor is a role, never its session: the session name is the caller's choice")
		a.text = ""
	}
}
