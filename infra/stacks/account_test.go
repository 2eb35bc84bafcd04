//go:build !race

package stacks

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/deployment"
	"github.com/sgwarden/sgwarden/internal/doctor"
	"github.com/sgwarden/sgwarden/internal/guard"
)

func TestEveryWatchedCallHasAPatternAndNoOther(t *testing.T) {
	type pattern struct {
		Source     []string                                  `json:"source"`
		DetailType []string                                  `json:"detail-type"`
		Detail     struct{ EventSource, EventName []string } `json:"detail"`
	}
	var delivered, watched []string
	for id, r := range full.ofCalls() {
		text, err := json.Marshal(r.Properties["EventPattern"])
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), 2048, "%s: EventBridge takes 2048 characters", id)
		require.Equal(t, "ENABLED", r.Properties["State"])
		p := as[pattern](t, r.Properties["EventPattern"])
		require.Equal(t, []string{events.DetailType}, p.DetailType)
		require.Equal(t, []string{"ec2.amazonaws.com"}, p.Detail.EventSource)
		require.Equal(t, []string{"aws.ec2"}, p.Source)
		delivered = append(delivered, p.Detail.EventName...)
	}
	for _, c := range events.Calls() {
		require.Equal(t, "ec2.amazonaws.com", c.EventSource)
		watched = append(watched, c.EventName)
	}
	require.NotEmpty(t, watched)
	require.ElementsMatch(t, watched, delivered)
}

// TestTheTemplateIsTheSameEveryTime: the CDK skips a deployment only where the
// template is the same text.
func TestTheTemplateIsTheSameEveryTime(t *testing.T) {
	hub := aHub(t)
	for range 4 {
		again := synthesize(map[string]any{"dist": dist}, "")
		require.Equal(t, string(plain.file), string(again.file))
		require.Equal(t, string(hub.file), string(aHub(t).file))
	}
}

// ofCalls are the rules that bring changes before guard.
func (t template) ofCalls() map[string]resource {
	found := t.of("AWS::Events::Rule")
	maps.DeleteFunc(found, func(id string, _ resource) bool {
		return !slices.ContainsFunc(events.RuleNames(), func(n events.RuleName) bool { return isNamed(id, constructID(string(n))) })
	})
	return found
}

func TestAttachmentsAreTheirOwnRuleAndOffByDefault(t *testing.T) {
	require.Len(t, full.ofCalls(), len(plain.ofCalls())+1)
	for _, r := range plain.ofCalls() {
		text, err := json.Marshal(r.Properties["EventPattern"])
		require.NoError(t, err)
		require.NotContains(t, string(text), "RunInstances")
	}
}

func TestEveryRuleHasTheQueueAndDeadLetters(t *testing.T) {
	rules := full.ofCalls()
	require.Len(t, rules, len(events.RuleNames()))
	for id, r := range rules {
		targets := as[[]struct {
			Arn              any
			DeadLetterConfig struct{ Arn any }
			RetryPolicy      struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts int }
		}](t, r.Properties["Targets"])
		require.Len(t, targets, 1, id)
		require.Equal(t, arnOf(queueID(t, "Changes")), targets[0].Arn)
		require.Equal(t, arnOf(queueID(t, "Undelivered")), targets[0].DeadLetterConfig.Arn)
		require.Equal(t, 86400, targets[0].RetryPolicy.MaximumEventAgeInSeconds)
		require.Equal(t, 185, targets[0].RetryPolicy.MaximumRetryAttempts)
	}
}

// queueID is the logical id of a queue.
func queueID(t *testing.T, name string) string {
	t.Helper()
	for id := range plain.of("AWS::SQS::Queue") {
		if strings.HasPrefix(id, name) {
			return id
		}
	}
	t.Fatalf("there is no queue %s", name)
	return ""
}

func topicID(t *testing.T, name string) string {
	t.Helper()
	for id := range plain.of("AWS::SNS::Topic") {
		if strings.HasPrefix(id, name) {
			return id
		}
	}
	t.Fatalf("there is no topic %s", name)
	return ""
}

func TestQueues(t *testing.T) {
	queues := plain.of("AWS::SQS::Queue")
	require.Len(t, queues, 3)
	for id, q := range queues {
		require.Equal(t, true, q.Properties["SqsManagedSseEnabled"], id)
		require.EqualValues(t, 14*24*3600, q.Properties["MessageRetentionPeriod"], id)
	}
	changes := queues[queueID(t, "Changes")]
	_, function := plain.one(t, "AWS::Lambda::Function", "Guard")
	require.GreaterOrEqual(t, changes.Properties["VisibilityTimeout"], 6*function.Properties["Timeout"].(float64))
	redrive := as[struct {
		DeadLetterTargetArn any
		MaxReceiveCount     int
	}](t, changes.Properties["RedrivePolicy"])
	require.Equal(t, arnOf(queueID(t, "Failed")), redrive.DeadLetterTargetArn)
	require.GreaterOrEqual(t, redrive.MaxReceiveCount, 5, "Lambda asks for at least five")
}

