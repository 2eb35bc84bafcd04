package conformance

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// answers are what calls have in common.
func answers() []Case {
	const own = "internal/ledger: our own records are known by the request ids of our calls"
	return []Case{
		doc("answers/have-a-request-id", own, requestIDs(1)),
		doc("answers/have-different-request-ids", own, requestIDs(5)),
		doc("answers/refusals-have-a-request-id", own, refusalID),
		inferred("answers/refusals-have-a-message", "internal/warden: what EC2 said goes into the log", func(b *Bench) error {
			_, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{noSuchGroup}})
			var api interface{ ErrorMessage() string }
			if !errors.As(err, &api) || api.ErrorMessage() == "" {
				return errors.New("no message")
			}
			return nil
		}),
	}
}

func requestIDs(count int) step {
	return func(b *Bench) error {
		seen := map[string]bool{}
		for range count {
			out, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{b.ids["@self"]}})
			if err != nil {
				return err
			}
			if id, ok := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata); ok && id != "" {
				seen[id] = true
			}
		}
		return equal("different request ids", len(seen), count)
	}
}

func refusalID(b *Bench) error {
	_, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{noSuchGroup}})
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.ServiceRequestID() == "" {
		return errors.New("the refusal has no request id")
	}
	return nil
}

// byName are claims about groups by name, and about default VPCs.
func byName() []Case {
	const (
		resolve = "internal/inventory: Named finds the group that a record names"
		value   = "internal/apply: it does not revoke by value, whose outcome depends on the VPC"
		full    = "events: SourceSecurityGroupName stands for three rules"
	)
	three := []string{"tcp 0:65535 @other", "udp 0:65535 @other", "icmp -1:-1 @other"}
	return append(inDefaultVPC(
		model("by-name/authorize", resolve, allowNamed("@self", false), holds(ssh)),
		inferred("by-name/authorize-in-another-case", resolve, allowNamed("@self", true), holds(ssh)),
		model("by-name/describe", resolve, describeNamed),
		model("by-name/source-group", full, allowFrom("@other"), holds(three...)),
		inferred("by-name/id-and-name", resolve, refused(allowNamedAndID), holds()),
		inferred("by-name/unknown", resolve, refusedAs("InvalidGroup.NotFound", func(b *Bench) error {
			p, err := b.permission(ssh)
			if err != nil {
				return err
			}
			return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{GroupName: aws.String("no such group"), IpPermissions: []types.IpPermission{p}})
		})),
		model("by-name/mismatch-in-a-default-vpc-is-no-error", value, allow(ssh), take("udp 53:53 8.8.8.0/29"), took("unknown udp 53:53 8.8.8.0/29"), holds(ssh)),
		model("by-name/mismatch-in-a-default-vpc-keeps-no-other", value, allow(ssh), take(ssh, "udp 53:53 8.8.8.0/29"), took(ssh, "unknown udp 53:53 8.8.8.0/29"), holds()),
		model("by-name/mismatch-outward-in-a-default-vpc-is-no-error", value, func(b *Bench) error {
			p, err := b.permission("udp 53:53 8.8.8.0/29")
			if err != nil {
				return err
			}
			out, err := b.EC2.RevokeSecurityGroupEgress(b.ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(b.ids["@self"]), IpPermissions: []types.IpPermission{p}})
			if err != nil {
				return err
			}
			return equal("unknown permissions", len(out.UnknownIpPermissions), 1)
		}, holdsOut(opens)),
		model("by-name/not-associated-with-a-default-vpc", "internal/inventory: VPCs asks for no associations of a default VPC", refused(associate("@self"))),
	),
		model("by-name/not-in-another-vpc", resolve, refused(allowNamed("@self", false)), holds()),
	)
}

// nameOf reads the name of a group.
func (b *Bench) nameOf(group string) (string, error) {
	id, err := b.id(group)
	if err != nil {
		return "", err
	}
	out, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecurityGroups[0].GroupName), nil
}

func allowNamed(group string, upper bool) step {
	return func(b *Bench) error {
		name, err := b.nameOf(group)
		if err != nil {
			return err
		}
		if upper {
			name = "SGWARDEN" + name[len("sgwarden"):]
		}
		p, err := b.permission("tcp 22:22 8.8.8.0/29")
		if err != nil {
			return err
		}
		return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{GroupName: &name, IpPermissions: []types.IpPermission{p}})
	}
}

func allowNamedAndID(b *Bench) error {
	name, err := b.nameOf("@self")
	if err != nil {
		return err
	}
	p, err := b.permission("tcp 22:22 8.8.8.0/29")
	if err != nil {
		return err
	}
	return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{GroupName: &name, GroupId: aws.String(b.ids["@self"]), IpPermissions: []types.IpPermission{p}})
}

func allowFrom(group string) step {
	return func(b *Bench) error {
		name, err := b.nameOf(group)
		if err != nil {
			return err
		}
		return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(b.ids["@self"]), SourceSecurityGroupName: &name})
	}
}

func describeNamed(b *Bench) error {
	name, err := b.nameOf("@self")
	if err != nil {
		return err
	}
	out, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupNames: []string{name}})
	if err != nil {
		return err
	}
	if err := equal("groups", len(out.SecurityGroups), 1); err != nil {
		return err
	}
	return equal("group", aws.ToString(out.SecurityGroups[0].GroupId), b.ids["@self"])
}
