package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/bench/figures"
)

// TestASweepIsBoundByItsPages: by those of groups, and of rules where ids count.
func TestASweepIsBoundByItsPages(t *testing.T) {
	run := passed{peak: 70_000_000, calls: map[string]int{"ec2.DescribeSecurityGroups": 6, "ec2.DescribeSecurityGroupRules": 17, "dynamodb.BatchGetItem": 60}}
	known, marked := run.rows("known", 0, false), run.rows("marked", 500, false)
	require.Equal(t, "sweep of 5,000 groups x 20 rules, known: EC2: 17 DescribeSecurityGroupRules, 6 DescribeSecurityGroups", known[0].What)
	require.Equal(t, figures.Missed, known[0].Verdict(), "23 of 6 and a handful")
	require.Equal(t, figures.Met, marked[0].Verdict(), "23 of 16 and a handful")
	for _, r := range known[1:3] {
		require.Equal(t, figures.Met, r.Verdict(), r.What)
	}
	first := run.rows("first", 0, true)
	require.Equal(t, figures.Met, first[0].Verdict(), "all rules are read by id")
	require.Equal(t, figures.Unbounded, first[1].Verdict(), "every item is written")
}
