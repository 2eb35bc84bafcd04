package main

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
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

// junitSchema is the schema that Jenkins' xUnit plugin holds reports to, as far
// as a report of this kind can use it: attributes by element, those that it must
// have with a bang, and children. It is the strictest that CI systems publish
// (github.com/jenkinsci/xunit-plugin, types/model/xsd/junit-10.xsd, read
// 2026-11); GitLab, GitHub's and Azure's readers take less.
var junitSchema = map[string]struct{ attributes, children string }{
	"testsuites": {"name time tests failures errors", "testsuite"},
	"testsuite":  {"name! tests! failures! errors! group time skipped timestamp hostname id package file log url", "testsuite properties testcase system-out system-err"},
	"testcase":   {"name! time classname group", "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"},
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

	// As another reader takes it.
	suites, err := junit.Ingest(out.Bytes())
	require.NoError(t, err)
	require.Len(t, suites, 3)
	require.Equal(t, "a", suites[0].Tests[0].Classname)
	require.Equal(t, `<hostile> & "quoted" (I-SSH): excess: nothing`, suites[0].Tests[0].Name)
	var failed []string
	for _, s := range suites {
		require.Equal(t, len(s.Tests), s.Totals.Passed+s.Totals.Failed)
		for _, c := range s.Tests {
			if c.Status == junit.StatusFailed {
				failed = append(failed, s.Name+": "+c.Error.Error())
			}
		}
	}
	require.Equal(t, []string{
		`a: a.yaml:4: a, "<hostile> & \"quoted\"": excess: want nothing, got ingress all from ::/0`,
		"b: b.yaml:9: b, \"wrong\": CreateTags: want pass, got read x.json: gone\uFFFD[31m",
		"c: c.yaml:5: c: it has no tests",
	}, failed)

	out.Reset()
	require.NoError(t, writeTestJUnit(&out, policy.TestReport{}))
	require.NoError(t, xml.Unmarshal(out.Bytes(), &root))
}

// TestTheJUnitReportOfThePacks is read as it was meant by another reader.
func TestTheJUnitReportOfThePacks(t *testing.T) {
	var out, errs bytes.Buffer
	require.Equal(t, exitFine, runContext(t.Context(), []string{"test", "--run", "^(admin-ports|groups-are)", "-o", "junit"}, nil, &out, &errs), errs.String())
	var root node
	require.NoError(t, xml.Unmarshal(out.Bytes(), &root))
	cases, failures := requireJUnit(t, root)
	require.Greater(t, cases, 20)
	require.Zero(t, failures)
	suites, err := junit.Ingest(out.Bytes())
	require.NoError(t, err)
	read := 0
	for _, s := range suites {
		read += s.Totals.Passed
	}
	require.Equal(t, cases, read)
}
