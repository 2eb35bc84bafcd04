package localec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// kinds are the resources that have tags, by the prefix of their ids.
var kinds = map[string]string{
	"sg-": "security-group", "sgr-": "security-group-rule", "vpc-": "vpc", "pl-": "prefix-list",
	"subnet-": "subnet", "eni-": "network-interface", "i-": "instance",
}

func (s *session) createTags() (query.Object, *query.Fault) {
	tags, fault := readTags(s.params.Items("Tag"))
	if fault != nil {
		return nil, fault
	}
	if len(tags) == 0 {
		return nil, missing("Tag")
	}
	return s.retag(func(old map[string]string) map[string]string {
		maps.Copy(old, tags)
		return old
	})
}

// deleteTags removes the tags named, or all but those of AWS if it names none.
// A value, if given, must be equal.
func (s *session) deleteTags() (query.Object, *query.Fault) {
	items := s.params.Items("Tag")
	return s.retag(func(old map[string]string) map[string]string {
		if len(items) == 0 {
			maps.DeleteFunc(old, func(key, _ string) bool { return !strings.HasPrefix(key, "aws:") })
		}
		for _, item := range items {
			key := item.Text("Key")
			if value, ok := item.Get("Value").Value(); !ok || value == old[key] {
				delete(old, key)
			}
		}
		return old
	})
}

// retag changes the tags of every resource that the request names; change gets
// a copy of the old ones.
func (s *session) retag(change func(map[string]string) map[string]string) (query.Object, *query.Fault) {
	ids := s.params.Texts("ResourceId")
	if len(ids) == 0 {
		return nil, missing("ResourceId")
	}
	for _, id := range ids {
		old, fault := s.tagsOf(id)
		if fault != nil {
			return nil, fault
		}
		tags := map[string]string{}
		maps.Copy(tags, old)
		tags = change(tags)
		if fault := checkTagCount(tags); fault != nil {
			return nil, fault
		}
		s.state.setTags(id, tags)
	}
	return query.Object{}.With("return", true), nil
}

// tagsOf gives the tags of a resource that exists.
func (s *session) tagsOf(id string) (map[string]string, *query.Fault) {
	prefix, _, _ := strings.Cut(id, "-")
	prefix += "-"
	if kinds[prefix] == "" {
		return nil, query.Refuse("InvalidID", "The ID '%s' is not valid", id)
	}
	if fault := wellFormed(prefix, id); fault != nil {
		return nil, fault
	}
	st := s.state
	switch {
	case st.groups[id] != nil:
		return st.groups[id].tags, nil
	case st.ruleGroups[id] != "":
		return st.groups[st.ruleGroups[id]].rules[id].Tags, nil
	case st.vpcs[id] != nil:
		return st.vpcs[id].tags, nil
	case st.lists[id] != nil:
		return st.lists[id].tags, nil
	case st.subnets[id] != nil:
		return st.subnets[id].tags, nil
	case st.interfaces[id] != nil:
		return st.interfaces[id].tags, nil
	case st.instances[id] != nil:
		return st.instances[id].tags, nil
	}
	return nil, map[string]func(string) *query.Fault{
		"sg-": noGroup, "sgr-": func(id string) *query.Fault { return noRule(id) }, "vpc-": noVPC, "pl-": noList,
		"subnet-": noSubnet, "eni-": noInterface, "i-": noInstance,
	}[prefix](id)
}

// setTags replaces all tags of a resource that exists.
func (s *state) setTags(id string, tags map[string]string) {
	switch {
	case s.groups[id] != nil:
		s.edit(s.groups[id]).tags = tags
	case s.ruleGroups[id] != "":
		g := s.edit(s.groups[s.ruleGroups[id]])
		r := g.rules[id]
		r.Tags = tags
		s.put(g, r)
	case s.vpcs[id] != nil:
		v := *s.vpcs[id]
		v.tags = tags
		s.vpcs[id] = &v
	case s.lists[id] != nil:
		l := *s.lists[id]
		l.tags = tags
		s.lists[id] = &l
	case s.subnets[id] != nil:
		n := *s.subnets[id]
		n.tags = tags
		s.subnets[id] = &n
	case s.interfaces[id] != nil:
		n := *s.interfaces[id]
		n.tags = tags
		s.interfaces[id] = &n
	case s.instances[id] != nil:
		n := *s.instances[id]
		n.tags = tags
		s.instances[id] = &n
	}
}

var tagFilters = []string{"resource-id", "resource-type", "key", "value"}

func (s *session) describeTags() (query.Object, *query.Fault) {
	match, fault := s.filters(tagFilters)
	if fault != nil {
		return nil, fault
	}
	ids := slices.Concat(sortedKeys(s.state.groups), sortedKeys(s.state.ruleGroups), sortedKeys(s.state.vpcs), sortedKeys(s.state.lists),
		sortedKeys(s.state.subnets), sortedKeys(s.state.interfaces), sortedKeys(s.state.instances))
	found := map[string]query.Object{}
	for _, id := range ids {
		tags, fault := s.tagsOf(id)
		if fault != nil {
			return nil, fault
		}
		prefix, _, _ := strings.Cut(id, "-")
		kind := kinds[prefix+"-"]
		for key, value := range tags {
			of := map[string]string{"resource-id": id, "resource-type": kind, "key": key, "value": value}
			if match(values{of: of, tags: map[string]string{key: value}}) {
				found[id+" "+key] = query.Object{}.With("resourceId", id).With("resourceType", kind).With("key", key).With("value", value)
			}
		}
	}
	return s.page(mostReads, "tagSet", sortedKeys(found), func(key string) query.Object { return found[key] })
}
