package warden

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// keeper is a tool or service that keeps groups as it wants them, and so puts
// back what is taken from them.
type keeper struct {
	name string
	fix  string // where its users change what it wants
	// caller tells it by the call; ofGroup by the group, whoever calls: its value
	// says which stack or cluster, "" = not that.
	caller  func(a secgroup.Actor) bool
	ofGroup func(g secgroup.Group) (which string, ok bool)
}

// keepers by their marks: tags and descriptions that they set (AWS's and their
// own documentation), user agents of their SDKs, and the service-linked roles of
// AWS services. Any of it can be forged: it only says whom to ask.
var keepers = []keeper{
	{"AWS Firewall Manager", "change its policy in the administrator account", calledAs("fms.amazonaws.com"), tagged("fms-policy")},
	{"AWS Config remediation", "change or stop the remediation of the Config rule", calledAs("remediation.config.amazonaws.com", "config.amazonaws.com", "ssm.amazonaws.com"), nil},
	{"Amazon EKS", "change the cluster", calledAs("eks.amazonaws.com", "eks-nodegroup.amazonaws.com"), tagged("aws:eks:cluster-name")},
	{"the AWS Load Balancer Controller", "change the Ingress or Service (inbound-cidrs)", agent("elbv2.k8s.aws"), ofBalancer},
	{"AWS CloudFormation", "change its template", calledAs("cloudformation.amazonaws.com"), tagged("aws:cloudformation:stack-name")},
	{"Pulumi", "change its program", agent("Pulumi/"), nil},
	{"Terraform", "change its configuration", agent("Terraform/", "terraform-provider-aws", "OpenTofu/"), nil},
}

// calledAs tells a service by the call being made by it, or by its
// service-linked role.
func calledAs(services ...string) func(secgroup.Actor) bool {
	return func(a secgroup.Actor) bool {
		for _, s := range services {
			if a.InvokedBy == s || strings.Contains(a.ARN, ":role/aws-service-role/"+s+"/") {
				return true
			}
		}
		return false
	}
}

func agent(marks ...string) func(secgroup.Actor) bool {
	return func(a secgroup.Actor) bool {
		for _, m := range marks {
			if strings.Contains(a.UserAgent, m) {
				return true
			}
		}
		return false
	}
}

func tagged(key string) func(secgroup.Group) (string, bool) {
	return func(g secgroup.Group) (string, bool) {
		which, ok := g.Tags[key]
		return which, ok
	}
}

func ofBalancer(g secgroup.Group) (string, bool) {
	which, ok := g.Tags["elbv2.k8s.aws/cluster"]
	return which, ok || strings.HasPrefix(g.Description, "[k8s] ") && strings.HasSuffix(g.Description, " SecurityGroup for LoadBalancer")
}

// keepersOf says which keepers the caller, or the group, is of: one phrase each.
func keepersOf(a secgroup.Actor, g secgroup.Group) (phrases []string) {
	for _, k := range keepers {
		which, kept := "", false
		if k.ofGroup != nil {
			which, kept = k.ofGroup(g)
		}
		switch called := k.caller(a); {
		case kept && which != "":
			phrases = append(phrases, "the group belongs to "+k.name+" ("+shorten(which)+"): "+k.fix)
		case kept:
			phrases = append(phrases, "the group belongs to "+k.name+": "+k.fix)
		case called:
			phrases = append(phrases, "the call came by "+k.name+": "+k.fix)
		}
	}
	return phrases
}
