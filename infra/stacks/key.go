package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// keyOf is the ARN of the customer's key in the region of the stack; nil
// without one. The key is somebody else's: the stack changes nothing of it, and
// its policy must let AWS's services in (docs/keys-and-subscribers.md).
//
// The constructs are not told of the key, but their resources: they would give
// rights on it as they see fit, and have EventBridge's right to send depend on the
// account alone.
func (a *account) keyOf(k policy.StackKey) *string {
	switch {
	case k.ARN == "":
		return nil
	case k.MultiRegion():
		return a.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("kms"), Account: jsii.String(k.Account), Resource: jsii.String("key"), ResourceName: jsii.String(k.ID),
		})
	}
	return jsii.String(k.ARN)
}

func (a *account) encryptQueue(q awssqs.Queue) awssqs.Queue {
	if a.key != nil {
		cfn := q.Node().DefaultChild().(awssqs.CfnQueue)
		cfn.AddPropertyDeletionOverride(jsii.String("SqsManagedSseEnabled")) // SQS takes one of the two
		cfn.SetKmsMasterKeyId(a.key)
	}
	return q
}

func (a *account) encryptTopic(t awssns.Topic) awssns.Topic {
	if a.key != nil {
		t.Node().DefaultChild().(awssns.CfnTopic).SetKmsMasterKeyId(a.key)
	}
	return t
}

// encryptBus: whoever puts events on the bus needs no right on its key,
// EventBridge uses it in its own name (EventBridge user guide, "Encrypting event
// buses").
func (a *account) encryptBus(b awsevents.EventBus) awsevents.EventBus {
	if a.key != nil {
		b.Node().DefaultChild().(awsevents.CfnEventBus).SetKmsKeyIdentifier(a.key)
	}
	return b
}

func (a *account) encryptTable(t awsdynamodb.Table) awsdynamodb.Table {
	if a.key != nil {
		t.Node().DefaultChild().(awsdynamodb.CfnTable).SetSseSpecification(&awsdynamodb.CfnTable_SSESpecificationProperty{
			SseEnabled: jsii.Bool(true), SseType: jsii.String("KMS"), KmsMasterKeyId: a.key,
		})
	}
	return t
}

func (a *account) encryptLogs(l awslogs.CfnLogGroup) {
	if a.key != nil {
		l.SetKmsKeyId(a.key)
	}
}

// The services that use the key in the name of who calls them (kms:ViaService).
const (
	viaTable = "dynamodb"
	viaTopic = "sns"
	viaQueue = "sqs"
)

// keyUse is what somebody calls on whose behalf a service uses the key. Who
// sends or publishes needs both (SQS developer guide, "Key management"; SNS
// developer guide, "Key management"); who receives, or calls DynamoDB, which keeps
// the table's own key, only the first.
type keyUse struct{ decrypt, encrypt []string }

// keyStatements are the rights on the customer's key; none without one. Only
// services of the stack's region may use them.
func (a *account) keyStatements(use keyUse) []awsiam.PolicyStatement {
	if a.key == nil {
		return nil
	}
	var all []awsiam.PolicyStatement
	for _, right := range []struct {
		sid, action string
		via         []string
	}{{"Decrypt", "kms:Decrypt", use.decrypt}, {"Encrypt", "kms:GenerateDataKey", use.encrypt}} {
		var services []any
		for _, name := range right.via {
			// What follows differs in China.
			services = append(services, name+"."+*a.stack.Region()+".*")
		}
		if len(services) == 0 {
			continue
		}
		all = append(all, awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String(right.sid), Actions: jsii.Strings(right.action), Resources: &[]*string{a.key},
			Conditions: &map[string]any{"StringLike": map[string]any{"kms:ViaService": services}},
		}))
	}
	return all
}

func (a *account) grantKey(role awsiam.Role, use keyUse) {
	for _, s := range a.keyStatements(use) {
		role.AddToPolicy(s)
	}
}
