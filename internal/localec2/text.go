package localec2

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// legalText is the character set of names and descriptions (API reference,
// CreateSecurityGroup and IpRange).
var legalText = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*$`)

func checkText(name, text string) *query.Fault {
	if utf8.RuneCountInString(text) > 255 {
		return wrongValue(name, text, "It may not be longer than 255 characters.")
	}
	if !legalText.MatchString(text) {
		return wrongValue(name, text, "Valid characters are a-zA-Z0-9 ._-:/()#,@[]+=&;{}!$*")
	}
	return nil
}

// maxTags of one resource.
const maxTags = 50

// readTags reads a list of Key and Value.
func readTags(items []*query.Params) (map[string]string, *query.Fault) {
	tags := map[string]string{}
	for _, item := range items {
		key, value := item.Text("Key"), item.Text("Value")
		switch {
		case key == "":
			return nil, missing("Tag.Key")
		case utf8.RuneCountInString(key) > 128:
			return nil, wrongValue("Tag.Key", key, "It may not be longer than 128 characters.")
		case utf8.RuneCountInString(value) > 256:
			return nil, wrongValue("Tag.Value", value, "It may not be longer than 256 characters.")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return nil, wrongValue("Tag.Key", key, "Tag keys starting with 'aws:' are reserved for internal use.")
		}
		if _, twice := tags[key]; twice {
			return nil, query.Refuse("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		}
		tags[key] = value
	}
	return tags, checkTagCount(tags)
}

func checkTagCount(tags map[string]string) *query.Fault {
	if len(tags) > maxTags {
		return query.Refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return nil
}

// tagSpecification reads the tags for resources of one type, the only one
// that the call may name.
func (s *session) tagSpecification(resourceType string) (map[string]string, *query.Fault) {
	var tags map[string]string
	for _, spec := range s.params.Items("TagSpecification") {
		if got := spec.Text("ResourceType"); got != resourceType {
			return nil, query.Refuse("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", got)
		}
		if tags != nil {
			return nil, query.Refuse("InvalidParameterValue", "Duplicate resource type '%s' specified in tag specification.", resourceType)
		}
		var fault *query.Fault
		if tags, fault = readTags(spec.Items("Tag")); fault != nil {
			return nil, fault
		}
	}
	return tags, nil
}

func tagSet(tags map[string]string) query.List {
	list := query.List{}
	for _, key := range sortedKeys(tags) {
		list = append(list, query.Object{}.With("key", key).With("value", tags[key]))
	}
	return list
}
