package guard

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// complete is a full and correct environment, as the stack and Lambda set it.
func complete() map[string]string {
	return map[string]string{
		"SGWARDEN_MODE":            "enforce",
		"SGWARDEN_TABLE":           "Sgwarden-Ledger-1",
		"SGWARDEN_TOPIC_ARN":       "arn:aws:sns:us-east-1:123456789012:alerts",
		"SGWARDEN_QUEUE_URL":       "https://sqs.us-east-1.amazonaws.com/123456789012/changes",
		"SGWARDEN_POLICIES_DIGEST": strings.Repeat("0a", 32),
		"SGWARDEN_ROLE_ARN":        "arn:aws:iam::123456789012:role/guard",
		"AWS_REGION":               "us-east-1",
		"AWS_ACCESS_KEY_ID":        "AKIA",
		"AWS_SECRET_ACCESS_KEY":    "secret",
		"AWS_SESSION_TOKEN":        "token",
		"PATH":                     "/bin",
	}
}

func pairs(env map[string]string) []string {
	var all []string
	for k, v := range env {
		all = append(all, k+"="+v)
	}
	return all
}

func TestSettingsAreRead(t *testing.T) {
	env := complete()
	env["AWS_ENDPOINT_URL"] = "http://localhost:5000"
	env["AWS_ENDPOINT_URL_EC2"] = "http://localhost:6000"
	s, err := FromEnviron(pairs(env))
	require.NoError(t, err)
	require.Equal(t, "enforce", s.Mode)
	require.Equal(t, "Sgwarden-Ledger-1", s.Table)
	require.Equal(t, "us-east-1", s.AWS.Region)
	require.Equal(t, "http://localhost:6000", s.AWS.Endpoint("EC2"))
	require.Equal(t, "http://localhost:5000", s.AWS.Endpoint("SNS"))
	env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
	s, err = FromEnviron(pairs(env))
	require.NoError(t, err)
	require.Empty(t, s.AWS.Endpoint("EC2"))
}

func TestOptionalSettings(t *testing.T) {
	env := complete()
	for _, name := range []string{"SGWARDEN_MODE", "SGWARDEN_POLICIES_DIGEST", "SGWARDEN_ROLE_ARN", "AWS_SESSION_TOKEN"} {
		env[name] = ""
	}
	_, err := FromEnviron(pairs(env))
	require.NoError(t, err)
}

func TestFormsThatAreFine(t *testing.T) {
	for variable, values := range map[string][]string{
		"SGWARDEN_TABLE":     {"abc", "Sgwarden-Ledger_1.x", "arn:aws:dynamodb:us-east-1:123456789012:table/Ledger"},
		"SGWARDEN_TOPIC_ARN": {"arn:aws-cn:sns:us-east-1:123456789012:a", "arn:aws-us-gov:sns:us-east-1:123456789012:Alerts_1-x"},
		"SGWARDEN_ROLE_ARN":  {"arn:aws:iam::123456789012:role/path/to/guard", "arn:aws:iam::123456789012:role/a+b=c,d.e@f_g-h"},
	} {
		for _, value := range values {
			env := complete()
			env[variable] = value
			_, err := FromEnviron(pairs(env))
			require.NoError(t, err, value)
		}
	}
}

