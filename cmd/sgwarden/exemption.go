package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/policy"
)

// exemption is what the flags of `exempt add` say.
type exemption struct {
	id, policy, owner, reason, ticket string
	rules                             []string
	until, lasts                      string
}

// read checks everything that the user wrote, and tells all faults together.
func (e exemption) read(group string, now time.Time) (policy.Exemption, error) {
	made := policy.Exemption{ID: e.id, Policy: e.policy, Group: group, Owner: e.owner, Reason: e.reason, Ticket: e.ticket, Made: now.UTC(), Source: "ledger"}
	faults := append([]error{checkGroupID(group)}, missing(given{"policy", e.policy}, given{"owner", e.owner}, given{"reason", e.reason})...)
	if len(e.rules) == 0 {
		faults = append(faults, errors.New("--rule is missing: an exemption names its flows"))
	}
	for _, text := range e.rules {
		rule, err := parseRule(text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		made.Rules = append(made.Rules, rule)
	}
	var err error
	made.Until, err = e.end(now)
	if err := errors.Join(append(faults, err)...); err != nil {
		return policy.Exemption{}, err
	}
	if made.ID == "" {
		made.ID = exemptionID(made)
	}
	return made, nil
}

// given is a flag that must be given, with what the user wrote.
type given struct{ name, value string }

// missing has a fault for each that was not.
func missing(flags ...given) (faults []error) {
	for _, f := range flags {
		if strings.TrimSpace(f.value) == "" {
			faults = append(faults, fmt.Errorf("--%s is missing", f.name))
		}
	}
	return faults
}

// longest is how long an exemption in the ledger may last.
const longest = 30 * 24 * time.Hour

// end reads --until and --for: the first instant that is not exempt any more.
func (e exemption) end(now time.Time) (time.Time, error) {
	var end time.Time
	switch {
	case (e.until == "") == (e.lasts == ""):
		return end, errors.New("say when it ends: either --until or --for")
	case e.lasts != "":
		lasts, err := days(e.lasts)
		if err != nil {
			return end, fmt.Errorf("--for %q: want 36h or 7d", e.lasts)
		}
		end = now.Add(lasts)
	default:
		day, err := time.Parse(time.DateOnly, e.until)
		end = day.AddDate(0, 0, 1)
		if err != nil {
			if end, err = time.Parse(time.RFC3339, e.until); err != nil {
				return end, fmt.Errorf("--until %q: want 2026-12-31, or 2026-12-31T12:00:00Z", e.until)
			}
		}
	}
	switch {
	case !end.After(now):
		return end, fmt.Errorf("it would end at %s, and that is over", end.UTC().Format(time.RFC3339))
	case end.After(now.Add(longest)):
		return end, fmt.Errorf("it would end at %s, and an exemption in the ledger lasts at most 30 days: put a longer one into the settings", end.UTC().Format(time.RFC3339))
	}
	return end.UTC().Truncate(time.Second), nil
}

// days reads a duration that may be in days.
func days(text string) (time.Duration, error) {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// exemptionID is the same for the same flows of a group under a policy.
func exemptionID(e policy.Exemption) string {
	values := []string{e.Group, e.Policy}
	for _, r := range e.Rules {
		values = append(values, r.Value())
	}
	slices.Sort(values[2:])
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(values), "\n")))
	return "EX-" + hex.EncodeToString(sum[:4])
}
