package guard

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/warden"
)

// TestALostAnswerIsToldOf: the first answer is lost, the second says that the
// rule is gone: perhaps by the first.
func TestALostAnswerIsToldOf(t *testing.T) {
	for name, losses := range map[string]int{"none": 0, "one": 1, "two": 2} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls <= losses {
					panic(http.ErrAbortHandler) // cuts the connection
				}
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`<Response><Errors><Error><Code>InvalidSecurityGroupRuleId.NotFound</Code><Message>gone</Message></Error></Errors><RequestID>r</RequestID></Response>`))
			}))
			defer server.Close()
			e := Environment{Region: "us-east-1", AccessKeyID: "a", SecretKey: "b", endpoints: map[string]string{"": server.URL}}
			res := apply.New(e.clients().ec2).Apply(t.Context(), plan.Revoke{
				GroupID: "sg-0123456789abcdef0", Direction: secgroup.Ingress, Rules: []secgroup.Rule{{ID: "sgr-0123456789abcdef0"}},
			})
			require.ErrorIs(t, res.Err, incident.ErrGone)
			var told warden.Tried
			if losses == 0 {
				require.NotErrorAs(t, res.Err, &told)
			} else {
				require.ErrorAs(t, res.Err, &told)
				require.Equal(t, losses+1, told.Tries())
			}
		})
	}
}
