package guard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Names of the environment variables, a contract. Nothing else that begins
// with SGWARDEN_ may be set.
const (
	envMode     = "SGWARDEN_MODE"
	envTable    = "SGWARDEN_TABLE"
	envTopic    = "SGWARDEN_TOPIC_ARN"
	envQueue    = "SGWARDEN_QUEUE_URL"
	envPolicies = "SGWARDEN_POLICIES"
	envDigest   = "SGWARDEN_POLICIES_DIGEST"
	envRole     = "SGWARDEN_ROLE_ARN"
	envCanary   = "SGWARDEN_CANARY_GROUP"
	envChat     = "SGWARDEN_CHAT_TOPIC_ARN"
	envFindings = "SGWARDEN_SECURITY_HUB"
	envBus      = "SGWARDEN_EVENT_BUS_ARN"
	envHubBus   = "SGWARDEN_HUB_BUS_ARN"
)

// Names lists the environment variables of ours that the function reads.
func Names() []string {
	return []string{envMode, envTable, envTopic, envQueue, envPolicies, envDigest, envRole, envCanary, envChat, envFindings, envBus, envHubBus}
}

// Settings is the function's environment, checked.
type Settings struct {
	Mode     string // "observe", "enforce", or "" = not set: what sgwarden.yaml says, else observe
	Table    string
	TopicARN string
	QueueURL string
	Policies string // folder; "" = beside the bootstrap
	Digest   string // that the policies must have; "" = any
	RoleARN  string // of the deployment, by which own calls are known; "" = none is
	Canary   string // the group that the canary opens; "" = there is no canary

	// Sinks beside the topic; "" = there is no such sink.
	ChatTopicARN string
	SecurityHub  string // "yes": findings of the own account and region
	EventBusARN  string // of the deployment's own bus
	HubBusARN    string // of the organisation's, in another account

	AWS Environment
}

// Environment is what AWS itself tells a function.
type Environment struct {
	Region                             string
	AccessKeyID, SecretKey, SessionKey string
	endpoints                          map[string]string // by service as in AWS_ENDPOINT_URL_SERVICE; "" = all

	// Transport carries the calls; nil = connections over the network. Tests
	// set it, to run guard on an AWS in the same process.
	Transport http.RoundTripper
}

// Endpoint is the endpoint that is set for a service ("EC2", "DYNAMODB",
// "SNS", "SQS", "EVENTBRIDGE", "SECURITYHUB"), or for all; "" = the service's own.
func (e Environment) Endpoint(service string) string {
	if url, ok := e.endpoints[service]; ok {
		return url
	}
	return e.endpoints[""]
}

// services whose endpoint may be set alone: those that guard calls.
var services = []string{"EC2", "DYNAMODB", "SNS", "SQS", "EVENTBRIDGE", "SECURITYHUB"}

// FromEnviron checks environ (NAME=value, as os.Environ gives it). The error
// holds every fault, one a line, in a fixed order. Values never appear for
// names that could hold a secret. An empty value counts as not set.
func FromEnviron(environ []string) (Settings, error) {
	env := map[string]string{}
	var faults []error
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
		if strings.HasPrefix(name, "SGWARDEN_") && !slices.Contains(Names(), name) {
			faults = append(faults, fmt.Errorf("%s: there is no such setting; there are %s", name, strings.Join(Names(), ", ")))
		}
	}
	s := Settings{
		Mode: env[envMode], Table: env[envTable], TopicARN: env[envTopic], QueueURL: env[envQueue],
		Policies: env[envPolicies], Digest: env[envDigest], RoleARN: env[envRole], Canary: env[envCanary],
		ChatTopicARN: env[envChat], SecurityHub: env[envFindings], EventBusARN: env[envBus], HubBusARN: env[envHubBus],
		AWS: environmentOf(env),
	}
	faults = append(faults, s.checkOwn()...)
	faults = append(faults, s.checkAWS(env)...)
	return s, errors.Join(append(faults, s.contradictions()...)...)
}

