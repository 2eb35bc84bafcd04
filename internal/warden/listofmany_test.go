package warden_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

const listOfMany = "pl-0aaaaaaaaaaaaaaaa"

// many is how many groups refer to the list: more than are judged together for it,
// and than one call of EC2 or the ledger takes.
const many = 450

// queued keeps what the guard asks for, several at a time.
type queued struct {
	mu     sync.Mutex
	bodies [][]byte
	batch  int // how many are delivered together
}

func (q *queued) JudgeAgain(_ context.Context, group, cause, incidentID string, _ time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bodies = append(q.bodies, fmt.Appendf(nil, `{"source":"sgwarden","detail-type":"Judge Group","detail":{"groupId":%q,"cause":%q,"incidentId":%q}}`, group, cause, incidentID))
	return nil
}

// listOfManyGroups are so many groups that let an office's list in to a port, as the
// guard knows; those below fine have another port.
func listOfManyGroups(t *testing.T, remedy string, many, fine int) (*cloud, *queued, []string) {
	t.Helper()
	q := &queued{batch: 10}
	c := newCloudWith(t, remedy, func(cfg *warden.Config) {
		cfg.Queue, cfg.Limits.MayEditLists, cfg.Fuse = q, true, policy.Fuse{Groups: 1000, Actors: 1000}
	})
	require.NoError(t, c.store.Operator().PutActs(t.Context(), c.acts))
	require.NoError(t, c.account.PutList(secgroup.PrefixList{ID: listOfMany, Name: "offices", Entries: []netip.Prefix{netip.MustParsePrefix("8.8.8.0/29")}}, 10))
	var groups []string
	for n := range many {
		port := 22
		if n < fine {
			port = 443
		}
		r, err := secgroup.ParseRule(fmt.Sprintf("ingress tcp/%d from %s", port, listOfMany))
		require.NoError(t, err)
		id := fmt.Sprintf("sg-0%016x", n+1)
		_, err = c.account.EnsureGroup(secgroup.Group{ID: id, Name: id, Rules: []secgroup.Rule{r}})
		require.NoError(t, err)
		groups = append(groups, id)
	}
	for _, id := range groups {
		require.NoError(t, q.JudgeAgain(t.Context(), id, "sweep", "", 0))
	}
	c.drain(q)
	c.now = c.now.Add(time.Hour)
	return c, q, groups
}

// drain judges what the guard asked for, so many at a time, until it asks for nothing.
func (c *cloud) drain(q *queued) {
	c.t.Helper()
	for times := 0; len(q.bodies) > 0; times++ {
		n := min(len(q.bodies), q.batch)
		var batch []warden.Delivery
		for i, body := range q.bodies[:n] {
			batch = append(batch, warden.Delivery{ID: fmt.Sprint(i), Body: body, ReceiveCount: 1})
		}
		q.bodies = q.bodies[n:]
		for _, d := range c.guard.Judge(c.t.Context(), batch) {
			require.False(c.t, d.Retry, "%s: %s %s", d.GroupID, d.Outcome, d.Reason)
		}
		require.Less(c.t, times, 4*many, "it asks for ever")
	}
}

func (c *cloud) growListOfMany(q *queued) {
	c.t.Helper()
	c.records = nil
	_, err := c.user.ModifyManagedPrefixList(c.t.Context(), &ec2.ModifyManagedPrefixListInput{
		PrefixListId: aws.String(listOfMany), CurrentVersion: aws.Int64(1), AddEntries: []types.AddPrefixListEntry{{Cidr: aws.String("0.0.0.0/0")}},
	})
	require.NoError(c.t, err)
	q.bodies = append(q.bodies, c.records[0])
	c.drain(q)
	c.now = c.now.Add(time.Hour)
	c.drain(q)
}

// ended is how each group that refers to the list was told of, by what its item says.
func (c *cloud) ended(groups []string) map[string]int {
	c.t.Helper()
	out := map[string]int{}
	for _, id := range groups {
		mem, err := c.store.Observe(c.t.Context(), id)
		require.NoError(c.t, err)
		require.Empty(c.t, mem.Open, id)
		for _, k := range mem.Known.Rules {
			text, _ := strings.CutSuffix(k.Rule.String(), listOfMany)
			out[text+k.Reported]++
		}
	}
	return out
}

// TestAListOfMoreGroupsThanAreJudgedTogether keeps its entries, and nothing of it is
// left open or untold: one message says how many groups were not looked at, each of
// them is judged by itself, and under onList: rule they lose the reference until they
// are few enough.
func TestAListOfMoreGroupsThanAreJudgedTogether(t *testing.T) {
	told := func(c *cloud) (out map[string]int) {
		out = map[string]int{}
		for _, i := range c.sent {
			place := "group"
			if i.List != nil {
				place = "list"
			}
			out[place+" "+string(i.EventType)+" "+i.Outcome.String()]++
		}
		return out
	}
	t.Run("all violate", func(t *testing.T) {
		c, q, groups := listOfManyGroups(t, "revert", many, 0)
		c.growListOfMany(q)
		require.Equal(t, map[string]int{"list opened alerted": 1}, told(c))
		i := c.sent[0]
		require.Contains(t, i.Reason, "450 groups refer to it, which are too many to be judged together: 250 were not looked at")
		require.Equal(t, many, len(i.List.Groups)+i.List.OmittedGroups)
		require.Equal(t, 200, i.List.Violating)
		require.Contains(t, strings.Join(i.Notes, "\n"), "250 more groups refer to the list, and were not looked at with it")
		require.Equal(t, map[string]int{"ingress tcp/22 from alerted": many}, c.ended(groups), "each group's item says that it was told")
		mem, err := c.store.Observe(t.Context(), listOfMany)
		require.NoError(t, err)
		require.Empty(t, mem.Open)
	})
	t.Run("those beyond violate alone", func(t *testing.T) {
		c, q, groups := listOfManyGroups(t, "revert", 205, 200)
		c.growListOfMany(q)
		require.Equal(t, map[string]int{"group opened alerted": 5}, told(c), "each is told by itself")
		require.Equal(t, map[string]int{"ingress tcp/443 from ": 200, "ingress tcp/22 from alerted": 5}, c.ended(groups))
	})
	t.Run("onList: rule", func(t *testing.T) {
		c, q, groups := listOfManyGroups(t, "{do: revert, onList: rule}", 205, 0)
		q.batch = 1 // several at a time may all still find too many
		c.growListOfMany(q)
		require.Equal(t, map[string]int{"group acted narrowed": 5, "list acted reverted": 1}, told(c), "as soon as they are not too many, the list loses it")
		require.Equal(t, map[string]int{"ingress tcp/22 from 8.8.8.0/29": 5, "ingress tcp/22 from ": 200}, c.ended(groups))
		list, err := inventory.New(c.user).Managed(t.Context(), listOfMany)
		require.NoError(t, err)
		require.Equal(t, []netip.Prefix{netip.MustParsePrefix("8.8.8.0/29")}, list.Entries)
	})
}
