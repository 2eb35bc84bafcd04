package alert

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	_ "github.com/sgwarden/sgwarden/internal/fixedseed" // the same draws in every run
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// TestFitIsWhatTheExpressionsSay holds the forms that are checked by hand
// together with regular expressions.
func TestFitIsWhatTheExpressionsSay(t *testing.T) {
	group, rule, list := regexp.MustCompile(`^sg-[0-9a-z]{1,40}$`), regexp.MustCompile(`^sgr-[0-9a-z]{1,40}$`), regexp.MustCompile(`^pl-[0-9a-z]{1,40}$`)
	account, peering := regexp.MustCompile(`^([0-9]{12})?$`), regexp.MustCompile(`^(pcx-[0-9a-z]{1,40})?$`)
	region := regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)
	check := func(t require.TestingT, text string) {
		require.Equal(t, group.MatchString(text), fitGroup(text), "group %q", text)
		require.Equal(t, rule.MatchString(text), fitRule(text), "rule %q", text)
		require.Equal(t, list.MatchString(text), fitList(text), "list %q", text)
		require.Equal(t, region.MatchString(text), fitRegion(text), "region %q", text)
		require.Equal(t, account.MatchString(text), fitReference(secgroup.GroupReference{GroupID: "sg-1", AccountID: text}), "account %q", text)
		require.Equal(t, peering.MatchString(text), fitReference(secgroup.GroupReference{GroupID: "sg-1", PeeringID: text}), "peering %q", text)
	}
	fine := []string{"sg-0a", "sgr-0a", "pl-0a", "pcx-0a", "123456789012", "eu-west-1", "us-gov-west-1", "ap-southeast-12", "sg-" + strings.Repeat("a", 40)}
	for _, text := range fine {
		for _, odd := range []string{text, text + "a", text + "1", text + "\n", text + "-", "-" + text, " " + text, text + "é", text[1:], text[:len(text)-1], strings.ToUpper(text), strings.Replace(text, "-", "--", 1)} {
			check(t, odd)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.StringMatching(`(sg-|sgr-|pl-|pcx-|[a-z]{2}|)[0-9a-z-]{0,14}[-0-9a-zA-Z\n é;]?`).Draw(t, "text"))
	})
}
