package soak

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// attempts is how often the guard's client tries a call.
const attempts = 2

// retryer is the guard's own, without its waits: they are of the wall clock.
func retryer() aws.Retryer {
	return atOnce{awserr.Retryer(attempts, time.Millisecond).(aws.RetryerV2)}
}

type atOnce struct{ aws.RetryerV2 }

func (atOnce) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// orderly is an inventory that reads a group and its rules one after the other
// where the real one does it side by side: the order of calls is part of an
// episode.
type orderly struct {
	*inventory.Inventory
	client *orderlyClient
}

func newOrderly(client *ec2.Client) orderly {
	c := &orderlyClient{Client: client}
	return orderly{inventory.New(c), c}
}

func (o orderly) Group(ctx context.Context, groupID string) (secgroup.Group, error) {
	o.client.rulesRead, o.client.once = make(chan struct{}), new(sync.Once)
	return o.Inventory.Group(ctx, groupID)
}

type orderlyClient struct {
	*ec2.Client
	rulesRead chan struct{} // closed once the rules of the group at hand were read
	once      *sync.Once
}

func (c *orderlyClient) DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, options ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	if len(in.GroupIds) > 0 {
		<-c.rulesRead
	}
	return c.Client.DescribeSecurityGroups(ctx, in, options...)
}

func (c *orderlyClient) DescribeSecurityGroupRules(ctx context.Context, in *ec2.DescribeSecurityGroupRulesInput, options ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	if c.once != nil {
		defer c.once.Do(func() { close(c.rulesRead) })
	}
	return c.Client.DescribeSecurityGroupRules(ctx, in, options...)
}
