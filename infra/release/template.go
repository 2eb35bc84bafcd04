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
	t, resources, err := read(synthesized)
	if err != nil {
		return nil, nil, err
	}
	for id, r := range resources {
		one := r.(object)
		if one["Type"] != "AWS::Lambda::Function" {
			continue
		}
		hash, err := takeCode(one)
		if err != nil {
			return nil, nil, fmt.Errorf("function %s: %w", id, err)
		}
		assets = append(assets, hash)
	}
	addCode(t, partition)
	if err := addHub(t, resources); err != nil {
		return nil, nil, err
	}
	if err := addSubscriptions(t, resources); err != nil {
		return nil, nil, err
	}
	if text, err = write(t); err != nil {
		return nil, nil, err
	}
	slices.Sort(assets)
	return text, slices.Compact(assets), nil
}

// Hub makes the template of the hub of an organisation likewise. It takes no
// code, and is the same in every partition.
func Hub(synthesized []byte) ([]byte, error) {
	t, resources, err := read(synthesized)
	if err != nil {
		return nil, err
	}
	if err := addSubscriptions(t, resources); err != nil {
		return nil, err
	}
	return write(t)
}

// read reads a template, without what is of the CDK itself.
func read(synthesized []byte) (t, resources object, err error) {
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
	}
	return t, resources, nil
}

// write writes a template, unless anything of the CDK's bootstrap is left.
func write(t object) ([]byte, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write template: %w", err)
	}
	if left := bootstrap.Find(text); left != nil {
		return nil, fmt.Errorf("the template still needs the CDK's bootstrap: %s", left)
	}
	return text, nil
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

// section gives a part of a template, which is made where there is none.
func section(t object, name string) object {
	part, ok := t[name].(object)
	if !ok {
		part = object{}
		t[name] = part
	}
	return part
}

// addCode adds the parameters that say where the code lies.
func addCode(t object, partition string) {
	parameters := section(t, "Parameters")
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
}

// addSubscriptions subscribes the parameter Email to every topic of the stack
// but that for chats.
func addSubscriptions(t, resources object) error {
	section(t, "Parameters")["Email"] = object{
		"Type": "String", "Default": "", "AllowedPattern": `^$|^[^@\s]+@[^@\s]+$`, "Description": "Gets alerts and alarms, after it confirmed; empty: nobody is subscribed",
	}
	section(t, "Conditions")["HasEmail"] = given("Email")
	outputs, _ := t["Outputs"].(object)
	chat, _ := outputs["ChatTopicArn"].(object)
	ref, _ := chat["Value"].(object)
	var topics []string
	for id, r := range resources {
		switch r.(object)["Type"] {
		case "AWS::SNS::Topic":
			if id != ref["Ref"] {
				topics = append(topics, id)
			}
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
