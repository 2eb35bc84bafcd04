package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events/samples"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// sshFromAnywhere is a good event, for what stands beside bad ones.
const sshFromAnywhere = `{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"310200000417","region":"eu-central-1","detail":{
	"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","eventID":"e1","eventTime":"2026-03-02T09:00:00Z",
	"requestParameters":{"groupId":"sg-0a5e1f00000000099","ipPermissions":{},"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"},
	"responseElements":{"_return":true,"securityGroupRuleSet":{"items":[{"groupId":"sg-0a5e1f00000000099","securityGroupRuleId":"sgr-0b7c2d00000000099","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}}}}`

const sixMB = 6 << 20

// hostile is input that says nothing, by what is wrong with it.
func hostile() map[string]string {
	api := func(detail string) string {
		return `{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","detail":` + detail + `}`
	}
	record := func(fields string) string {
		return `{"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress",` + fields + `}`
	}
	return map[string]string{
		"empty": "", "spaces": "  \n ", "null": "null", "array": "[]", "array of records": "[" + sshFromAnywhere + "]", "number": "5", "text": `"x"`, "object": "{}", "not JSON": "hello",
		"cut off": sshFromAnywhere[:300], "more after the end": sshFromAnywhere + "}",
		"6 MB text":                    `{"detail":"` + strings.Repeat("x", sixMB) + `"}`,
		"6 MB of brackets":             strings.Repeat("[", sixMB),
		"6 MB of empty arrays":         "[" + strings.Repeat("[],", sixMB/3) + "[]]",
		"6 MB of names":                `{"a":1` + strings.Repeat(`,"a":1`, sixMB/6) + "}",
		"1 MB of empty arrays":         "[" + strings.Repeat("[],", maxRecord/3-2) + "[]]",
		"10,000 deep":                  strings.Repeat(`{"detail":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		"10,000 deep array":            strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"invalid UTF-8":                strings.Replace(sshFromAnywhere, "e1", "\xff\xfe", 1),
		"event said twice":             strings.Replace(sshFromAnywhere, `"source":"aws.ec2",`, `"source":"aws.ec2","source":"acme",`, 1),
		"detail said twice":            strings.Replace(sshFromAnywhere, `"region":`, `"detail":{},"region":`, 1),
		"call said twice":              strings.Replace(sshFromAnywhere, `"eventID":`, `"eventName":"DescribeSecurityGroups","eventID":`, 1),
		"call said twice, in capitals": strings.Replace(sshFromAnywhere, `"eventID":`, `"EVENTNAME":"DescribeSecurityGroups","eventID":`, 1),
		"no detail":                    `{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail"}`,
		"detail null":                  api("null"),
		"detail array":                 api(`[{"groupId":"sg-0a5e1f00000000099"}]`),
		"detail text":                  api(`"sg-0a5e1f00000000099"`),
		"detail empty":                 api(`{}`),
		"no detail-type":               `{"source":"aws.ec2","detail":{}}`,
		"detail-type odd":              `{"source":"aws.ec2","detail-type":5,"detail":{}}`,
		"no source":                    `{"detail-type":"AWS API Call via CloudTrail","detail":{}}`,
		"no eventSource":               `{"eventName":"AuthorizeSecurityGroupIngress"}`,
		"no eventName":                 `{"eventSource":"ec2.amazonaws.com"}`,
		"eventName odd":                `{"eventSource":"ec2.amazonaws.com","eventName":["AuthorizeSecurityGroupIngress"]}`,
		"no parameters":                `{"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress"}`,
		"null parameters":              record(`"requestParameters":null,"responseElements":null`),
		"odd parameters":               record(`"requestParameters":[1,2],"responseElements":7`),
		"group id a number":            record(`"requestParameters":{"groupId":5}`),
		"group id a path":              record(`"requestParameters":{"groupId":"../../sg-1"}`),
		"group id of shell":            record(`"requestParameters":{"groupId":"sg-1;rm -rf ~"}`),
		"group id too long":            record(`"requestParameters":{"groupId":"sg-` + strings.Repeat("a", 18) + `"}`),
		"group id too short":           record(`"requestParameters":{"groupId":"sg-0a5e1f0"}`),
		"group id big":                 record(`"requestParameters":{"groupId":"SG-0A5E1F00000000099"}`),
		"name with a line":             record(`"requestParameters":{"groupName":"a\nb"}`),
		"name too long":                record(`"requestParameters":{"groupName":"` + strings.Repeat("a", 256) + `"}`),
		"empty group id":               record(`"requestParameters":{"groupId":""}`),
		"records no array":             `{"Records":5}`,
	}
}

func TestHostileInput(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			changes, err := Decode([]byte(text))
			require.ErrorIs(t, err, ErrUndecodable)
			require.NotErrorIs(t, err, ErrNotWatched)
			require.Empty(t, changes)
			var e *UndecodableError
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Place)
			require.NotEmpty(t, e.Reason)
			require.Less(t, len(err.Error()), 600)
			require.NotContains(t, err.Error(), "\n")

			after, err := Decode([]byte(sshFromAnywhere))
			require.NoError(t, err)
			require.Equal(t, "ingress tcp/22 from 0.0.0.0/0", after[0].Rules[0].Rule.String())
		})
	}
}

