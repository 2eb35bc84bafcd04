package release

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var hash = strings.Repeat("0123456789abcdef", 4)

// synthesized is what the CDK makes of a function, a topic and a bootstrap.
func synthesized(change func(object)) []byte {
	t := object{
		"Parameters": object{"BootstrapVersion": object{"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}},
		"Rules":      object{"CheckBootstrapVersion": object{"Assertions": []any{}}},
		"Resources": object{
			"Guard": object{
				"Type": "AWS::Lambda::Function", "Metadata": object{"aws:asset:path": "asset." + hash, "aws:cdk:path": "Sgwarden/Guard"},
				"Properties": object{"Code": object{"S3Bucket": object{"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": hash + ".zip"}, "Timeout": 60, "Environment": object{"Variables": object{"SGWARDEN_TOPIC_ARN": object{"Ref": "Alerts"}}}},
			},
			"Rights": object{"Type": "AWS::IAM::Policy", "Properties": object{"PolicyDocument": object{"Statement": []any{object{"Sid": "Look"}, object{"Sid": "Alert"}}}}},
			"Canary": object{"Type": "AWS::IAM::Policy", "Properties": object{"PolicyDocument": object{"Statement": []any{object{"Sid": "Look"}}}}},
			"Alerts": object{"Type": "AWS::SNS::Topic"},
			"Held":   object{"Type": "AWS::CloudWatch::Alarm", "Properties": object{"AlarmName": "Sgwarden-Held", "AlarmDescription": "held", "MetricName": "Held", "AlarmActions": []any{object{"Ref": "Alerts"}}}},
		},
	}
	if change != nil {
		change(t)
	}
	text, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	return text
}

func TestTemplateNeedsNoCDK(t *testing.T) {
	for _, partition := range Partitions() {
		text, assets, err := Template(synthesized(nil), partition)
		require.NoError(t, err)
		require.Equal(t, []string{hash}, assets)
		bucket := map[string]string{"aws": "sgwarden-release", "aws-us-gov": "sgwarden-release-us-gov", "aws-cn": "sgwarden-release-cn"}[partition]
		require.JSONEq(t, `{
			"Parameters": {
				"CodeBucket": {"Type": "String", "Default": "`+bucket+`", "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]$",
					"Description": "Where the functions' code lies: this name, a hyphen and the region is the bucket, as Lambda takes code from its own region only"},
				"CodePrefix": {"Type": "String", "Default": "", "AllowedPattern": "^([A-Za-z0-9._-]+/)*$", "Description": "Before the keys of the code: empty, or ends in a slash"},
				"Email": {"Type": "String", "Default": "", "AllowedPattern": "^$|^[^@\\s]+@[^@\\s]+$", "Description": "Gets alerts and alarms, after it confirmed; empty: nobody is subscribed"},
				"OrganisationId": {"Type": "String", "Default": "", "AllowedPattern": "^$|^o-[a-z0-9]{10,32}$", "Description": "Id of the AWS organisation whose hub is told of incidents; empty: there is none"},
				"HubAccount": {"Type": "String", "Default": "", "AllowedPattern": "^$|^[0-9]{12}$", "Description": "Account with the hub's stack, in the same region; empty: there is none"}},
			"Conditions": {"HasEmail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Email"}, ""]}]},
				"HasHub": {"Fn::And": [{"Fn::Not": [{"Fn::Equals": [{"Ref": "OrganisationId"}, ""]}]}, {"Fn::Not": [{"Fn::Equals": [{"Ref": "HubAccount"}, ""]}]}]}},
			"Resources": {
				"Guard": {"Type": "AWS::Lambda::Function", "Properties": {"Timeout": 60,
					"Environment": {"Variables": {"SGWARDEN_TOPIC_ARN": {"Ref": "Alerts"},
						"SGWARDEN_HUB_BUS_ARN": {"Fn::If": ["HasHub", {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${HubAccount}:event-bus/sgwarden-hub"}, {"Ref": "AWS::NoValue"}]}}},
					"Code": {
					"S3Bucket": {"Fn::Sub": "${CodeBucket}-${AWS::Region}"}, "S3Key": {"Fn::Sub": "${CodePrefix}`+hash+`.zip"}}}},
				"Rights": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [{"Sid": "Look"}, {"Sid": "Alert"}, {"Fn::If": ["HasHub", {
					"Sid": "TellHub", "Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${HubAccount}:event-bus/sgwarden-hub"},
					"Condition": {"StringEquals": {"events:source": "sgwarden", "aws:ResourceOrgID": {"Ref": "OrganisationId"}}}}, {"Ref": "AWS::NoValue"}]}]}}},
				"Canary": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [{"Sid": "Look"}]}}},
				"Alerts": {"Type": "AWS::SNS::Topic"},
				"Held": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "Sgwarden-Held", "AlarmDescription": "held", "MetricName": "Held", "AlarmActions": [{"Ref": "Alerts"}]}},
				"SinkMissedAlarm": {"Type": "AWS::CloudWatch::Alarm", "Condition": "HasHub", "Properties": {"AlarmName": "Sgwarden-SinkMissed", "MetricName": "SinkMissed", "AlarmActions": [{"Ref": "Alerts"}],
					"AlarmDescription": "sgwarden: the hub of the organisation did not get what the alerts told. What to do: docs/runbook/alarms.md, \"SinkMissed\"."}},
				"AlertsEmail": {"Type": "AWS::SNS::Subscription", "Condition": "HasEmail",
					"Properties": {"TopicArn": {"Ref": "Alerts"}, "Protocol": "email", "Endpoint": {"Ref": "Email"}}}}}`, string(text))
	}
}

func TestTemplateRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(object)
		want   string
	}{
		{func(t object) { delete(t, "Resources") }, "it has no resources"},
		{func(t object) { delete(t["Resources"].(object), "Alerts") }, "has no topic"},
		{func(t object) { t["Resources"].(object)["Alerts"] = 5 }, "resource Alerts is no object"},
		{func(t object) { t["Resources"].(object)["S"] = object{"Type": "AWS::SNS::Subscription"} }, "without the settings email"},
		{func(t object) {
			t["Resources"].(object)["F"] = object{"Type": "AWS::Lambda::Function", "Properties": object{"Code": object{"ZipFile": "x"}}}
		}, "function F: its code is no asset"},
		{func(t object) {
			t["Resources"].(object)["Guard"].(object)["Properties"].(object)["Environment"] = object{"Variables": object{"SGWARDEN_HUB_BUS_ARN": "x"}}
		}, "without the setting organisation"},
		{func(t object) { delete(t["Resources"].(object), "Rights") }, "1 functions alert, and 0 roles may"},
		{func(t object) {
			delete(t["Resources"].(object)["Guard"].(object)["Properties"].(object), "Environment")
		}, "0 functions alert, and 1 roles may"},
		{func(t object) { delete(t["Resources"].(object), "Held") }, "it has no alarm Held"},
		{func(t object) { t["Outputs"] = object{"B": object{"Value": "cdk-hnb659fds-assets-1"}} }, "still needs the CDK's bootstrap: cdk-hnb659fds-"},
	} {
		_, _, err := Template(synthesized(c.change), "aws")
		require.ErrorContains(t, err, c.want)
	}
	_, _, err := Template([]byte("{"), "aws")
	require.ErrorContains(t, err, "read template")
}

// TestOtherSinksHaveTheirAlarm, which is that of the hub too, whether there is
// one or not.
func TestOtherSinksHaveTheirAlarm(t *testing.T) {
	text, _, err := Template(synthesized(func(t object) {
		t["Resources"].(object)["SinkMissedAlarmCC571182"] = object{"Type": "AWS::CloudWatch::Alarm", "Properties": object{"AlarmName": "Sgwarden-SinkMissed", "MetricName": "SinkMissed"}}
	}), "aws")
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), `"SinkMissed"`))
	require.NotContains(t, string(text), `"SinkMissedAlarm"`)
}

