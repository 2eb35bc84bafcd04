package conformance

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// limits are the token buckets of requests, by the table in "Request
// throttling for the Amazon EC2 API".
func limits() []Case {
	const (
		storm = "internal/plan: all rules of a group go in one call, since calls are what is scarce"
		reads = "internal/inventory: a read is filtered or paged, which has the larger bucket"
		code  = "internal/awserr: the code means that the call did nothing, and may come again"
	)
	return staged(
		doc("limits/authorize", storm, bucket(50, 5, allow(ssh))),
		doc("limits/authorize-egress", storm, bucket(50, 5, allowOut(ssh))),
		doc("limits/revoke", storm, bucket(50, 5, take(ssh))),
		doc("limits/revoke-egress", storm, bucket(50, 5, takeOut(ssh))),
		doc("limits/modify", storm, allow(ssh), bucket(50, 5, change(ssh, ssh))),
		doc("limits/tags", "internal/apply: tags have a bucket of their own", bucket(100, 10, tag("@self", "team", "a"))),
		doc("limits/groups-whole", reads, bucket(50, 10, describeGroups(&ec2.DescribeSecurityGroupsInput{DryRun: aws.Bool(true)}))),
		doc("limits/groups-paged", reads, bucket(100, 20, describeGroups(&ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(5)}))),
		doc("limits/groups-filtered", reads, bucket(100, 20, describeGroups(&ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{where("group-name", "none")}}))),
		inferred("limits/groups-by-id", reads, bucket(50, 10, func(b *Bench) error { _, err := b.group(); return err })),
		doc("limits/rules", reads, bucket(100, 20, func(b *Bench) error { _, err := b.rules("@self"); return err })),
		doc("limits/references", "internal/inventory: what refers to a group is read from rules, not asked for", bucket(20, 5, func(b *Bench) error {
			_, err := b.EC2.DescribeSecurityGroupReferences(b.ctx, &ec2.DescribeSecurityGroupReferencesInput{GroupId: []string{b.ids["@self"]}})
			return err
		})),
		doc("limits/stale-rules", staleRead, bucket(20, 5, func(b *Bench) error {
			_, err := b.EC2.DescribeStaleSecurityGroups(b.ctx, &ec2.DescribeStaleSecurityGroupsInput{VpcId: &b.vpc})
			return err
		})),
		doc("limits/interfaces", attachOne, bucket(100, 5, func(b *Bench) error {
			_, err := b.EC2.ModifyNetworkInterfaceAttribute(b.ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: aws.String("eni-0fffffffffffffff0"), Groups: []string{b.ids["@self"]}})
			return err
		})),
		doc("limits/directions-are-apart", storm, limit(true), times(50, answeredAnyhow(allow(ssh))), throttled(allow(ssh)), allowOut(ssh)),
		doc("limits/calls-are-apart", storm, limit(true), times(50, answeredAnyhow(allow(ssh))), throttled(allow(ssh)), change(ssh, ssh), take(ssh)),
		doc("limits/a-bucket-holds-no-more-than-its-size", storm, limit(true), times(50, answeredAnyhow(allow(ssh))), pass(time.Hour),
			times(50, answeredAnyhow(allow(ssh))), throttled(allow(ssh))),
		inferred("limits/refused-calls-count", storm, limit(true), times(50, refused(take(ssh))), throttled(take(ssh))),
		inferred("limits/dry-runs-count", storm, limit(true), times(50, refusedAs("DryRunOperation", allowDry(ssh))), throttled(allowDry(ssh))),
		inferred("limits/change-nothing", code, limit(true), times(50, answeredAnyhow(allow(ssh))), throttled(allow("tcp 9:9 8.8.8.0/29")), limit(false), holds(ssh)),
	)
}

// bucket holds that a call may be made burst times at once, and perSecond times
// more after a second. Whether EC2 does what the call asks does not matter.
func bucket(burst, perSecond int, call step) step {
	return inOrder(
		limit(true), times(burst, answeredAnyhow(call)), throttled(call),
		pass(time.Second), times(perSecond, answeredAnyhow(call)), throttled(call),
	)
}

func limit(on bool) step {
	return func(b *Bench) error { b.site.Stage.Limit(on); return nil }
}

func pass(d time.Duration) step {
	return func(b *Bench) error { b.site.Stage.Pass(d); return nil }
}

func inOrder(steps ...step) step {
	return func(b *Bench) error {
		for _, s := range steps {
			if err := s(b); err != nil {
				return err
			}
		}
		return nil
	}
}

func times(n int, call step) step {
	return func(b *Bench) error {
		for i := range n {
			if err := call(b); err != nil {
				return fmt.Errorf("call %d: %w", i+1, err)
			}
		}
		return nil
	}
}

const limitCode = "RequestLimitExceeded"

// throttled holds that a call is refused since there are too many: with 503,
// which is no mistake of the client's.
func throttled(call step) step {
	return func(b *Bench) error {
		err := call(b)
		var answer *awshttp.ResponseError
		if code(err) == limitCode && errors.As(err, &answer) && answer.HTTPStatusCode() == 503 {
			return nil
		}
		return fmt.Errorf("not throttled, but: %w", err)
	}
}

// answeredAnyhow holds that a call is not throttled.
func answeredAnyhow(call step) step {
	return func(b *Bench) error {
		if err := call(b); code(err) == limitCode || err != nil && code(err) == "" {
			return err
		}
		return nil
	}
}

func describeGroups(in *ec2.DescribeSecurityGroupsInput) step {
	return func(b *Bench) error { _, err := b.EC2.DescribeSecurityGroups(b.ctx, in); return err }
}

// allowDry asks whether ingress of @self could be authorized.
func allowDry(text string) step {
	return func(b *Bench) error {
		p, err := b.permission(text)
		if err != nil {
			return err
		}
		return b.authorize(&ec2.AuthorizeSecurityGroupIngressInput{DryRun: aws.Bool(true), GroupId: aws.String(b.ids["@self"]), IpPermissions: []types.IpPermission{p}})
	}
}
