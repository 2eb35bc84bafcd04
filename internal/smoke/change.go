package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// open authorizes a rule as a user does, and gives the record of the call.
func (s *stage) open(group, text string) ([]byte, error) {
	r, err := secgroup.ParseRule(text)
	if err != nil {
		return nil, err
	}
	port := fmt.Sprint(r.Ports.From)
	s.take()
	answer, err := http.PostForm(s.url, url.Values{
		"Action": {"AuthorizeSecurityGroupIngress"}, "Version": {"2016-11-15"}, "GroupId": {group}, "IpPermissions.1.IpProtocol": {"tcp"},
		"IpPermissions.1.FromPort": {port}, "IpPermissions.1.ToPort": {port}, "IpPermissions.1.IpRanges.1.CidrIp": {text[strings.LastIndex(text, " ")+1:]},
	})
	if err != nil {
		return nil, err
	}
	if err := answer.Body.Close(); err != nil {
		return nil, err
	}
	records := s.take()
	if answer.StatusCode != http.StatusOK || len(records) != 1 {
		return nil, fmt.Errorf("open %s: %s, %d records", text, answer.Status, len(records))
	}
	return records[0], nil
}

// take gives the records since the last time.
func (s *stage) take() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := s.records
	s.records = nil
	return records
}

// envelope is the EventBridge event of a record.
func envelope(record []byte) []byte {
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "account": localec2.DefaultAccount,
		"region": localec2.DefaultRegion, "resources": []string{}, "detail": json.RawMessage(record),
	})
	if err != nil {
		panic(err) // the record is JSON
	}
	return text
}