// TestChatsGetNoMail: the topic for chats has messages for programs, and no
// other subscriber than Amazon Q Developer.
func TestChatsGetNoMail(t *testing.T) {
	text, _, err := Template(synthesized(func(t object) {
		t["Resources"].(object)["Chat26DEB33F"] = object{"Type": "AWS::SNS::Topic"}
		t["Outputs"] = object{"ChatTopicArn": object{"Value": object{"Ref": "Chat26DEB33F"}}}
	}), "aws")
	require.NoError(t, err)
	require.Contains(t, string(text), `"AlertsEmail"`)
	require.NotContains(t, string(text), `"Chat26DEB33FEmail"`)
}

// TestZipIsTheSameTwice: its key is the hash of the files.
func TestZipIsTheSameTwice(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("binary"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "policies.bundle"), []byte("policies"), 0o600))
	var first, second bytes.Buffer
	require.NoError(t, Zip(&first, folder))
	require.NoError(t, Zip(&second, folder))
	require.Equal(t, first.Bytes(), second.Bytes())
	z, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	require.NoError(t, err)
	require.Len(t, z.File, 2)
	require.Equal(t, "bootstrap", z.File[0].Name)
	require.Equal(t, os.FileMode(0o755), z.File[0].Mode())
	require.Error(t, Zip(&first, filepath.Join(folder, "none")))
}
