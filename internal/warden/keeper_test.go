package warden

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

func TestKeepers(t *testing.T) {
	linked := func(service, role string) secgroup.Actor {
		return secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/aws-service-role/" + service + "/" + role}
	}
	with := func(key, value string) secgroup.Group { return secgroup.Group{Tags: map[string]string{key: value}} }
	for _, c := range []struct {
		actor secgroup.Actor
		group secgroup.Group
		want  string
	}{
		{secgroup.Actor{}, secgroup.Group{}, "[]"},
		{secgroup.Actor{UserAgent: "aws-cli/2.15.0", InvokedBy: "AWS Internal"}, with("tier", "web"), "[]"},
		{secgroup.Actor{UserAgent: "APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) terraform-provider-aws/3.76.1"}, secgroup.Group{}, "[the call came by Terraform: change its configuration]"},
		{secgroup.Actor{UserAgent: "APN/1.0 Pulumi/1.0 PulumiAwsNative/1.12"}, secgroup.Group{}, "[the call came by Pulumi: change its program]"},
		{secgroup.Actor{InvokedBy: "cloudformation.amazonaws.com"}, secgroup.Group{}, "[the call came by AWS CloudFormation: change its template]"},
		{secgroup.Actor{UserAgent: "aws-cli/2"}, with("aws:cloudformation:stack-name", "shop"), "[the group belongs to AWS CloudFormation (shop): change its template]"},
		{secgroup.Actor{UserAgent: "elbv2.k8s.aws/v2.7.1 aws-sdk-go/1.44"}, secgroup.Group{}, "[the call came by the AWS Load Balancer Controller: change the Ingress or Service (inbound-cidrs)]"},
		{secgroup.Actor{}, secgroup.Group{Description: "[k8s] Managed SecurityGroup for LoadBalancer"}, "[the group belongs to the AWS Load Balancer Controller: change the Ingress or Service (inbound-cidrs)]"},
		{secgroup.Actor{}, with("elbv2.k8s.aws/cluster", "prod"), "[the group belongs to the AWS Load Balancer Controller (prod): change the Ingress or Service (inbound-cidrs)]"},
		{linked("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"), secgroup.Group{}, "[the call came by Amazon EKS: change the cluster]"},
		{secgroup.Actor{}, with("aws:eks:cluster-name", "prod"), "[the group belongs to Amazon EKS (prod): change the cluster]"},
		{linked("fms.amazonaws.com", "AWSServiceRoleForFMS"), secgroup.Group{}, "[the call came by AWS Firewall Manager: change its policy in the administrator account]"},
		{linked("remediation.config.amazonaws.com", "AWSServiceRoleForConfigRemediation"), secgroup.Group{}, "[the call came by AWS Config remediation: change or stop the remediation of the Config rule]"},
		{
			secgroup.Actor{UserAgent: "Terraform/1.9"}, with("aws:cloudformation:stack-name", "shop"),
			"[the group belongs to AWS CloudFormation (shop): change its template the call came by Terraform: change its configuration]",
		},
		{secgroup.Actor{ARN: "arn:aws:iam::123456789012:role/fms.amazonaws.com"}, secgroup.Group{}, "[]"},
	} {
		require.Equal(t, c.want, fmt.Sprint(keepersOf(c.actor, c.group)), "%+v", c)
	}
}

// TestFightNamesBothSides: the escalation says who opens it, what is taken
// back, how often, and where to end it.
func TestFightNamesBothSides(t *testing.T) {
	w := newWorld(t, revertSSH)
	w.ec2.groups[groupA].Tags["aws:cloudformation:stack-name"] = "web-stack"
	for range 4 {
		body := w.record(call{
			name: "AuthorizeSecurityGroupIngress", group: groupA, rules: []secgroup.Rule{w.ec2.add(groupA, parse(t, ssh))},
			userAgent: "APN/1.0 HashiCorp/1.0 Terraform/1.9.8", actor: "arn:aws:iam::123456789012:role/pipeline",
		})
		require.Equal(t, incident.Reverted, w.judge1(body).Outcome)
	}
	sent := w.publisher.messages()
	escalation := sent[len(sent)-1]
	require.Equal(t, incident.Contested, escalation.EventType)
	require.Equal(t, []string{
		"the same excess came back 3 times within an hour: arn:aws:iam::123456789012:role/pipeline with APN/1.0 HashiCorp/1.0 Terraform/1.9.8 opens it, sgwarden takes it back",
		"the group belongs to AWS CloudFormation (web-stack): change its template",
		"the call came by Terraform: change its configuration",
	}, escalation.Notes)
}