// TestUndecodableStillTellsTheGroups: the alert can say what the text is about.
func TestUndecodableStillTellsTheGroups(t *testing.T) {
	for name, text := range map[string]string{
		"cut off":       sshFromAnywhere[:strings.Index(sshFromAnywhere, `"ipPermissions"`)],
		"invalid UTF-8": strings.Replace(sshFromAnywhere, "e1", "\xff", 1),
		"detail array":  `{"source":"aws.ec2","detail-type":"AWS API Call via CloudTrail","detail":["sg-0a5e1f00000000099"]}`,
	} {
		_, err := Decode([]byte(text))
		var e *UndecodableError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, []string{"sg-0a5e1f00000000099"}, e.Groups, name)
	}
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "sg-%017x ", i)
	}
	_, err := Decode([]byte(many.String()))
	var e *UndecodableError
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Groups, 100)
}

// TestMemoryIsBounded: what a hostile 6 MB costs, in all bytes ever allocated.
func TestMemoryIsBounded(t *testing.T) {
	groups := make([]string, 40_000)
	for i := range groups {
		groups[i] = fmt.Sprintf(`"sg-%017x"`, i)
	}
	for name, text := range map[string]string{
		"arrays":         "[" + strings.Repeat("[],", maxRecord/3-2) + "[]]",
		"objects":        "[" + strings.Repeat(`{"a":{}},`, maxRecord/9-2) + "{}]",
		"names":          `{"a":1` + strings.Repeat(`,"b":1`, maxRecord/6-2) + "}",
		"brackets":       strings.Repeat("[", sixMB),
		"log of numbers": `{"Records":[` + strings.Repeat("1,", sixMB/200) + "1]}",
		"groups":         `{"eventSource":"ec2.amazonaws.com","eventName":"DeleteSecurityGroup","requestParameters":[` + strings.Join(groups, ",") + `]}`,
		"big number":     `{"eventSource":"ec2.amazonaws.com","eventName":"DeleteSecurityGroup","requestParameters":{"groupId":` + strings.Repeat("9", 1<<19) + `}}`,
	} {
		data := []byte(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = Decode(data)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20), name)
	}
}

// TestEveryValueReplaced puts every kind of value in the place of every value
// of every sample. Nothing panics, errors have one of two kinds, and what is
// incomplete keeps every group that the record mentions.
func TestEveryValueReplaced(t *testing.T) {
	replacements := []any{nil, "", "x", "-1", json.Number("-1"), json.Number("22.5"), json.Number("1e999"), true, map[string]any{}, []any{}, []any{nil}, map[string]any{"items": "x"}, map[string]any{"items": []any{nil, 5, "y"}}, map[string]any{"content": nil}}
	tried, places := 0, 0
	for _, s := range samples.All() {
		var doc any
		d := json.NewDecoder(bytes.NewReader(s.Event))
		d.UseNumber()
		require.NoError(t, d.Decode(&doc))
		eachPlace(doc, func(set func(any)) {
			if places++; places%budget(1, 17) != 0 {
				return
			}
			for _, r := range replacements {
				set(r)
				text, err := json.Marshal(doc)
				require.NoError(t, err)
				tried++
				requireSane(t, text)
			}
		})
	}
	require.Greater(t, tried, budget(10_000, 500))
	fmt.Printf("SHOW events: %d records with a value replaced\n", tried)
}

// eachPlace calls visit for every value in a document, with the means to
// replace it; afterwards the value is as it was.
func eachPlace(doc any, visit func(set func(any))) {
	switch v := doc.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			old := v[k]
			visit(func(n any) { v[k] = n })
			v[k] = old
			eachPlace(old, visit)
		}
	case []any:
		for i, old := range v {
			visit(func(n any) { v[i] = n })
			v[i] = old
			eachPlace(old, visit)
		}
	}
}

// requireSane holds what is true of every decoding, whatever the input.
func requireSane(t *testing.T, text []byte) {
	t.Helper()
	changes, err := Decode(text)
	if err != nil && !errors.Is(err, ErrNotWatched) && !errors.Is(err, ErrUndecodable) {
		t.Fatalf("an error of a third kind for %q: %v", text, err)
	}
	if err == nil && len(changes) == 0 {
		t.Fatalf("neither a change nor an error for %q", text)
	}
	for _, c := range changes {
		requireSaneChange(t, c, text)
	}
}

