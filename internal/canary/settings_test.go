package canary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFaultsOfSettingsAreToldTogether(t *testing.T) {
	_, err := FromEnviron([]string{"SGWARDEN_CANARY_GROUP=canary", "SGWARDEN_CANARY_DEFAULT_GROUP=default", "SGWARDEN_CANARY_EXPECT=gone", "SGWARDEN_GROUP=sg-0123456789abcdef0", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=a"})
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 6, "%s", err)
	for i, want := range []string{"SGWARDEN_GROUP: there is no such setting", "SGWARDEN_TABLE is missing", `SGWARDEN_CANARY_GROUP is "canary"`, `SGWARDEN_CANARY_DEFAULT_GROUP is "default"`, `SGWARDEN_CANARY_EXPECT is "gone"`, "AWS_SECRET_ACCESS_KEY is missing"} {
		require.Contains(t, lines[i], want)
	}
}
