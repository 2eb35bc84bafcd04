//go:build e2e

package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/conformance"
)

// conformanceOnMoto holds where the emulator differs from EC2 against the list of
// its differences, both ways: one that appears or vanishes fails. Cases that
// need a stage cannot be tried. It works in a region of its own, away from the
// scenarios.
func conformanceOnMoto(t *testing.T) {
	config := stage.emulator.config()
	config.Region, config.Retryer = "eu-west-1", func() aws.Retryer { return aws.NopRetryer{} }
	site := &conformance.Site{EC2: ec2.NewFromConfig(config), Run: "e2e"}
	_, err := site.Open(t.Context())
	require.NoError(t, err)
	known := conformance.MotoDifferences()
	for _, c := range conformance.Cases() {
		if c.Staged {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			err := site.Try(t.Context(), c)
			if reason, listed := known[c.Name]; listed {
				assert.Error(t, err, "moto does not differ any more: take it off internal/conformance/moto.txt, which says: %s", reason)
			} else {
				assert.NoError(t, err, "moto differs: put it on internal/conformance/moto.txt, with what it does")
			}
		})
	}
}
