package doctor

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/alert"
	"github.com/sgwarden/sgwarden/internal/doctor/patient"
)

func TestAHealthyDeploymentHasNothingToDo(t *testing.T) {
	x := newExamined(t)
	x.swept(noon.Add(-7 * time.Minute))
	r := x.deployed()
	for _, f := range r.Findings {
		require.Equal(t, OK, f.State, "%+v", f)
		require.Empty(t, f.Do, "%+v", f)
	}
	require.Equal(t, patient.ID, r.Account)
	require.Equal(t, patient.Caller, r.Caller)
	require.Equal(t, "observe", r.Mode)
	require.Equal(t, "the last complete sweep was 7 min ago", x.of(r, "sweep")[0].Says)
	require.Contains(t, x.of(r, "baseline")[0].Says, "no rule stands by it")
	require.Empty(t, x.Cloud.Published(), "nothing is sent unasked")
}

func TestAReadyAccount(t *testing.T) {
	x := newExamined(t)
	x.notDeployed()
	r := x.before()
	for _, f := range r.Findings {
		require.Equal(t, OK, f.State, "%+v", f)
	}
	require.Equal(t, AboutAccount, r.About)
	require.Empty(t, r.Mode)
}

func (x *examined) notDeployed() {
	x.Answers["cloudformation.DescribeStacks"] = patient.ByName("StackName", object{"CDKToolkit": x.Stacks()["CDKToolkit"]}, noStack)
	x.Says("monitoring.DescribeAlarms", object{"MetricAlarms": []any{}})
}

var (
	noStack = patient.Refusal{Code: "ValidationError", Message: "Stack with id X does not exist"}
	denied  = patient.Refusal{Code: "AccessDeniedException", Message: "User is not authorized to perform"}
	gone    = patient.Refusal{Code: "ResourceNotFoundException", Message: "it does not exist"}
)

// TestPermissionsAreWhatIsAsked holds the list that the stack's managed
// policies are made of to the calls that an examination makes, both ways.
func TestPermissionsAreWhatIsAsked(t *testing.T) {
	x := newExamined(t)
	x.swept(noon)
	x.Says("sqs.GetQueueAttributes", patient.Holding(3)) // asks for the age too
	x.Says("config.DescribeConfigRules", configRules("ssh", "INCOMING_SSH_DISABLED"))
	x.deployed()
	x.before()
	var want []string
	for _, actions := range Permissions() {
		want = append(want, actions...)
	}
	require.ElementsMatch(t, want, x.actions())

	x.Forget()
	x.options.TestAlert = true
	x.deployed()
	require.Subset(t, x.actions(), TestAlertPermissions())
}

// actions are what was asked, as IAM calls it.
func (x *examined) actions() (actions []string) {
	for _, name := range x.Asked() {
		service, operation, _ := strings.Cut(name, ".")
		switch service {
		case "sts": // needs no right
		case "monitoring":
			actions = append(actions, "cloudwatch:"+operation)
		default:
			actions = append(actions, service+":"+operation)
		}
	}
	return actions
}

// TestWhatMayNotBeAskedIsSaid: each call by itself is denied. What it was for
// is not known, with the right that it takes, and never well.
func TestWhatMayNotBeAskedIsSaid(t *testing.T) {
	x := newExamined(t)
	x.Says("config.DescribeConfigRules", configRules("ssh", "INCOMING_SSH_DISABLED"))
	x.Says("sqs.GetQueueAttributes", patient.Holding(3))
	x.swept(noon)
	for operation, answer := range x.Answers {
		x.Says(operation, denied)
		said := 0
		for _, f := range append(x.deployed().Findings, x.before().Findings...) {
			if f.State == NotKnown && f.Do == "let your role call "+strings.Replace(strings.Replace(operation, ".", ":", 1), "monitoring", "cloudwatch", 1) {
				said++
			}
		}
		require.Positive(t, said, operation)
		x.Answers[operation] = answer
	}
}

func TestWhatFailsIsNotKnown(t *testing.T) {
	x := newExamined(t)
	x.server.Close()
	r := x.deployed()
	require.Equal(t, 3, len(r.Findings), "without the stack there is nothing else to ask")
	require.Equal(t, 3, r.Count(NotKnown))
}

func TestATestAlertArrives(t *testing.T) {
	x := newExamined(t)
	x.options.TestAlert = true
	r := x.deployed()
	require.Equal(t, OK, x.of(r, "test alert")[0].State)
	sent := x.Cloud.Published()
	require.Len(t, sent, 1)
	require.Equal(t, "TEST: alerts of sgwarden arrive here", sent[0].Subject)
	require.Contains(t, sent[0].For("email"), "This is a test. No rule was opened, and nothing was changed.")
	require.Contains(t, sent[0].For("email"), "for assumed-role/operator/ida.")
	require.JSONEq(t, `{"test": true, "accountId": "123456789012", "region": "us-east-1", "stack": "Sgwarden", "mode": "observe", "sentBy": "assumed-role/operator/ida"}`, sent[0].For("sqs"))
	require.Equal(t, alert.EventTypeTest, sent[0].Attributes[alert.AttrEventType].Value)
	for _, name := range alert.AttributeNames() {
		require.NotEmpty(t, sent[0].Attributes[name].Value, name)
	}
}

func TestShortenKeepsWhatIsNoAnswer(t *testing.T) {
	require.Equal(t, "broken", shorten(errors.New("broken")))
}
