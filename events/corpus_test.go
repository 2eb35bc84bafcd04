package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// expected is a line of expected.ndjson, which was derived from the records
// without this decoder.
type expected struct {
	Line      int      `json:"line"`
	EventName string   `json:"eventName"`
	Failed    bool     `json:"failed"`
	ErrorCode string   `json:"errorCode"`
	GroupID   string   `json:"groupId"`
	GroupName string   `json:"groupName"`
	Rules     []string `json:"rules"`
	RuleIDs   []string `json:"ruleIds"`
	RulesFrom string   `json:"rulesFrom"`
	VPCID     string   `json:"vpcId"`
}

func TestCorpusExpected(t *testing.T) {
	lines := map[int]secgroup.Change{}
	for d := range Each(corpusFile(t, "real-events.ndjson")) {
		if d.Err == nil {
			lines[d.Record] = d.Change
		}
	}
	n := 0
	for line := range bytes.Lines(corpusFile(t, "expected.ndjson")) {
		var e expected
		require.NoError(t, json.Unmarshal(line, &e))
		n++
		require.Contains(t, lines, e.Line)
		c := lines[e.Line]
		got := expected{Line: e.Line, EventName: c.EventName, Failed: c.ErrorCode != "", ErrorCode: c.ErrorCode, RulesFrom: c.RulesFrom, Rules: []string{}, RuleIDs: []string{}}
		for _, r := range c.Rules {
			require.True(t, r.HasValue)
			require.Equal(t, e.GroupID, r.GroupID)
			got.Rules = append(got.Rules, r.Rule.String())
			if r.Rule.ID != "" {
				got.RuleIDs = append(got.RuleIDs, r.Rule.ID)
			}
		}
		require.LessOrEqual(t, len(c.Groups), 1)
		for _, g := range c.Groups {
			got.GroupID, got.GroupName, got.VPCID = g.ID, g.Name, g.VPCID
		}
		for _, vpc := range c.VPCIDs {
			require.Empty(t, got.VPCID)
			got.VPCID = vpc
		}
		assert.Equal(t, e, got)
		assert.True(t, c.Complete, "line %d: %s", e.Line, c.Incomplete)
	}
	require.Equal(t, 28, n)
}

// TestCorpusDecodes decodes every record that there is, and counts. All of
// them are well-formed, so none may be undecodable or incomplete.
func TestCorpusDecodes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpusFolder(), "bulk", "*.ndjson"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	files = append(files, filepath.Join(corpusFolder(), "real-events.ndjson"))
	total := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		records, watched, ignored, undecodable := 0, 0, 0, 0
		for d := range Each(data) {
			records++
			switch {
			case d.Err == nil:
				watched++
				assert.True(t, d.Change.Complete, "%s %d: %s", f, d.Record, d.Change.Incomplete)
			case errors.Is(d.Err, ErrNotWatched):
				ignored++
			default:
				undecodable++
				t.Log(d.Err)
			}
		}
		require.Equal(t, bytes.Count(data, []byte("\n")), records)
		require.Positive(t, watched)
		assert.Zero(t, undecodable)
		fmt.Printf("SHOW %s: %d records, %d watched, %d ignored by name, %d undecodable\n", filepath.Base(f), records, watched, ignored, undecodable)
		total += records
	}
	require.Positive(t, total)
	fmt.Printf("SHOW corpus: %d records\n", total)
}

// TestCorpusAsLogFile packs a file of the corpus into the form of a
// CloudTrail log file: the same records come out.
func TestCorpusAsLogFile(t *testing.T) {
	lines := bytes.TrimSpace(corpusFile(t, "real-events.ndjson"))
	file := append([]byte(`{"Records":[`), bytes.ReplaceAll(lines, []byte("\n"), []byte(","))...)
	file = append(file, "]}"...)
	var single []secgroup.Change
	for d := range Each(lines) {
		if d.Err == nil {
			single = append(single, d.Change)
		}
	}
	changes, err := Decode(file)
	require.NoError(t, err)
	require.Equal(t, single, changes)
}

// corpusSeeds gives a few real records of each call, where SGWARDEN_CORPUS
// says where they are: the fuzzer has no use for thousands that are alike.
func corpusSeeds(t testing.TB) [][]byte {
	t.Helper()
	const ofOneCall = 3
	if os.Getenv("SGWARDEN_CORPUS") == "" {
		return nil
	}
	var seeds [][]byte
	seen := map[string]int{}
	for d := range Each(corpusFile(t, "real-events.ndjson")) {
		if seen[d.Change.EventName]++; seen[d.Change.EventName] <= ofOneCall {
			seeds = append(seeds, d.Raw)
		}
	}
	require.NotEmpty(t, seeds)
	return seeds
}

func corpusFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusFolder(), name))
	require.NoError(t, err)
	require.NotEmpty(t, data)
	return data
}
