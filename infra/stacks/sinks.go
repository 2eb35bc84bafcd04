package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// HubBus is the name of the hub's bus, in every region: members name it
// without having seen it.
const HubBus = "sgwarden-hub"

// sinks are told beside the alert topic; what the settings do not ask for is
// nil or "".
type sinks struct {
	chat *string // ARN of the topic
	bus  *string // ARN of the own bus
	hub  *string // ARN of the hub's bus
}

// newSinks makes what the settings ask for. Nobody is subscribed to the topic
// for chats: Amazon Q Developer in chat applications subscribes itself, when a
// channel is set up with it.
func (a *account) newSinks(s Settings) sinks {
	var made sinks
	if s.Chat {
		made.chat = a.encryptTopic(awssns.NewTopic(a.stack, jsii.String("Chat"), &awssns.TopicProps{
			DisplayName: jsii.String("sgwarden chat"),
			EnforceSSL:  jsii.Bool(true),
		})).TopicArn()
		a.output("ChatTopicArn", made.chat)
	}
	if s.EventBus {
		made.bus = a.encryptBus(awsevents.NewEventBus(a.stack, jsii.String("Incidents"), &awsevents.EventBusProps{
			EventBusName: jsii.String(s.Name),
			Description:  jsii.String("Incidents of sgwarden, as docs/reference/sinks.md has them"),
		})).EventBusArn()
		a.output("EventBusArn", made.bus)
	}
	if s.Organisation.Hub != "" {
		made.hub = a.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("events"), Account: jsii.String(s.Organisation.Hub), Resource: jsii.String("event-bus"), ResourceName: jsii.String(HubBus),
		})
	}
	return made
}

func (a *account) output(name string, value *string) {
	awscdk.NewCfnOutput(a.stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value})
}

// grantSinks gives a role the right to tell each sink, and nothing beside it.
func (a *account) grantSinks(s Settings, role awsiam.Role) {
	if a.sinks.chat != nil {
		grant(role, "TellChat", &[]*string{a.sinks.chat}, nil, "sns:Publish")
	}
	if s.SecurityHub {
		grant(role, "TellSecurityHub", &[]*string{a.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("securityhub"), Resource: jsii.String("product"), ResourceName: jsii.String(*a.stack.Account() + "/default"),
		})}, nil, "securityhub:BatchImportFindings")
	}
	if a.sinks.bus != nil {
		grant(role, "TellEventBus", &[]*string{a.sinks.bus}, onlyIncidents(), "events:PutEvents")
	}
	if a.sinks.hub != nil {
		conditions := onlyIncidents()
		(*conditions)["StringEquals"].(map[string]any)["aws:ResourceOrgID"] = s.Organisation.ID
		grant(role, "TellHub", &[]*string{a.sinks.hub}, conditions, "events:PutEvents")
	}
}

// onlyIncidents are the conditions of putting events of ours, and no others'.
func onlyIncidents() *map[string]any {
	return &map[string]any{"StringEquals": map[string]any{"events:source": "sgwarden"}}
}

// environment tells a function of the sinks.
func (made sinks) environment(s Settings, env map[string]*string) {
	for name, value := range map[string]*string{"SGWARDEN_CHAT_TOPIC_ARN": made.chat, "SGWARDEN_EVENT_BUS_ARN": made.bus, "SGWARDEN_HUB_BUS_ARN": made.hub} {
		if value != nil {
			env[name] = value
		}
	}
	if s.SecurityHub {
		env["SGWARDEN_SECURITY_HUB"] = jsii.String("yes")
	}
}

// any reports whether there is a sink.
func (made sinks) any(s Settings) bool {
	return made.chat != nil || made.bus != nil || made.hub != nil || s.SecurityHub
}
