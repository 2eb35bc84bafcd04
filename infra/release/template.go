// Package release makes of the synthesized template one that needs neither the
// CDK nor Node: for the console, `aws cloudformation deploy` and StackSets.
package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Partitions are those that a template is made for.
func Partitions() []string { return []string{"aws", "aws-us-gov", "aws-cn"} }

// object is a part of a template.
type object = map[string]any

// Template makes the template of a release, for one partition, of what the CDK
// synthesized. assets are the hashes of the code that it takes: KEY.zip under
// the prefix of the parameter CodePrefix, in the region's bucket.
//
// It fails where anything of the CDK's bootstrap would be left.
func Template(synthesized []byte, partition string) (text []byte, assets []string, err error) {
	var t object
	if err := json.Unmarshal(synthesized, &t); err != nil {
		return nil, nil, fmt.Errorf("read template: %w", err)
	}
	resources, ok := t["Resources"].(object)
	if !ok {
		return nil, nil, errors.New("read template: it has no resources")
	}
	for name, part := range map[string]string{"BootstrapVersion": "Parameters", "CheckBootstrapVersion": "Rules", "CDKMetadata": "Resources", "CDKMetadataAvailable": "Conditions"} {
		if section, ok := t[part].(object); ok {
			delete(section, name)
			if len(section) == 0 {
				delete(t, part)
			}
		}
	}
	for id, r := range resources {
		one, ok := r.(object)
		if !ok {
			return nil, nil, fmt.Errorf("read template: resource %s is no object", id)
		}
		delete(one, "Metadata") // paths of constructs and of assets
		if one["Type"] != "AWS::Lambda::Function" {
			continue
		}
		hash, err := takeCode(one)
		if err != nil {
			return nil, nil, fmt.Errorf("function %s: %w", id, err)
		}
		assets = append(assets, hash)
	}
	addParameters(t, partition)
	if err := addSubscriptions(t, resources); err != nil {
		return nil, nil, err
	}
	if text, err = json.Marshal(t); err != nil {
		return nil, nil, fmt.Errorf("write template: %w", err)
	}
	if left := bootstrap.Find(text); left != nil {
		return nil, nil, fmt.Errorf("the template still needs the CDK's bootstrap: %s", left)
	}
	slices.Sort(assets)
	return text, slices.Compact(assets), nil
}

// bootstrap is what names resources of the CDK's bootstrap.
var bootstrap = regexp.MustCompile(`cdk-[a-z0-9]{9}-|cdk-bootstrap|BootstrapVersion|aws:asset`)

var assetKey = regexp.MustCompile(`^([0-9a-f]{64})\.zip$`)

// takeCode has a function take its code from the release's bucket.
func takeCode(function object) (hash string, err error) {
	properties, _ := function["Properties"].(object)
	code, _ := properties["Code"].(object)
	key, _ := code["S3Key"].(string)
	m := assetKey.FindStringSubmatch(key)
	if m == nil {
		return "", fmt.Errorf("its code is no asset: %v", code)
	}
	properties["Code"] = object{
		"S3Bucket": object{"Fn::Sub": "${CodeBucket}-${AWS::Region}"},
		"S3Key":    object{"Fn::Sub": "${CodePrefix}" + key},
	}
	return m[1], nil
}

func addParameters(t object, partition string) {
	parameters, ok := t["Parameters"].(object)
	if !ok {
		parameters = object{}
		t["Parameters"] = parameters
	}
	bucket := "sgwarden-release"
	if partition != "aws" {
		bucket += strings.TrimPrefix(partition, "aws")
	}
	parameters["CodeBucket"] = object{
		"Type": "String", "Default": bucket, "AllowedPattern": `^[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]$`,
		"Description": "Where the functions' code lies: this name, a hyphen and the region is the bucket, as Lambda takes code from its own region only",
	}
	parameters["CodePrefix"] = object{
		"Type": "String", "Default": "", "AllowedPattern": `^([A-Za-z0-9._-]+/)*$`, "Description": "Before the keys of the code: empty, or ends in a slash",
	}
	parameters["Email"] = object{
		"Type": "String", "Default": "", "AllowedPattern": `^$|^[^@\s]+@[^@\s]+$`, "Description": "Gets alerts and alarms, after it confirmed; empty: nobody is subscribed",
	}
	conditions, ok := t["Conditions"].(object)
	if !ok {
		conditions = object{}
		t["Conditions"] = conditions
	}
	conditions["HasEmail"] = object{"Fn::Not": []any{object{"Fn::Equals": []any{object{"Ref": "Email"}, ""}}}}
}

// addSubscriptions subscribes the parameter Email to every topic of the stack.
func addSubscriptions(t, resources object) error {
	var topics []string
	for id, r := range resources {
		switch r.(object)["Type"] {
		case "AWS::SNS::Topic":
			topics = append(topics, id)
		case "AWS::SNS::Subscription":
			return errors.New("synthesize it without the settings email, alerts and alarms: the template has a parameter Email instead")
		}
	}
	if len(topics) == 0 {
		return errors.New("the template has no topic")
	}
	for _, id := range topics {
		resources[id+"Email"] = object{
			"Type": "AWS::SNS::Subscription", "Condition": "HasEmail",
			"Properties": object{"TopicArn": object{"Ref": id}, "Protocol": "email", "Endpoint": object{"Ref": "Email"}},
		}
	}
	return nil
}