// TestOnlyRulesAndFunctionsSend: whoever could send could forge who made a change.
func TestOnlyRulesAndFunctionsSend(t *testing.T) {
	role, _ := plain.one(t, "AWS::IAM::Role", "GuardRole")
	sweep, _ := plain.one(t, "AWS::IAM::Role", "SweepRole")
	for name, senders := range map[string]struct {
		template template
		want     []any
	}{
		"plain": {plain, []any{arnOf(role), arnOf(sweep)}},
		"full":  {full, []any{arnOf(role), arnOf(sweep), "arn:aws:iam::123456789012:role/operator"}},
	} {
		t.Run(name, func(t *testing.T) {
			rules, allowed, denied := []any{}, []any{}, 0
			for id := range senders.template.ofCalls() {
				rules = append(rules, arnOf(id))
			}
			for _, s := range queueStatements(t, senders.template, "Changes") {
				switch {
				case s.Effect == "Allow":
					require.Equal(t, list{map[string]any{"Service": "events.amazonaws.com"}}, s.Principal)
					from := as[list](t, s.Condition["ArnEquals"]["aws:SourceArn"])
					allowed = append(allowed, from...)
				case slices.Contains(s.Action.texts(t), "sqs:SendMessage"):
					denied++
					require.Equal(t, list{map[string]any{"AWS": "*"}}, s.Principal)
					require.Len(t, s.Condition, 1)
					require.ElementsMatch(t, rules, as[list](t, s.Condition["ArnNotEquals"]["aws:SourceArn"]))
					require.ElementsMatch(t, senders.want, as[list](t, s.Condition["ArnNotEquals"]["aws:PrincipalArn"]))
				}
			}
			require.ElementsMatch(t, rules, allowed)
			require.Equal(t, 1, denied)
		})
	}
}

func queueStatements(t *testing.T, tpl template, name string) []statement {
	t.Helper()
	var all []statement
	for _, p := range tpl.of("AWS::SQS::QueuePolicy") {
		if queues := as[[]struct{ Ref string }](t, p.Properties["Queues"]); strings.HasPrefix(queues[0].Ref, name) {
			all = append(all, statements(t, p)...)
		}
	}
	require.NotEmpty(t, all, name)
	return all
}

func TestQueuesAndTopicWantTLS(t *testing.T) {
	tls := func(all []statement) bool {
		return slices.ContainsFunc(all, func(s statement) bool {
			return s.Effect == "Deny" && s.Condition["Bool"]["aws:SecureTransport"] == "false"
		})
	}
	for _, name := range []string{"Changes", "Failed", "Undelivered"} {
		require.True(t, tls(queueStatements(t, plain, name)), name)
	}
	policies := plain.of("AWS::SNS::TopicPolicy")
	require.Len(t, policies, 2)
	for id, policy := range policies {
		require.True(t, tls(statements(t, policy)), id)
	}
}

func TestTable(t *testing.T) {
	_, table := plain.only(t, "AWS::DynamoDB::Table")
	text, err := json.Marshal(table.Properties)
	require.NoError(t, err)
	require.JSONEq(t, `{
		"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
		"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
		"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": true},
		"BillingMode": "PAY_PER_REQUEST",
		"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
		"SSESpecification": {"SSEEnabled": true},
		"DeletionProtectionEnabled": true}`, string(text))
	require.Equal(t, "Retain", table.DeletionPolicy)
	require.Equal(t, "Retain", table.UpdateReplacePolicy)
}

func TestFunction(t *testing.T) {
	for _, c := range []struct {
		name, architecture, mode string
		template                 template
	}{{"plain", "arm64", "observe", plain}, {"full", "x86_64", "enforce", full}} {
		t.Run(c.name, func(t *testing.T) {
			_, f := c.template.one(t, "AWS::Lambda::Function", "Guard")
			require.Equal(t, "provided.al2023", f.Properties["Runtime"])
			require.Equal(t, []any{c.architecture}, f.Properties["Architectures"])
			require.Equal(t, map[string]any{"Mode": "Active"}, f.Properties["TracingConfig"])
			role, _ := c.template.one(t, "AWS::IAM::Role", "GuardRole")
			require.Equal(t, arnOf(role), f.Properties["Role"])
			env := as[struct{ Variables map[string]any }](t, f.Properties["Environment"]).Variables
			require.Equal(t, c.mode, env["SGWARDEN_MODE"])
			require.Equal(t, arnOf(role), env["SGWARDEN_ROLE_ARN"])
			require.Regexp(t, `^[0-9a-f]{64}$`, env["SGWARDEN_POLICIES_DIGEST"])
		})
	}
}