func (s Settings) checkOwn() []error {
	var faults []error
	fault := func(name, value, want string) {
		if value == "" {
			faults = append(faults, fmt.Errorf("%s is missing: %s", name, want))
		} else {
			faults = append(faults, fmt.Errorf("%s is %q: %s", name, value, want))
		}
	}
	if s.Mode != "" && s.Mode != "observe" && s.Mode != "enforce" {
		fault(envMode, s.Mode, "want observe or enforce")
	}
	if !isTable(s.Table) {
		fault(envTable, s.Table, "want the name of the DynamoDB table")
	}
	if topicRegion(s.TopicARN) == "" {
		fault(envTopic, s.TopicARN, "want the ARN of the SNS topic")
	}
	if queueAccount(s.QueueURL) == "" {
		fault(envQueue, s.QueueURL, "want the URL of the SQS queue, as https://HOST/ACCOUNT/NAME")
	}
	if s.Digest != "" && !isDigest(s.Digest) {
		fault(envDigest, s.Digest, "want the 64 hexadecimal digits that `sgwarden bundle` prints")
	}
	if s.RoleARN != "" && roleAccount(s.RoleARN) == "" {
		fault(envRole, s.RoleARN, "want the ARN of guard's role")
	}
	if s.Canary != "" && !IsGroup(s.Canary) {
		fault(envCanary, s.Canary, "want the id of the canary's security group")
	}
	if s.ChatTopicARN != "" && topicRegion(s.ChatTopicARN) == "" {
		fault(envChat, s.ChatTopicARN, "want the ARN of the SNS topic for chats")
	}
	if s.SecurityHub != "" && s.SecurityHub != "yes" {
		fault(envFindings, s.SecurityHub, "want yes, or nothing")
	}
	for _, bus := range []struct{ name, arn string }{{envBus, s.EventBusARN}, {envHubBus, s.HubBusARN}} {
		if bus.arn != "" && busRegion(bus.arn) == "" {
			fault(bus.name, bus.arn, "want the ARN of an event bus, as arn:aws:events:REGION:ACCOUNT:event-bus/NAME")
		}
	}
	return faults
}

// EnvironmentOf checks what AWS tells a function, of environ as FromEnviron
// takes it. Names of ours are left alone.
func EnvironmentOf(environ []string) (Environment, error) {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	e := environmentOf(env)
	return e, errors.Join(Settings{AWS: e}.checkAWS(env)...)
}

func environmentOf(env map[string]string) Environment {
	return Environment{
		Region:      env["AWS_REGION"],
		AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretKey: env["AWS_SECRET_ACCESS_KEY"], SessionKey: env["AWS_SESSION_TOKEN"],
		endpoints: map[string]string{},
	}
}

func (s Settings) checkAWS(env map[string]string) []error {
	var faults []error
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if env[name] == "" {
			faults = append(faults, fmt.Errorf("%s is missing: Lambda sets it", name))
		}
	}
	if strings.EqualFold(env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"], "true") {
		return faults
	}
	endpoint := func(service, name string) {
		value := env[name]
		if value == "" {
			return
		}
		if u, err := url.Parse(value); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			faults = append(faults, fmt.Errorf("%s is %q: want a URL, as https://HOST:PORT", name, value))
			return
		}
		s.AWS.endpoints[service] = value
	}
	endpoint("", "AWS_ENDPOINT_URL")
	for _, service := range services {
		endpoint(service, "AWS_ENDPOINT_URL_"+service)
	}
	return faults
}

// contradictions are settings that are fine alone and cannot all be true.
func (s Settings) contradictions() []error {
	var faults []error
	if topic := topicRegion(s.TopicARN); topic != "" && s.AWS.Region != "" && topic != s.AWS.Region {
		faults = append(faults, fmt.Errorf("%s is in %s, but AWS_REGION is %s: SNS answers for its own region only", envTopic, topic, s.AWS.Region))
	}
	if chat := topicRegion(s.ChatTopicARN); chat != "" && s.AWS.Region != "" && chat != s.AWS.Region {
		faults = append(faults, fmt.Errorf("%s is in %s, but AWS_REGION is %s: SNS answers for its own region only", envChat, chat, s.AWS.Region))
	}
	if s.ChatTopicARN != "" && s.ChatTopicARN == s.TopicARN {
		faults = append(faults, fmt.Errorf("%s is %s too: chats take no alerts, and people no notifications", envChat, envTopic))
	}
	for _, bus := range []struct{ name, arn string }{{envBus, s.EventBusARN}, {envHubBus, s.HubBusARN}} {
		if region := busRegion(bus.arn); region != "" && s.AWS.Region != "" && region != s.AWS.Region {
			faults = append(faults, fmt.Errorf("%s is in %s, but AWS_REGION is %s: EventBridge takes events for buses of its own region only", bus.name, region, s.AWS.Region))
		}
	}
	if table, _, _, ok := arnOf("dynamodb", s.Table); ok && s.AWS.Region != "" && table != s.AWS.Region {
		faults = append(faults, fmt.Errorf("%s is in %s, but AWS_REGION is %s: guard works in its own region", envTable, table, s.AWS.Region))
	}
	if queue := queueRegion(s.QueueURL); queue != "" && s.AWS.Region != "" && queue != s.AWS.Region {
		faults = append(faults, fmt.Errorf("%s is in %s, but AWS_REGION is %s: guard works in its own region", envQueue, queue, s.AWS.Region))
	}
	if queue, role := queueAccount(s.QueueURL), roleAccount(s.RoleARN); queue != "" && role != "" && queue != role {
		faults = append(faults, fmt.Errorf("%s is of account %s, but %s of %s: guard works in its own account", envQueue, queue, envRole, role))
	}
	return faults
}
