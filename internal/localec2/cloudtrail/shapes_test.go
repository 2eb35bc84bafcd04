package cloudtrail_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A shape is what records have in common: the kinds at each path, and in how
// many records there is one. A path is like
// "requestParameters.ipPermissions.items[].fromPort".
type shape struct {
	records int
	has     map[string]int // by "PATH KIND"
}

// shapes are by "CALL ok", "CALL failed", "record ok", "record failed" for what
// surrounds the call's own members, and "identity TYPE".
type shapes map[string]*shape

func (s shapes) add(section string, found map[string]bool) {
	at := s[section]
	if at == nil {
		at = &shape{has: map[string]int{}}
		s[section] = at
	}
	at.records++
	for line := range found {
		at.has[line]++
	}
}

// note adds a record.
func (s shapes) note(record map[string]any) {
	outcome := "ok"
	if record["errorCode"] != nil {
		outcome = "failed"
	}
	name, _ := record["eventName"].(string)
	call, around, who := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for member, value := range record {
		switch member {
		case "requestParameters", "responseElements":
			walk(call, member, value)
		case "userIdentity":
			walk(who, member, value)
			around[member+" "+kindOf(value)] = true
		default:
			walk(around, member, value)
		}
	}
	s.add(name+" "+outcome, call)
	s.add("record "+outcome, around)
	identity, _ := record["userIdentity"].(map[string]any)
	kind, ok := identity["type"].(string)
	if !ok {
		kind = "none"
	}
	s.add("identity "+kind, who)
}

func walk(found map[string]bool, path string, value any) {
	found[path+" "+kindOf(value)] = true
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			walk(found, path+"."+name, member)
		}
	case []any:
		for _, item := range v {
			walk(found, path+"[]", item)
		}
	}
}

func kindOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "int"
	case []any:
		return "array"
	}
	return "object"
}

// readRecord reads a record, out of its envelope where it has one.
func readRecord(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var record map[string]any
	if err := d.Decode(&record); err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if detail, ok := record["detail"].(map[string]any); ok {
		return detail, nil
	}
	return record, nil
}

// String is the file of shapes: "SECTION COUNT", and below it each path and
// kind, with "all" where every record has it.
func (s shapes) String() string {
	var b strings.Builder
	b.WriteString("# The shapes of real records of EC2's calls: paths and kinds alone, no values.\n" +
		"# Generated from the corpus: go test ./internal/localec2/cloudtrail -run Corpus -update\n")
	for _, section := range slices.Sorted(maps.Keys(s)) {
		at := s[section]
		fmt.Fprintf(&b, "\n%s %d\n", section, at.records)
		for _, line := range slices.Sorted(maps.Keys(at.has)) {
			mark := "some"
			if at.has[line] == at.records {
				mark = "all "
			}
			fmt.Fprintf(&b, "    %s %s\n", mark, line)
		}
	}
	return b.String()
}

// parseShapes reads what String wrote.
func parseShapes(text string) (shapes, error) {
	all, at := shapes{}, (*shape)(nil)
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case !strings.HasPrefix(line, " ") && len(words) == 3:
			n, err := strconv.Atoi(words[2])
			if err != nil {
				return nil, fmt.Errorf("read %q: %w", line, err)
			}
			at = &shape{records: n, has: map[string]int{}}
			all[words[0]+" "+words[1]] = at
		case at != nil && len(words) == 3:
			at.has[words[1]+" "+words[2]] = 1
			if words[0] == "all" {
				at.has[words[1]+" "+words[2]] = at.records
			}
		default:
			return nil, fmt.Errorf("read %q: neither a section nor a path", line)
		}
	}
	return all, nil
}
