package conformance_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/conformance"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

func newSite(t *testing.T) (*localec2.Cloud, *conformance.Site) {
	t.Helper()
	now := time.Now()
	cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs(t.Name()), Clock: func() time.Time { return now }})
	site := &conformance.Site{Run: "test", EC2: ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	})}
	site.Stage = &conformance.Stage{Limit: cloud.LimitRequests, Lag: cloud.Lag, Slow: cloud.SlowLists, Pass: func(d time.Duration) { now = now.Add(d) }}
	require.NoError(t, cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion).PutListOfS3())
	account, err := site.Open(t.Context())
	require.NoError(t, err)
	require.Equal(t, localec2.DefaultAccount, account)
	return cloud, site
}

// TestLocalEC2 runs every case on the embedded EC2: all hold there.
func TestLocalEC2(t *testing.T) {
	cloud, site := newSite(t)
	for _, c := range conformance.Cases() {
		t.Run(c.Name, func(t *testing.T) { require.NoError(t, site.Try(t.Context(), c)) })
	}
	t.Run("leaves nothing behind", func(t *testing.T) {
		require.NoError(t, site.Remove(t.Context()))
		requireUntouched(t, cloud)
	})
}

// requireUntouched holds that an account is as it was made.
func requireUntouched(t *testing.T, cloud *localec2.Cloud) {
	t.Helper()
	account := cloud.Account(localec2.DefaultAccount, localec2.DefaultRegion)
	groups := account.Groups()
	require.Len(t, groups, 1)
	require.Equal(t, account.DefaultVPC(), groups[0].VPCID)
	require.Len(t, groups[0].Rules, 2)
}

// TestCasesAreWellFormed holds what the reference and the lists rely on.
func TestCasesAreWellFormed(t *testing.T) {
	all := conformance.Cases()
	require.GreaterOrEqual(t, len(all), 150)
	names := map[string]bool{}
	for _, c := range all {
		assert.Regexp(t, `^[a-z-]+/[a-z0-9-]+$`, c.Name)
		assert.False(t, names[c.Name], "%s is there twice", c.Name)
		names[c.Name] = true
		assert.Contains(t, []conformance.Source{conformance.Doc, conformance.Model, conformance.Moto, conformance.Inferred}, c.Source, c.Name)
		place, what, ok := strings.Cut(c.Rests, ": ")
		assert.True(t, ok && what != "", "%s: what rests on it is not PACKAGE: TEXT", c.Name)
		files, err := os.ReadDir("../../" + place)
		assert.NoError(t, err, "%s: no such package", c.Name)
		assert.NotEmpty(t, files, c.Name)
	}
}
