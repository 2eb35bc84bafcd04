// Package stacks holds the CloudFormation stacks of sgwarden.
//
// Account is one account and region: EventBridge rules whose patterns come
// from the table of package events, the queue with its dead letters, guard
// with exactly the rights that its adapters declare, the table, the topic. A
// stack in observe mode grants no call that changes anything in EC2.
package stacks
