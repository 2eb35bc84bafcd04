package main

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// node is any XML element.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []node     `xml:",any"`
}

// junitSchema is the part of the schema of Jenkins' xUnit plugin (junit-10.xsd)
// that a report of this kind can use: attributes by element, those that it must
// have with a bang, and children.
var junitSchema = map[string]struct{ attributes, children string }{
	"testsuites": {"name tests failures errors time disabled", "testsuite"},
	"testsuite":  {"name! tests! failures errors skipped time timestamp hostname id package", "testcase properties system-out system-err"},
	"testcase":   {"name! classname time status assertions", "failure error skipped system-out system-err"},
	"failure":    {"type message", ""},
}

func requireJUnit(t *testing.T, n node) (cases, failures int) {
	t.Helper()
	schema, known := junitSchema[n.XMLName.Local]
	require.True(t, known, n.XMLName.Local)
	allowed := strings.Fields(schema.attributes)
	given := map[string]string{}
	for _, a := range n.Attrs {
		require.Subset(t, strings.Split(strings.ReplaceAll(schema.attributes, "!", ""), " "), []string{a.Name.Local}, n.XMLName.Local)
		given[a.Name.Local] = a.Value
	}
	for _, a := range allowed {
		if name, must := strings.CutSuffix(a, "!"); must {
			require.NotEmpty(t, given[name], "%s lacks %s", n.XMLName.Local, name)
		}
	}
	switch n.XMLName.Local {
	case "testcase":
		cases = 1
	case "failure":
		failures = 1
		require.NotEmpty(t, strings.TrimSpace(n.Text))
	default:
		require.Empty(t, strings.TrimSpace(n.Text))
	}
	for _, c := range n.Children {
		require.Contains(t, strings.Fields(schema.children), c.XMLName.Local, "within %s", n.XMLName.Local)
		moreCases, moreFailures := requireJUnit(t, c)
		cases, failures = cases+moreCases, failures+moreFailures
	}
	if given["tests"] != "" {
		require.Equal(t, []string{strconv.Itoa(cases), strconv.Itoa(failures)}, []string{given["tests"], given["failures"]}, n.XMLName.Local)
	}
	return cases, failures
}

func TestJUnitReportsFitTheCommonSchema(t *testing.T) {
	report := policy.TestReport{
		Results: []policy.TestResult{
			{File: "b.yaml", Line: 3, Policy: "b", Case: "fine", Rule: "ingress tcp/22 from 0.0.0.0/0", Want: "fail", Got: "fail"},
			{File: "a.yaml", Line: 4, Policy: "a", Case: `<hostile> & "quoted"`, Check: "I-SSH", Rule: "excess", Want: "nothing", Got: "ingress all from ::/0"},
			{File: "b.yaml", Line: 9, Policy: "b", Case: "wrong", Rule: "CreateTags", Want: "pass", Got: "read x.json: gone\x1b[31m"},
		},
		Gaps: []policy.TestGap{{File: "c.yaml", Line: 5, Policy: "c", What: "it has no tests"}},
	}
	var out bytes.Buffer
	require.NoError(t, writeTestJUnit(&out, report))
	require.True(t, strings.HasPrefix(out.String(), xml.Header))
	var root node
	require.NoError(t, xml.Unmarshal(out.Bytes(), &root))
	cases, failures := requireJUnit(t, root)
	require.Equal(t, []int{4, 3}, []int{cases, failures})
	require.Equal(t, "testsuites", root.XMLName.Local)
	var names []string
	for _, s := range root.Children {
		names = append(names, s.Attrs[0].Value)
	}
	require.Equal(t, []string{"a", "b", "c"}, names)
	require.Contains(t, root.Children[0].Children[0].Attrs[0].Value, `<hostile> & "quoted" (I-SSH)`)

	out.Reset()
	require.NoError(t, writeTestJUnit(&out, policy.TestReport{}))
	require.NoError(t, xml.Unmarshal(out.Bytes(), &root))
}
