package release

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/sgwarden/sgwarden/internal/metrics"
)

// given is a condition: a parameter is not empty.
func given(parameter string) object {
	return object{"Fn::Not": []any{object{"Fn::Equals": []any{object{"Ref": parameter}, ""}}}}
}

const (
	hasHub = "HasHub"
	// alertSid is the statement by which a role may alert: who alerts tells the
	// hub too.
	alertSid = "Alert"
	// hubBus is the name of the hub's bus.
	hubBus = "arn:${AWS::Partition}:events:${AWS::Region}:${HubAccount}:event-bus/sgwarden-hub"
)

var telling = regexp.MustCompile(`"SGWARDEN_HUB_BUS_ARN"`)

// addHub adds the parameters that name an organisation and its hub: with both,
// the functions that alert tell the hub, and may do nothing else there.
func addHub(t, resources object) error {
	switch text, err := write(t); {
	case err != nil:
		return err
	case telling.Match(text):
		return errors.New("synthesize it without the setting organisation: the template has parameters for it")
	}
	parameters := section(t, "Parameters")
	parameters["OrganisationId"] = object{
		"Type": "String", "Default": "", "AllowedPattern": `^$|^o-[a-z0-9]{10,32}$`, "Description": "Id of the AWS organisation whose hub is told of incidents; empty: there is none",
	}
	parameters["HubAccount"] = object{
		"Type": "String", "Default": "", "AllowedPattern": `^$|^[0-9]{12}$`, "Description": "Account with the hub's stack, in the same region; empty: there is none",
	}
	section(t, "Conditions")[hasHub] = object{"Fn::And": []any{given("OrganisationId"), given("HubAccount")}}
	functions, roles := 0, 0
	for _, r := range resources {
		one := r.(object)
		properties, _ := one["Properties"].(object)
		switch one["Type"] {
		case "AWS::Lambda::Function":
			environment, _ := properties["Environment"].(object)
			variables, _ := environment["Variables"].(object)
			if _, alerts := variables["SGWARDEN_TOPIC_ARN"]; alerts {
				variables["SGWARDEN_HUB_BUS_ARN"] = object{"Fn::If": []any{hasHub, object{"Fn::Sub": hubBus}, object{"Ref": "AWS::NoValue"}}}
				functions++
			}
		case "AWS::IAM::Policy":
			document, _ := properties["PolicyDocument"].(object)
			statements, _ := document["Statement"].([]any)
			for _, s := range statements {
				if statement, ok := s.(object); ok && statement["Sid"] == alertSid {
					document["Statement"] = append(statements, mayTellHub())
					roles++
					break
				}
			}
		}
	}
	if functions == 0 || functions != roles {
		return fmt.Errorf("%d functions alert, and %d roles may", functions, roles)
	}
	return addHubAlarm(resources)
}

// addHubAlarm adds the alarm that tells when the hub was not told, unless other
// sinks have it already. But for the metric, it is as the alarm of what is held:
// one sum of guard's, at once.
func addHubAlarm(resources object) error {
	var like object
	for _, r := range resources {
		one := r.(object)
		properties, _ := one["Properties"].(object)
		switch {
		case one["Type"] != "AWS::CloudWatch::Alarm":
		case properties["MetricName"] == metrics.SinkMissed.Name:
			return nil
		case properties["MetricName"] == metrics.Held.Name:
			like = maps.Clone(properties)
		}
	}
	name, ok := like["AlarmName"].(string)
	if !ok {
		return fmt.Errorf("it has no alarm %s", metrics.Held.Name)
	}
	like["AlarmName"], like["MetricName"] = strings.TrimSuffix(name, metrics.Held.Name)+metrics.SinkMissed.Name, metrics.SinkMissed.Name
	like["AlarmDescription"] = `sgwarden: the hub of the organisation did not get what the alerts told. What to do: docs/runbook/alarms.md, "SinkMissed".`
	resources["SinkMissedAlarm"] = object{"Type": "AWS::CloudWatch::Alarm", "Condition": hasHub, "Properties": like}
	return nil
}

// mayTellHub is the right to tell the hub, where there is one.
func mayTellHub() object {
	return object{"Fn::If": []any{hasHub, object{
		"Sid": "TellHub", "Effect": "Allow", "Action": "events:PutEvents", "Resource": object{"Fn::Sub": hubBus},
		"Condition": object{"StringEquals": object{"events:source": "sgwarden", "aws:ResourceOrgID": object{"Ref": "OrganisationId"}}},
	}, object{"Ref": "AWS::NoValue"}}}
}
