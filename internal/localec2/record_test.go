package localec2_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// listener is a world whose records are kept.
func listener(t *testing.T) (world, func() []byte) {
	w := newWorld(t)
	var last []byte
	w.cloud.OnRecord(func(record []byte) { last = record })
	return w, func() []byte {
		t.Helper()
		require.NotNil(t, last, "no record was made")
		record := last
		last = nil
		return record
	}
}

// decoded is the one change that a record is read as.
func decoded(t *testing.T, record []byte) secgroup.Change {
	t.Helper()
	changes, err := events.Decode(record)
	require.NoError(t, err, string(record))
	require.Len(t, changes, 1)
	return changes[0]
}

func TestRecordsOfAuthorizeNameTheLiveRules(t *testing.T) {
	w, record := listener(t)
	g := w.group("web")
	require.NoError(t, w.account.PutList(secgroup.PrefixList{ID: "pl-0000000000000000a"}, 1))
	withList := perm("tcp", 4, 4)
	withList.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-0000000000000000a")}}
	w.ingress(g, perm("tcp", 22, 22, "208.236.235.254/0", "10.0.0.0/8"), perm6("-1", 0, 0, "::/0"), perm("icmp", 8, -1, "10.0.0.0/8"),
		permFrom("tcp", 3, 3, pair(g)), withList)
	c := decoded(t, record())
	require.Equal(t, "AuthorizeSecurityGroupIngress", c.EventName)
	require.True(t, c.Complete, c.Incomplete)
	require.Equal(t, []secgroup.GroupName{{ID: g}}, c.Groups)
	require.Equal(t, "123456789012", c.AccountID)
	require.Equal(t, "us-east-1", c.Region)
	require.Equal(t, "arn:aws:iam::123456789012:user/demo", c.Actor.ARN)
	require.Equal(t, "AKIDTEST", c.Actor.AccessKeyID)
	require.Equal(t, "127.0.0.1", c.Actor.SourceIP)
	require.Contains(t, c.Actor.UserAgent, "aws-sdk-go-v2")
	live := map[string]string{}
	for _, r := range w.rules(g) {
		live[r.ID] = fmt.Sprint(r.Direction, r.Protocol, r.Ports, r.Peer.Key())
	}
	named := map[string]string{}
	for _, n := range c.Rules {
		require.True(t, n.HasValue)
		key := n.Rule.Peer.Key()
		if ref, ok := n.Rule.Peer.(secgroup.GroupReference); ok {
			key = ref.GroupID // the record says the account, own or not
		}
		named[n.Rule.ID] = fmt.Sprint(n.Rule.Direction, n.Rule.Protocol, n.Rule.Ports, key)
	}
	require.Equal(t, live, named)
	require.Equal(t, w.cloud.Calls()[len(w.cloud.Calls())-1].RequestID, c.RequestID, "the answer's request id")
}

// TestRecordsOfEveryCall makes every call that changes something and holds its
// record against the decoder.
func TestRecordsOfEveryCall(t *testing.T) {
	w, record := listener(t)
	ctx := t.Context()
	g := w.group("web")
	created := decoded(t, record())
	require.Equal(t, secgroup.Creates, created.Effect)
	require.Equal(t, g, created.Groups[0].ID)

	ids := w.ingress(g, perm("tcp", 22, 22, "10.0.0.0/8"), perm("tcp", 23, 23, "10.0.0.0/8"))
	record()
	calls := []struct {
		name   string
		effect secgroup.Effect
		call   func() error
		check  func(t *testing.T, c secgroup.Change)
	}{
		{"ModifySecurityGroupRules", secgroup.Names, func() error {
			return w.modify(g, map[string]types.SecurityGroupRuleRequest{ids[0]: request("-1", 0, 0, v4("0.0.0.0/0")), ids[1]: request("tcp", 23, 25, v4("10.0.0.0/8"))})
		}, func(t *testing.T, c secgroup.Change) {
			require.Len(t, c.Rules, 2)
			for _, r := range c.Rules {
				require.Contains(t, ids, r.Rule.ID)
				require.True(t, r.AnyDirection)
			}
		}},
		{"RevokeSecurityGroupIngress", secgroup.Narrows, func() error {
			_, err := w.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &g, SecurityGroupRuleIds: ids[:1]})
			return err
		}, nil},
		{"AuthorizeSecurityGroupEgress", secgroup.Names, func() error {
			_, err := w.ec2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &g, IpPermissions: []types.IpPermission{perm("-1", 0, 0, "0.0.0.0/0")}})
			return err
		}, func(t *testing.T, c secgroup.Change) { require.Equal(t, secgroup.Egress, c.Rules[0].Rule.Direction) }},
		{"UpdateSecurityGroupRuleDescriptionsIngress", secgroup.Describe, func() error {
			_, err := w.ec2.UpdateSecurityGroupRuleDescriptionsIngress(ctx, &ec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
				GroupId: &g, SecurityGroupRuleDescriptions: []types.SecurityGroupRuleDescription{{SecurityGroupRuleId: &ids[1], Description: aws.String("x")}},
			})
			return err
		}, nil},
		{"CreateTags", secgroup.Retags, func() error {
			_, err := w.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{g}, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
			return err
		}, nil},
		{"DeleteTags", secgroup.Retags, func() error {
			_, err := w.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{g}, Tags: []types.Tag{{Key: aws.String("a")}}})
			return err
		}, nil},
		{"CreateVpc", secgroup.Indirect, func() error {
			_, err := w.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
			return err
		}, func(t *testing.T, c secgroup.Change) { require.Len(t, c.VPCIDs, 1) }},
		{"CreateManagedPrefixList", secgroup.Indirect, func() error {
			_, err := w.ec2.CreateManagedPrefixList(ctx, &ec2.CreateManagedPrefixListInput{
				PrefixListName: aws.String("l"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(3), ClientToken: aws.String("t"),
			})
			return err
		}, func(t *testing.T, c secgroup.Change) { require.Len(t, c.ListIDs, 1) }},
		{"AssociateSecurityGroupVpc", secgroup.Indirect, func() error {
			require.NoError(t, w.account.EnsureVPC("vpc-0000000000000000b"))
			_, err := w.ec2.AssociateSecurityGroupVpc(ctx, &ec2.AssociateSecurityGroupVpcInput{GroupId: &g, VpcId: aws.String("vpc-0000000000000000b")})
			return err
		}, func(t *testing.T, c secgroup.Change) { require.Equal(t, []string{"vpc-0000000000000000b"}, c.VPCIDs) }},
		{"DisassociateSecurityGroupVpc", secgroup.Narrows, func() error {
			_, err := w.ec2.DisassociateSecurityGroupVpc(ctx, &ec2.DisassociateSecurityGroupVpcInput{GroupId: &g, VpcId: aws.String("vpc-0000000000000000b")})
			return err
		}, nil},
		{"DeleteSecurityGroup", secgroup.Narrows, func() error {
			_, err := w.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &g})
			return err
		}, nil},
	}
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.call())
			change := decoded(t, record())
			require.Equal(t, c.name, change.EventName)
			require.Equal(t, c.effect, change.Effect)
			require.Empty(t, change.ErrorCode)
			require.NotEmpty(t, change.EventID)
			if c.check != nil {
				c.check(t, change)
			}
		})
	}
}

