package policy

import (
	_ "embed"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// someRanges is a small document in the shape of AWS's: testdata/aws-ranges.
//
//go:embed testdata/aws-ranges/ip-ranges.json
var someRanges string

func rangesFolder(pick, data string) []Source {
	return []Source{
		{File: "folder/p.yaml", Text: []byte(policyText("p", "forbid: [{direction: ingress, peers: ['set:aws']}]"))},
		{File: "folder/sgwarden.yaml", Text: []byte(settingsText("awsRanges:", "  aws: "+pick))},
		{File: "folder/ip-ranges.json", Text: []byte(data)},
	}
}

func TestRangesOfAWSFillASet(t *testing.T) {
	for pick, want := range map[string][]string{
		"{file: ip-ranges.json}":                                            {"8.8.0.0/16", "9.8.0.0/16", "9.9.0.0/16", "2606:4700::/32"},
		"{file: ip-ranges.json, services: [EC2]}":                           {"8.8.0.0/16", "9.9.0.0/16", "2606:4700::/32"},
		"{file: ip-ranges.json, regions: [eu-west-1]}":                      {"8.8.0.0/16", "2606:4700::/32"},
		"{file: ip-ranges.json, services: [CLOUDFRONT], regions: [GLOBAL]}": {"9.8.0.0/16"},
	} {
		p, err := Parse(rangesFolder(pick, someRanges), nil)
		require.NoError(t, err, pick)
		require.Equal(t, prefixes(want...), p.Documents[0].Forbid[0].Peers[0].CIDRs, pick)
		made := time.Date(2026, 1, 30, 10, 0, 0, 0, time.UTC)
		require.Empty(t, Lint(p, made.Add(freshRanges)))
		old := Lint(p, made.Add(freshRanges+time.Second))
		require.Len(t, old, 1)
		require.True(t, old[0].Warning)
		require.Equal(t, "ip-ranges.json is of 2026-01-30: what AWS added since then is not in it", old[0].Message)
	}
}

func TestFaultsOfRangesOfAWS(t *testing.T) {
	for want, f := range map[string][2]string{
		`there is no data file "other.json" in the folder`:                                                     {"{file: other.json}", someRanges},
		`ip-ranges.json has no ranges of service "EC3"`:                                                        {"{file: ip-ranges.json, services: [EC3]}", someRanges},
		`ip-ranges.json has no ranges of region "eu-west-9"`:                                                   {"{file: ip-ranges.json, regions: [eu-west-9]}", someRanges},
		`ip-ranges.json does not say when it was made: createDate is ""`:                                       {"{file: ip-ranges.json}", `{}`},
		`ip-ranges.json holds "8.8.8.8", which is no block`:                                                    {"{file: ip-ranges.json}", `{"createDate": "2026-01-30-10-00-00", "prefixes": [{"ip_prefix": "8.8.8.8"}]}`},
		`ip-ranges.json is not the JSON of AWS's ranges: invalid character '<' looking for beginning of value`: {"{file: ip-ranges.json}", `<html>`},
	} {
		faults := faultsOf(t, rangesFolder(f[0], f[1])...)
		require.Len(t, faults, 1, want)
		require.Equal(t, want, faults[0].Message)
		require.Equal(t, "folder/sgwarden.yaml", faults[0].File)
		require.NotZero(t, faults[0].Column)
	}
}
