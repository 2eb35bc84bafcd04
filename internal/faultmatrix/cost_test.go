package faultmatrix

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/costs"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/metrics"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/warden"
)

const costPage = "../../docs/cost.md"

// rungByRules are headings of the runbook that EventBridge rules ring, which cost
// nothing.
var rungByRules = regexp.MustCompile(`(Tampered|Written)$`)

// TestCosts holds docs/cost.md to what guard and sweep call.
func TestCosts(t *testing.T) {
	var c costs.Counted
	bubble(t, func() {
		c.Fine = played(t, &scenario{
			name: "a fine change", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 8443, 8443, "10.0.0.0/8")) },
		})
		c.Violation = played(t, &scenario{
			name: "a violation", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
		})
		c.SweptGroups = 1000
		c.Sweep = swept(t, c.SweptGroups)
	})
	runbook, err := os.ReadFile("../../docs/runbook/alarms.md")
	require.NoError(t, err)
	c.Metrics, c.Alarms = len(metrics.All())-1, -1 // without SinkMissed, which only deployments with sinks have
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(runbook), -1) {
		if !rungByRules.MatchString(heading[1]) {
			c.Alarms++
		}
	}
	require.Equal(t, 0, c.Fine.EC2, "a change that nobody is concerned by costs no call of EC2")
	require.Equal(t, 1, c.Violation.Publishes)
	page := costs.Page(c)
	if *update {
		require.NoError(t, os.WriteFile(costPage, []byte(page), 0o644))
		return
	}
	want, err := os.ReadFile(costPage)
	require.NoError(t, err)
	require.Equal(t, string(want), page, "run go test ./internal/faultmatrix -run Costs -update")
}

// played counts what guard calls in a scenario without faults. Each message
// that it gets is a run.
func played(t *testing.T, sc *scenario) costs.Counts {
	w := play(t, sc)
	counts := counted(w.cloud.Calls(), guardKey)
	counts.Invocations = w.deliveries
	return counts
}

// counted are the calls of one caller.
func counted(calls []localaws.Call, key string) (n costs.Counts) {
	for _, c := range calls {
		if c.AccessKeyID != key {
			continue
		}
		n.Calls++
		switch c.Service {
		case localaws.EC2:
			n.EC2++
		case localaws.SNS:
			n.Publishes++
		case localaws.SQS:
			n.QueueCalls++
		case localaws.DynamoDB:
			reads, writes := units(c)
			n.ReadUnits += reads
			n.WriteUnits += writes
		case localaws.STS:
		}
	}
	return n
}

// units are what DynamoDB would count of a call, by its request.
func units(c localaws.Call) (reads, writes int) {
	kilobytes := func(item json.RawMessage) int { return (len(item) + 1023) / 1024 }
	var in struct {
		RequestItems  map[string]struct{ Keys []json.RawMessage }
		TransactItems []json.RawMessage
	}
	if err := json.Unmarshal(c.Body, &in); err != nil {
		panic(fmt.Errorf("read %s: %w", c, err))
	}
	switch c.Operation {
	case "BatchGetItem":
		for _, table := range in.RequestItems {
			reads += len(table.Keys)
		}
	case "Query", "GetItem":
		reads = 1
	case "TransactWriteItems":
		for _, item := range in.TransactItems {
			writes += 2 * kilobytes(item)
		}
	case "UpdateItem", "PutItem", "DeleteItem":
		writes = kilobytes(c.Body)
	default:
		panic("what does " + c.Operation + " cost?")
	}
	return reads, writes
}

// unheard publishes nothing: of a sweep in which nothing is due there is
// nothing to tell.
type unheard struct{ t *testing.T }

func (u unheard) Publish(context.Context, incident.Incident) error {
	u.t.Error("something was told")
	return nil
}

func (u unheard) JudgeAgain(context.Context, string, string, string, time.Duration) error {
	u.t.Error("something was due")
	return nil
}

// swept counts what the second sweep of so many groups calls: the first sets
// the baseline.
func swept(t *testing.T, groups int) costs.Counts {
	sc := &scenario{name: "sweep", policies: forbid("ssh", sshFromInternet, "")}
	w := newWorld(t, sc)
	for i := range groups {
		w.have(fmt.Sprint("group-", i), https, egress)
	}
	config := w.config(guardKey, w.cloud.Transport())
	reader, table := inventory.New(ec2.NewFromConfig(config)), ledger.NewTable(dynamodb.NewFromConfig(config), w.cloud.Table())
	guard, err := warden.New(warden.Config{
		Set: sc.set(t), Inventory: reader, Applier: apply.New(ec2.NewFromConfig(config)), Ledger: table, Publisher: unheard{t}, Queue: unheard{t},
		Clock: time.Now, Sleep: func(context.Context, time.Duration) error { return nil }, Logger: slog.New(slog.DiscardHandler),
		Account: account, Region: region, Mode: policy.Enforce, Limits: plan.Limits{MayModify: true}, HolderID: "sweep",
	})
	require.NoError(t, err)
	sweeper := warden.NewSweeper(guard, reader, table)
	for range 2 {
		w.cloud.Forget()
		pass, err := sweeper.Sweep(context.Background(), warden.Cursor{})
		require.NoError(t, err)
		require.True(t, pass.Complete)
	}
	counts := counted(w.cloud.Calls(), guardKey)
	counts.Invocations = 1
	return counts
}