func TestRecordsOfFailedCalls(t *testing.T) {
	w, record := listener(t)
	g := w.group("web")
	w.ingress(g, perm("tcp", 22, 22, "10.0.0.0/8"))
	record()
	for name, c := range map[string]struct {
		d    localec2.Disturbance
		code string
	}{
		"refused by EC2": {localec2.Disturbance{}, "Client.InvalidPermission.Duplicate"},
		"denied":         {localec2.Deny(), "Client.UnauthorizedOperation"},
		"throttled":      {localec2.Throttle(), "Client.RequestLimitExceeded"},
		"failed":         {localec2.Fail(), "Server.InternalError"},
	} {
		t.Run(name, func(t *testing.T) {
			w.cloud.Disturb(once("AuthorizeSecurityGroupIngress", c.d))
			require.Error(t, w.tryIngress(g, perm("tcp", 22, 22, "10.0.0.0/8")))
			change := decoded(t, record())
			require.Equal(t, c.code, change.ErrorCode)
			require.NotEmpty(t, change.ErrorMessage)
		})
	}
}

func TestRecordsOfTheFlatForm(t *testing.T) {
	w, record := listener(t)
	w.newGroup(w.account.DefaultVPC(), "web")
	record()
	_, err := w.ec2.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupName: aws.String("web"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0"),
	})
	require.NoError(t, err)
	text := record()
	var r struct{ RequestParameters json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &r))
	require.JSONEq(t, `{"groupName":"web","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`, string(r.RequestParameters))
	c := decoded(t, text)
	require.Len(t, c.Rules, 1)
	require.True(t, c.Complete)
}

func TestTheCallerIsWhoTheKeyBelongsTo(t *testing.T) {
	w, record := listener(t)
	w.cloud.Register("AKIAGUARD", localec2.Caller{Identity: cloudtrail.Session("123456789012", "/ops/", "guard", "run", "AKIAGUARD")})
	_, err := clientOf(w.cloud, "AKIAGUARD", "us-east-1").CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("g"), Description: aws.String("d")})
	require.NoError(t, err)
	c := decoded(t, record())
	require.Equal(t, "arn:aws:iam::123456789012:role/ops/guard", c.Actor.ARN)
	require.Equal(t, "run", c.Actor.Session)

	server := httptest.NewServer(w.cloud.Handler())
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("Action=CreateSecurityGroup&Version=2016-11-15&GroupName=h&GroupDescription=d"))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "someone's own")
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	c = decoded(t, record())
	require.Equal(t, "someone's own", c.Actor.UserAgent)
	require.Equal(t, "127.0.0.1", c.Actor.SourceIP)
	require.Equal(t, "arn:aws:iam::123456789012:user/demo", c.Actor.ARN, "who does not sign has a name all the same")
}

// TestRecordsOfTheLargestCall: what the quotas allow in one call still fits.
func TestRecordsOfTheLargestCall(t *testing.T) {
	w, record := listener(t)
	g := w.group("web")
	record()
	long := strings.Repeat("d", 250)
	var p []types.IpPermission
	for i := range 60 {
		item := perm("tcp", int32(i), int32(i), fmt.Sprintf("10.%d.0.0/16", i))
		item.IpRanges[0].Description = &long
		p = append(p, item)
		item6 := perm6("tcp", int32(i), int32(i), fmt.Sprintf("2606:4700:%x::/48", i))
		item6.Ipv6Ranges[0].Description = &long
		p = append(p, item6)
	}
	w.ingress(g, p...)
	c := decoded(t, record())
	require.True(t, c.Complete, c.Incomplete)
	require.Len(t, c.Rules, 120)
}
