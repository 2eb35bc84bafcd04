package localec2_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

// clocked is a world whose time passes by hand.
type clocked struct {
	world
	now *time.Time
}

func newClocked(t *testing.T) clocked {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cloud := localec2.New(localec2.Options{Clock: func() time.Time { return now }, IDs: localec2.CountedIDs(t.Name())})
	return clocked{world{t, cloud, cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion), clientOf(cloud, "AKIDTEST", localec2.DefaultRegion)}, &now}
}

func (c clocked) pass(d time.Duration) { *c.now = c.now.Add(d) }

// admitted makes calls until one is throttled, and counts those that were not.
func admitted(t *testing.T, call func() error) int {
	t.Helper()
	for n := range 1000 {
		if err := call(); err != nil {
			refused(t, err, "RequestLimitExceeded")
			return n
		}
	}
	t.Fatal("nothing was throttled")
	return 0
}

func TestBucketsAreThoseOfTheTable(t *testing.T) {
	w := newClocked(t)
	g := w.group("web")
	one := []string{w.ingress(g, perm("tcp", 1, 1, "10.0.0.0/8"))[0]}
	port := int32(100)
	fresh := func() types.IpPermission { port++; return perm("tcp", port, port, "10.0.0.0/8") }
	ctx := t.Context()
	w.cloud.LimitRequests(true)
	for _, c := range []struct {
		name             string
		burst, perSecond int
		call             func() error
	}{
		{"AuthorizeSecurityGroupIngress", 50, 5, func() error { return w.tryIngress(g, fresh()) }},
		{"ModifySecurityGroupRules", 50, 5, func() error {
			return w.modify(g, map[string]types.SecurityGroupRuleRequest{one[0]: request("tcp", 1, 1, v4("10.0.0.0/8"))})
		}},
		{"CreateTags", 100, 10, func() error {
			_, err := w.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{g}, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
			return err
		}},
		{"DescribeSecurityGroups, whole", 50, 10, func() error {
			_, err := w.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
			return err
		}},
		{"DescribeSecurityGroups, paged", 100, 20, func() error {
			_, err := w.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(1000)})
			return err
		}},
		{"DescribeSecurityGroupRules", 100, 20, func() error {
			_, err := w.ec2.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{filter("group-id", g)}})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "AuthorizeSecurityGroupIngress" {
				defer func() { require.Len(t, w.rules(g), 1+50+5, "a throttled call adds nothing") }()
			}
			require.Equal(t, c.burst, admitted(t, c.call))
			w.pass(time.Second)
			require.Equal(t, c.perSecond, admitted(t, c.call))
			w.pass(time.Second / time.Duration(c.perSecond) / 2)
			require.Zero(t, admitted(t, c.call), "half a token is none")
		})
	}
}

func TestBucketsAreApart(t *testing.T) {
	w := newClocked(t)
	w.cloud.LimitRequests(true)
	look := func(key, region string) func() error {
		client := clientOf(w.cloud, key, region)
		return func() error {
			_, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{})
			return err
		}
	}
	for _, from := range [][2]string{{"AKIDTEST", "us-east-1"}, {"AKIDTEST", "eu-west-1"}, {"210987654321", "us-east-1"}} {
		require.Equal(t, 50, admitted(t, look(from[0], from[1])), from)
	}
	require.Zero(t, admitted(t, look("AKIDOTHER", "us-east-1")), "the keys of an account share its buckets")
	w.pass(time.Hour)
	require.Equal(t, 50, admitted(t, look("AKIDTEST", "us-east-1")), "a bucket holds no more than its size")
	w.cloud.LimitRequests(false)
	require.NoError(t, look("AKIDTEST", "us-east-1")())
}

func TestThrottledCallsAreRecorded(t *testing.T) {
	w := newClocked(t)
	g := w.group("web")
	w.cloud.LimitRequests(true)
	var last []byte
	w.cloud.OnRecord(func(r []byte) { last = r })
	admitted(t, func() error {
		return w.tryIngress(g, perm("tcp", 1, 1, fmt.Sprintf("10.%d.0.0/16", len(w.rules(g)))))
	})
	c := decoded(t, last)
	require.Equal(t, "Client.RequestLimitExceeded", c.ErrorCode)
}
