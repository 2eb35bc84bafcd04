// Package localaws is an AWS for guard in one process: localec2's EC2 and STS,
// a DynamoDB, one SNS topic and one SQS queue, behind one endpoint. It lists
// every call in the order of arrival, and can disturb any of them.
//
// It is as strict as AWS or stricter: what it does not know is refused, never
// a fake success. Signatures are not checked; a request must have one, which
// names its service and region. An access key id of twelve digits is its
// account.
//
// It runs in a testing/synctest bubble: it holds no goroutine and no timer.
package localaws
