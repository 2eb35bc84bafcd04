package main

import (
	"io"
	"path/filepath"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// SARIF 2.1.0, as far as code scanning reads it:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"` // nil = the file as a whole
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndColumn   int `json:"endColumn"` // the first one behind
	}
)

func writeLintSARIF(w io.Writer, found []policy.Diagnostic) error {
	results := []sarifResult{}
	for _, d := range found {
		r := sarifResult{RuleID: "policy-" + levelOf(d), Level: levelOf(d), Message: sarifText{d.Message}}
		if d.Hint != "" {
			r.Message.Text += " (" + d.Hint + ")"
		}
		at := sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(d.File)}}
		if d.Line > 0 {
			at.Region = &sarifRegion{d.Line, d.Column, d.Column + d.Width}
		}
		r.Locations = []sarifLocation{{at}}
		results = append(results, r)
	}
	return writeIndented(w, sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{
			Tool: sarifTool{sarifDriver{Name: "sgwarden", Version: version, Rules: []sarifRule{
				{"policy-error", sarifText{"The policies cannot be used as they are"}},
				{"policy-warning", sarifText{"The policies hardly mean what they say"}},
			}}},
			ColumnKind: "unicodeCodePoints", Results: results,
		}},
	})
}
