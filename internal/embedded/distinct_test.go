package embedded

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// alike are groups of which some come to open the same, and part again.
type alike struct {
	*swept
	ids  []string
	seen int // of judged
}

func newAlike(t *testing.T, n int) *alike {
	text, err := os.ReadFile("../../policies/packs/hygiene/groups-are-distinct.yaml")
	require.NoError(t, err)
	a := &alike{swept: newSwept(t, closed(22, ""), "---\n"+string(text))}
	for i := range n {
		id := fmt.Sprintf("sg-0d%015d", i)
		_, err := a.account.ec2.EnsureGroup(secgroup.Group{ID: id, Name: id, Rules: []secgroup.Rule{}})
		require.NoError(t, err)
		a.ids = append(a.ids, id)
	}
	a.sweep()
	a.wait(15 * time.Minute)
	return a
}

// ports are those that a group opens to the one block of this test: they say
// all that it opens.
func (a *alike) ports(id string) string {
	g, ok := a.account.ec2.Group(id)
	require.True(a.t, ok)
	var out []string
	for _, r := range g.Rules {
		if r.Direction == secgroup.Ingress {
			out = append(out, fmt.Sprint(r.Ports.From))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// twins are the groups that open the same as another.
func (a *alike) twins() []string {
	of := map[string][]string{}
	for _, id := range a.ids {
		if ports := a.ports(id); ports != "" {
			of[ports] = append(of[ports], id)
		}
	}
	var out []string
	for _, ids := range of {
		if len(ids) > 1 {
			out = append(out, ids...)
		}
	}
	slices.Sort(out)
	return out
}

// turn opens a port of a group, or closes it where it is open, and lets the
// guard hear of it.
func (a *alike) turn(id string, port int32) {
	a.t.Helper()
	open := slices.Contains(strings.Fields(a.ports(id)), fmt.Sprint(port))
	var err error
	if open {
		_, err = a.client.RevokeSecurityGroupIngress(a.ctx, &ec2.RevokeSecurityGroupIngressInput{
			GroupId: &id, IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, CidrIp: aws.String("10.0.0.0/8")})
	} else {
		_, err = a.client.AuthorizeSecurityGroupIngress(a.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &id, IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port, CidrIp: aws.String("10.0.0.0/8")})
	}
	require.NoError(a.t, err)
	require.Zero(a.t, a.callsOf(func() { a.hear(nil) }), "the record tells that no policy on rules minds it")
}

// newlyTold are the groups of which an alert was sent since this was asked.
func (a *alike) newlyTold() (ids []string) {
	for ; a.seen < len(a.judged); a.seen++ {
		for _, d := range a.judged[a.seen].Decisions {
			if d.Story == nil {
				continue
			}
			for _, i := range d.Story.Published {
				require.Equal(a.t, incident.Alerted, i.Outcome)
				require.Equal(a.t, secgroup.GroupEntry(i.GroupID, "groups-are-distinct"), i.Rules[0].ID)
				ids = append(ids, i.GroupID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// TestWhatMakesGroupsAlikeIsFoundByThePass: a rule that no policy on rules minds
// costs no call to EC2, whatever other groups open, and each group that is like
// another after it is told of once, by the next pass.
func TestWhatMakesGroupsAlikeIsFoundByThePass(t *testing.T) {
	a := newAlike(t, 4)
	random := rand.New(rand.NewPCG(25, 1)) //nolint:gosec // a test that can be repeated
	became, parted := 0, 0
	var before []string
	for range 40 {
		for range 1 + random.IntN(3) {
			a.turn(a.ids[random.IntN(len(a.ids))], int32(443+random.IntN(2)))
			a.wait(time.Minute)
		}
		a.sweep()
		a.guardLooks()
		a.quiet()
		after := a.twins()
		fresh := slices.DeleteFunc(slices.Clone(after), func(id string) bool { return slices.Contains(before, id) })
		require.ElementsMatch(t, fresh, a.newlyTold(), "%v", after)
		became += len(fresh)
		parted += len(before) + len(fresh) - len(after)
		before = after
	}
	require.Greater(t, became, 10)
	require.Greater(t, parted, 10)
}

// TestALookTellsOfTwinsToo: where the guard looks at a group for another reason,
// it does not wait for the pass.
func TestALookTellsOfTwinsToo(t *testing.T) {
	a := newAlike(t, 2)
	a.turn(a.ids[0], 443)
	a.turn(a.ids[1], 443)
	require.Empty(t, a.newlyTold())
	looked := a.callsOf(func() { require.Equal(t, incident.Alerted, a.account.lookAt(t, a.ids[1]).Worst().Outcome) })
	require.Positive(t, looked, "calls are counted")
}
