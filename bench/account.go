package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/runtimeapi"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

const (
	vpcID        = "vpc-0be4c400000000001"
	rulesAllowed = 1000 // the most that EC2 raises the quota of a group to
)

// account is an AWS on the loopback interface, and people who change groups.
type account struct {
	aws   *localaws.AWS
	calls *recorder
	url   string
	user  *ec2.Client // its calls pass by the recorder

	mu      sync.Mutex
	records [][]byte // of CloudTrail, since they were taken
}

func newAccount(ctx context.Context) (*account, func(), error) {
	a := &account{aws: localaws.New(localaws.Options{})}
	a.aws.EC2().AllowRules(rulesAllowed)
	a.aws.EC2().OnRecord(func(record []byte) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.records = append(a.records, record)
	})
	if err := a.ec2().EnsureVPC(vpcID, netip.MustParsePrefix("10.0.0.0/16")); err != nil {
		return nil, nil, err
	}
	a.calls = &recorder{behind: a.aws.Handler()}
	url, stop, err := serve(a.calls)
	if err != nil {
		return nil, nil, err
	}
	a.url = url
	a.user = ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, BaseEndpoint: aws.String("http://ec2.local"), HTTPClient: &http.Client{Transport: a.aws.Aside()},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLEUSER", "secret", ""),
	})
	return a, stop, nil
}

func (a *account) ec2() *localec2.Account {
	return a.aws.EC2().Account(localec2.DefaultAccount, localec2.DefaultRegion)
}

// serve serves a handler on a free port of the loopback interface.
func serve(h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }() // ends with ErrServerClosed
	return "http://" + l.Addr().String(), func() { _ = s.Close() }, nil
}

// group makes a group with n compliant rules beside the default egress.
func (a *account) group(id string, n int) error {
	g := secgroup.Group{ID: id, Name: "web-" + id, VPCID: vpcID}
	for i := range n {
		g.Rules = append(g.Rules, secgroup.Rule{
			Direction: secgroup.Ingress, Protocol: secgroup.TCP, Ports: secgroup.Ports{From: 443, To: 443},
			Peer: secgroup.NewCIDR(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 8, byte(i >> 8), byte(i)}), 32)),
		})
	}
	made, err := a.ec2().EnsureGroup(g)
	if err == nil && !made {
		err = fmt.Errorf("make group %s: it was there", id)
	}
	return err
}

// permission is what somebody opens.
type permission struct {
	protocol string
	port     int32
	cidr     string
}

// open lets a user authorize permissions in one call, and gives its record.
func (a *account) open(ctx context.Context, groupID string, list ...permission) ([]byte, error) {
	var asked []types.IpPermission
	for _, p := range list {
		asked = append(asked, types.IpPermission{IpProtocol: &p.protocol, FromPort: &p.port, ToPort: &p.port, IpRanges: []types.IpRange{{CidrIp: &p.cidr}}})
	}
	a.takeRecords()
	if _, err := a.user.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &groupID, IpPermissions: asked}); err != nil {
		return nil, err
	}
	records := a.takeRecords()
	if len(records) != 1 {
		return nil, fmt.Errorf("open %s: %d records", groupID, len(records))
	}
	return records[0], nil
}

func (a *account) takeRecords() [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	records := a.records
	a.records = nil
	return records
}

// has counts the rules of a group that a user opened as p.
func (a *account) has(groupID string, p permission) bool {
	g, _ := a.ec2().Group(groupID)
	for _, r := range g.Rules {
		if c, ok := r.Peer.(secgroup.CIDR); ok && c.Prefix.String() == p.cidr && r.Ports.From == p.port {
			return true
		}
	}
	return false
}

// environment is that of a guard that works in the account.
func (a *account) environment() map[string]string {
	env := environment(a.url)
	env["SGWARDEN_TABLE"], env["SGWARDEN_TOPIC_ARN"], env["SGWARDEN_QUEUE_URL"] = a.aws.Table(), a.aws.TopicARN(), a.aws.QueueURL()
	return env
}

// envelope is the EventBridge event of a record, with the record's time as it is now.
func envelope(record []byte) []byte {
	var detail map[string]any
	if err := json.Unmarshal(record, &detail); err != nil {
		panic(err) // made by localec2
	}
	now := time.Now().UTC().Format(time.RFC3339)
	detail["eventTime"] = now
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": detail["eventID"], "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "account": localec2.DefaultAccount,
		"time": now, "region": localec2.DefaultRegion, "resources": []string{}, "detail": detail,
	})
	if err != nil {
		panic(err) // made of what was read
	}
	return text
}

// batch is the payload that Lambda makes of messages (with-sqs).
func batch(messages ...localaws.Queued) []byte {
	records := []map[string]any{}
	for _, m := range messages {
		records = append(records, map[string]any{
			"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "eventSource": "aws:sqs", "awsRegion": localec2.DefaultRegion,
			"attributes": map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.Receives)},
		})
	}
	text, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic(err) // made of texts
	}
	return text
}

// message is a record as one message of a batch.
func message(record []byte) []byte {
	return batch(localaws.Queued{ID: "message-1", Receipt: "receipt-1", Body: string(envelope(record)), Receives: 1})
}

// judge gives a payload to guard and returns the ids of the messages that it wants again.
func judge(ctx context.Context, guard *runtimeapi.Process, payload []byte) ([]string, error) {
	answer, err := guard.Invoke(ctx, payload)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, guard.Logs())
	}
	if answer.Failed() {
		return nil, fmt.Errorf("guard failed: %s", answer.Payload)
	}
	var out struct {
		BatchItemFailures []struct{ ItemIdentifier string } `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer.Payload, &out); err != nil {
		return nil, err
	}
	if out.BatchItemFailures == nil {
		return nil, errors.New("guard's answer has no list of failures")
	}
	var ids []string
	for _, f := range out.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids, nil
}
