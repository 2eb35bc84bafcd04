package guard

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzFromEnviron holds that what is not right is refused, and no secret is
// repeated while that is said.
func FuzzFromEnviron(f *testing.F) {
	f.Add("SGWARDEN_MODE=enforce\nSGWARDEN_TABLE=t\nSGWARDEN_TOPIC_ARN=arn:aws:sns:eu-west-1:123456789012:t\nSGWARDEN_QUEUE_URL=https://sqs.eu-west-1.amazonaws.com/123456789012/q\nAWS_REGION=eu-west-1")
	f.Add("SGWARDEN_MODE=off\nSGWARDEN_X=1\nAWS_ENDPOINT_URL=::\nSGWARDEN_ROLE_ARN=arn:aws:iam::1:role/x")
	f.Add("=\n==\nAWS_REGION\n")
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "wJalrXUtnFEMI/K7MDENG"
		environ := append(strings.Split(text, "\n"), "AWS_SECRET_ACCESS_KEY="+secret)
		s, err := FromEnviron(environ)
		if err != nil {
			require.NotContains(t, err.Error(), secret)
			return
		}
		require.NotEmpty(t, s.Table)
		require.Contains(t, []string{"", "observe", "enforce"}, s.Mode)
	})
}