func requireSaneChange(t *testing.T, c secgroup.Change, text []byte) {
	t.Helper()
	fail := func(what string) { t.Fatalf("%s: %q became %+v", what, text, c) }
	if c.Complete != (c.Incomplete == "") {
		fail("complete and a reason why not")
	}
	if needsGroup(c.Effect) && c.ErrorCode == "" && len(c.Groups) == 0 {
		fail("no group")
	}
	have := map[string]bool{}
	for _, g := range c.Groups {
		if g.ID == "" && g.Name == "" || g.ID != "" && (!isID(groupPrefix, g.ID) || have[g.ID]) {
			fail("an odd group")
		}
		have[g.ID] = true
	}
	for _, n := range c.Rules {
		if n.Rule.ID != "" && !isID(rulePrefix, n.Rule.ID) || n.GroupID != "" && !have[n.GroupID] {
			fail("a rule of no group")
		}
		r := n.Rule
		if n.AnyDirection {
			r.Direction = secgroup.Ingress
		}
		if n.HasValue && r.Validate() != nil {
			fail("a rule that EC2 cannot have")
		}
		if n.HasValue && (r.String() != r.Canonical().String() || r.Ports != r.Canonical().Ports) {
			fail("a rule that is not canonical")
		}
		if !n.HasValue && n.Rule.ID == "" {
			fail("a rule that nothing names")
		}
	}
	if c.Complete || !json.Valid(text) {
		return
	}
	// Whoever is in the record is in the change. One record only: a log file
	// has others beside it.
	if !bytes.Contains(text, []byte("Records")) {
		for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r < '!' || strings.ContainsRune(`"{}[]:,/ `, r) }) {
			if isID(groupPrefix, word) && !have[word] {
				fail("lost " + word)
			}
		}
	}
}

// TestEveryPrefix cuts every sample off at every place.
func TestEveryPrefix(t *testing.T) {
	for _, s := range samples.All() {
		whole := bytes.TrimSpace(s.Event)
		for n := 0; n < len(whole); n += budget(1, 13) {
			changes, err := Decode(whole[:n])
			if len(changes) > 0 || !errors.Is(err, ErrUndecodable) {
				t.Fatalf("%s cut at %d: %v, %v", s.Name, n, changes, err)
			}
		}
	}
}

// TestSpelling writes every sample in other ways that mean the same.
func TestSpelling(t *testing.T) {
	respell := map[string]func(any) any{
		"numbers as text": func(v any) any {
			switch v := v.(type) {
			case json.Number:
				return strings.TrimSuffix(v.String(), ".0")
			case bool:
				return strconv.FormatBool(v)
			}
			return v
		},
		"text as numbers": func(v any) any {
			if s, ok := v.(string); ok && s != "" && len(s) < 15 && strings.Trim(s, "0123456789") == "" && s[0] != '0' {
				return json.Number(s + ".0")
			}
			return v
		},
	}
	for _, s := range samples.All() {
		if readWant(t, s).Error != "" || s.Name == "authorize-ingress-classic-name-twice" {
			continue
		}
		want, err := Decode(s.Event)
		require.NoError(t, err)
		for how, change := range respell {
			var doc any
			d := json.NewDecoder(bytes.NewReader(s.Event))
			d.UseNumber()
			require.NoError(t, d.Decode(&doc))
			text, err := json.Marshal(eachScalar(doc, change))
			require.NoError(t, err)
			got, err := Decode(text)
			require.NoError(t, err, "%s: %s", s.Name, how)
			require.Equal(t, want, got, "%s: %s", s.Name, how)
		}
	}
}

func eachScalar(doc any, change func(any) any) any {
	switch v := doc.(type) {
	case map[string]any:
		for k := range v {
			v[k] = eachScalar(v[k], change)
		}
	case []any:
		for i := range v {
			v[i] = eachScalar(v[i], change)
		}
	default:
		return change(doc)
	}
	return doc
}

// FuzzDecode holds what is true of every input.
func FuzzDecode(f *testing.F) {
	for _, s := range samples.All() {
		f.Add(s.Event)
	}
	for _, record := range corpusSeeds(f) {
		f.Add(record)
	}
	f.Add([]byte(`{"Records":[{},1,` + sshFromAnywhere + `]}`))
	f.Add([]byte(sshFromAnywhere + "\n" + sshFromAnywhere[:40] + "\n" + sshFromAnywhere))
	f.Fuzz(func(t *testing.T, data []byte) {
		requireSane(t, data)
		n := 0
		for d := range Each(data) {
			if n++; d.Record != n {
				t.Fatalf("record %d is number %d", d.Record, n)
			}
			if d.Err == nil {
				requireSaneChange(t, d.Change, d.Raw)
			}
		}
		if n == 0 && len(trim(data)) > 0 && !bytes.Contains(data, []byte("Records")) {
			t.Fatalf("nothing came of %q", data)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range samples.All() {
		switch s.Name {
		case "authorize-ingress-flat-v4", "modify-wrapper-several", "not-watched-call":
			b.Run(s.Name, func(b *testing.B) {
				b.SetBytes(int64(len(s.Event)))
				b.ReportAllocs()
				for b.Loop() {
					_, _ = Decode(s.Event)
				}
			})
		}
	}
}
