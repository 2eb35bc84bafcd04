package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAShortenedWordIsRecognised where no word is near: by its letters in their
// order, and by the shortest that has them.
func TestAShortenedWordIsRecognised(t *testing.T) {
	calls := []string{"AuthorizeSecurityGroupIngressAndMore", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress"}
	for word, want := range map[string]string{
		"AuthorizeIngress": "AuthorizeSecurityGroupIngress", "authorizeingress": "AuthorizeSecurityGroupIngress", "RevokeEgress": "RevokeSecurityGroupEgress",
		"IngressAuthorize": "", "Ingress": "AuthorizeSecurityGroupIngress", "Egress": "RevokeSecurityGroupEgress", "gress": "", "nothing of it": "",
	} {
		require.Equal(t, want, nearest(word, calls), word)
	}
}