func TestEveryFaultIsTold(t *testing.T) {
	_, err := FromEnviron(nil)
	require.Equal(t, []string{
		"SGWARDEN_TABLE is missing: want the name of the DynamoDB table",
		"SGWARDEN_TOPIC_ARN is missing: want the ARN of the SNS topic",
		"SGWARDEN_QUEUE_URL is missing: want the URL of the SQS queue, as https://HOST/ACCOUNT/NAME",
		"AWS_REGION is missing: Lambda sets it",
		"AWS_ACCESS_KEY_ID is missing: Lambda sets it",
		"AWS_SECRET_ACCESS_KEY is missing: Lambda sets it",
	}, strings.Split(err.Error(), "\n"))
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, variable, value, want string }{
		{"mode", "SGWARDEN_MODE", "Enforce", `SGWARDEN_MODE is "Enforce": want observe or enforce`},
		{"table", "SGWARDEN_TABLE", "a b", `SGWARDEN_TABLE is "a b"`},
		{"topic is a queue", "SGWARDEN_TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:alerts", "want the ARN of the SNS topic"},
		{"topic name", "SGWARDEN_TOPIC_ARN", "alerts", "want the ARN of the SNS topic"},
		{"queue is an ARN", "SGWARDEN_QUEUE_URL", "arn:aws:sqs:us-east-1:123456789012:changes", "want the URL of the SQS queue"},
		{"queue without account", "SGWARDEN_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/changes", "want the URL of the SQS queue"},
		{"table of another service", "SGWARDEN_TABLE", "arn:aws:sns:us-east-1:123456789012:table/ledger", "want the name of the DynamoDB table"},
		{"short table", "SGWARDEN_TABLE", "ab", "want the name of the DynamoDB table"},
		{"topic with a path", "SGWARDEN_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:a/b", "want the ARN of the SNS topic"},
		{"topic of no account", "SGWARDEN_TOPIC_ARN", "arn:aws:sns:us-east-1:12345:alerts", "want the ARN of the SNS topic"},
		{"topic of another cloud", "SGWARDEN_TOPIC_ARN", "arn:gcp:sns:us-east-1:123456789012:alerts", "want the ARN of the SNS topic"},
		{"queue by another protocol", "SGWARDEN_QUEUE_URL", "ftp://h/123456789012/changes", "want the URL of the SQS queue"},
		{"fifo queue", "SGWARDEN_QUEUE_URL", "https://h/123456789012/changes.fifo", "want the URL of the SQS queue"},
		{"role of a region", "SGWARDEN_ROLE_ARN", "arn:aws:iam:us-east-1:123456789012:role/guard", "want the ARN of guard's role"},
		{"user", "SGWARDEN_ROLE_ARN", "arn:aws:iam::123456789012:user/guard", "want the ARN of guard's role"},
		{"upper case digest", "SGWARDEN_POLICIES_DIGEST", strings.Repeat("0A", 32), "64 hexadecimal digits"},
		{"digest", "SGWARDEN_POLICIES_DIGEST", "sha256:00", "64 hexadecimal digits"},
		{"role", "SGWARDEN_ROLE_ARN", "guard", "want the ARN of guard's role"},
		{"unknown name", "SGWARDEN_TOPIC", "x", "SGWARDEN_TOPIC: there is no such setting"},
		{"unknown and empty", "SGWARDEN_DRY_RUN", "", "SGWARDEN_DRY_RUN: there is no such setting"},
		{"endpoint", "AWS_ENDPOINT_URL", "localhost:5000", "AWS_ENDPOINT_URL is"},
		{"endpoint of a service", "AWS_ENDPOINT_URL_SQS", "://", "AWS_ENDPOINT_URL_SQS is"},
		{"topic of another region", "SGWARDEN_TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:alerts", "SNS answers for its own region only"},
		{"queue of another account", "SGWARDEN_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/999999999999/changes", "guard works in its own account"},
		{"queue of another region", "SGWARDEN_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/changes", "SGWARDEN_QUEUE_URL is in eu-west-1"},
		{"table of another region", "SGWARDEN_TABLE", "arn:aws:dynamodb:eu-west-1:123456789012:table/Ledger", "SGWARDEN_TABLE is in eu-west-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := complete()
			env[c.variable] = c.value
			_, err := FromEnviron(pairs(env))
			require.ErrorContains(t, err, c.want)
			require.Len(t, strings.Split(err.Error(), "\n"), 1, "one fault, one line")
		})
	}
}

func TestFiveFaultsAreFiveLines(t *testing.T) {
	env := complete()
	maps.Copy(env, map[string]string{"SGWARDEN_MODE": "on", "SGWARDEN_TABLE": "", "SGWARDEN_X": "1", "SGWARDEN_ROLE_ARN": "r", "AWS_REGION": ""})
	_, err := FromEnviron(pairs(env))
	require.Len(t, strings.Split(err.Error(), "\n"), 5)
	require.NotContains(t, err.Error(), "secret")
}

func TestAddressesOfEmulators(t *testing.T) {
	for _, url := range []string{"http://localhost:5931/123456789012/q", "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/q", "http://127.0.0.1:9324/queue/000000000000/q"} {
		env := complete()
		delete(env, "SGWARDEN_ROLE_ARN")
		env["SGWARDEN_QUEUE_URL"] = url
		_, err := FromEnviron(pairs(env))
		require.NoError(t, err, url)
	}
}

func TestNamesAreOfOneKind(t *testing.T) {
	for _, n := range Names() {
		require.True(t, strings.HasPrefix(n, "SGWARDEN_"))
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(Names()))), 12)
}