// TestEveryFunctionIsForTheArchitectureOfTheBuild: what `make build` makes by
// default is for arm64, which `make smoke-arm64` runs.
func TestEveryFunctionIsForTheArchitectureOfTheBuild(t *testing.T) {
	for want, tpl := range map[string]template{"arm64": plain, "x86_64": full} {
		functions := tpl.of("AWS::Lambda::Function")
		require.Len(t, functions, len(folders))
		for id, f := range functions {
			require.Equal(t, []any{want}, f.Properties["Architectures"], id)
			require.Equal(t, "bootstrap", f.Properties["Handler"], id)
		}
	}
}

// TestEnvironmentIsWhatTheFunctionReads holds the stack and the settings of
// the function together, both ways.
func TestEnvironmentIsWhatTheFunctionReads(t *testing.T) {
	_, f := full.one(t, "AWS::Lambda::Function", "Guard")
	var set []string
	for name := range as[struct{ Variables map[string]any }](t, f.Properties["Environment"]).Variables {
		set = append(set, name)
	}
	read := slices.DeleteFunc(guard.Names(), func(n string) bool {
		return n == "SGWARDEN_POLICIES" // the policies lie beside the bootstrap
	})
	require.ElementsMatch(t, read, set)
}

// TestSinksAreOffUnlessAskedFor: no resource, right or variable of theirs.
func TestSinksAreOffUnlessAskedFor(t *testing.T) {
	for _, trace := range []string{"SGWARDEN_CHAT", "SGWARDEN_SECURITY", "_BUS_ARN", "securityhub", "PutEvents", "SinkMissed", "EventBus"} {
		require.NotContains(t, string(plain.raw), trace)
		require.Contains(t, string(full.raw), trace)
	}
}

func TestEventSource(t *testing.T) {
	_, m := plain.only(t, "AWS::Lambda::EventSourceMapping")
	require.Equal(t, arnOf(queueID(t, "Changes")), m.Properties["EventSourceArn"])
	require.Equal(t, []any{"ReportBatchItemFailures"}, m.Properties["FunctionResponseTypes"])
	require.Equal(t, map[string]any{"MaximumConcurrency": 5.0}, m.Properties["ScalingConfig"])
}

func TestLogsAreKeptAYear(t *testing.T) {
	require.Len(t, plain.of("AWS::Logs::LogGroup"), len(plain.of("AWS::Lambda::Function")))
	for id, logs := range plain.of("AWS::Logs::LogGroup") {
		require.EqualValues(t, 365, logs.Properties["RetentionInDays"])
		name, _, _ := strings.Cut(id, "Logs")
		_, f := plain.one(t, "AWS::Lambda::Function", name)
		require.Equal(t, map[string]any{"LogFormat": "JSON", "LogGroup": map[string]any{"Ref": id}}, f.Properties["LoggingConfig"])
	}
}

// TestOutputsAreWhatCommandsLookFor, both ways; two are for people alone.
func TestOutputsAreWhatCommandsLookFor(t *testing.T) {
	require.ElementsMatch(t, append(deployment.OutputNames(), "ReaderPolicy", "OperatorPolicy"), slices.Collect(maps.Keys(plain.Outputs)))
}

// TestDoctorKnowsOurRules by their descriptions, as those of another
// deployment too.
func TestDoctorKnowsOurRules(t *testing.T) {
	known := 0
	for _, r := range full.of("AWS::Events::Rule") {
		if text, _ := r.Properties["Description"].(string); strings.HasPrefix(text, doctor.RuleDescription) {
			known++
		}
	}
	require.Equal(t, len(events.RuleNames()), known)
}

// TestEveryTopicIsLookedAfter: doctor may ask who is subscribed to it, and
// calls that silence it are told.
func TestEveryTopicIsLookedAfter(t *testing.T) {
	for name, tpl := range map[string]template{"plain": plain, "full": full} {
		_, reader := tpl.one(t, "AWS::IAM::ManagedPolicy", "Reader")
		var asked list
		for _, s := range statements(t, reader) {
			if slices.Contains(s.Action, any("sns:ListSubscriptionsByTopic")) {
				asked = s.Resource
			}
		}
		require.Len(t, asked, len(tpl.of("AWS::SNS::Topic")), name)
		for id := range tpl.of("AWS::SNS::Topic") {
			ref := map[string]any{"Ref": id}
			require.Contains(t, asked, ref, name)
			for rule, key := range map[string]string{"SubscriptionTampered": "subscriptionArn", "TopicTampered": "topicArn"} {
				p := as[struct {
					Detail struct{ RequestParameters map[string]list }
				}](t, tpl.Resources[rule].Properties["EventPattern"])
				require.Contains(t, p.Detail.RequestParameters[key], any(map[string]any{"prefix": ref}), "%s %s", name, rule)
			}
		}
	}
}
