package doctor

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/doctor/patient"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/ledger"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

type object = patient.Object

// noon is when every examination of these tests is.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// examined is an account, and the options for an examination of it.
type examined struct {
	*testing.T
	*patient.Account
	server  *httptest.Server
	set     *policy.Set // as the deployment, which observes, has it
	options Options
}

func newExamined(t *testing.T) *examined {
	t.Helper()
	set, b, err := bundle.Load("", bundle.Options{Mode: policy.Observe})
	require.NoError(t, err)
	x := &examined{
		T: t, set: set, Account: patient.New(func() time.Time { return noon }, b.Digest),
		options: Options{Stack: "Sgwarden", Region: patient.Region, Policies: b, Named: "the built-in pack baseline", Now: noon},
	}
	x.server = httptest.NewServer(x.Account)
	t.Cleanup(x.server.Close)
	return x
}

var atOnce = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })

func (x *examined) clients() Clients {
	return NewClients(aws.Config{
		Region: patient.Region, BaseEndpoint: aws.String(x.server.URL),
		// As many tries as the program makes: net/http now and then closes a
		// connection while its answer is read.
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.Backoff = atOnce })
		},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
}

func (x *examined) table() *ledger.Table {
	return x.clients().Ledger(x.Cloud.Table()).(*ledger.Table)
}

// swept records a complete sweep that set all acts.
func (x *examined) swept(at time.Time) {
	x.Helper()
	acts := map[string]policy.Act{}
	for _, rule := range x.set.Policies {
		acts[rule.ID+"@"+rule.Digest()] = policy.Act{Done: true, Start: at, At: at}
	}
	require.NoError(x, x.table().RecordSweep(x.Context(), incident.SweepRecord{Acts: acts, Stamp: at}))
	x.Forget()
}

func (x *examined) deployed() Report { return Deployed(x.Context(), x.clients(), x.options) }
func (x *examined) before() Report   { return BeforeDeploy(x.Context(), x.clients(), x.options) }

// of are the findings of one check.
func (x *examined) of(r Report, check string) []Finding {
	x.Helper()
	found := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Check != check })
	require.NotEmpty(x, found, check)
	return found
}

// containsBoth says whether a finding says and advises what an ailment wants.
func containsBoth(f Finding, a ailment) bool {
	return strings.Contains(f.Says, a.says) && strings.Contains(f.Do, a.do)
}

// mark writes the item of a group whose rule the baseline act of the policy on
// administration ports marked.
func (x *examined) mark(group string, r secgroup.Rule) {
	x.Helper()
	known := policy.Known{Rules: map[string]policy.KnownRule{r.ID: {Rule: r, Since: noon.Add(-time.Hour), Baseline: []string{"admin-ports-from-internet"}}}}
	_, err := x.table().Open(x.Context(), incident.Opening{GroupID: group, Known: known, Now: noon})
	require.NoError(x, err)
}

// judging makes the policies at hand those of settings.
func (x *examined) judging(settings string) {
	x.Helper()
	folder := x.TempDir()
	require.NoError(x, os.WriteFile(filepath.Join(folder, "sgwarden.yaml"), []byte(settings), 0o600))
	var err error
	_, x.options.Policies, err = bundle.Load(folder, bundle.Options{})
	require.NoError(x, err)
}
