package main

import (
	"errors"
	"unicode/utf8"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// parseRule reads the rule of --rule, and shows where it is none as lint does
// for a file.
func parseRule(text string) (secgroup.Rule, error) {
	rule, err := secgroup.ParseRule(text)
	var syntax *secgroup.SyntaxError
	if !errors.As(err, &syntax) {
		return rule, err
	}
	return secgroup.Rule{}, errors.New(policy.Diagnostic{
		File: "--rule", Line: 1, Column: utf8.RuneCountInString(text[:min(syntax.Column-1, len(text))]) + 1, Width: max(1, utf8.RuneCountInString(syntax.Got)),
		Message: "not a rule: here it wants " + syntax.Want, Excerpt: text, Hint: policy.RuleHint,
	}.String())
}
