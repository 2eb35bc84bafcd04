package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSinksOfTheStack(t *testing.T) {
	const head = "apiVersion: sgwarden/v1\nkind: Settings\n"
	got, err := parseStack(t, head+"stack: {chat: true, securityHub: true, eventBus: true, organisation: {id: o-abcde12345, hub: \"111122223333\"}}\n", ParseOptions{})
	require.NoError(t, err)
	require.True(t, got.Chat && got.SecurityHub && got.EventBus)
	require.Equal(t, Organisation{ID: "o-abcde12345", Hub: "111122223333"}, got.Organisation)
	got, err = parseStack(t, head+"stack: {chat: true}\n", ParseOptions{Over: map[string]any{"chat": "no", "securityHub": "yes", "eventBus": true}})
	require.NoError(t, err)
	require.False(t, got.Chat)
	require.True(t, got.SecurityHub && got.EventBus)
	require.Zero(t, got.Organisation)

	for text, want := range map[string]string{
		`organisation: {id: o-abcde12345}`:                              `organisation lacks the key "hub"`,
		`organisation: {hub: "111122223333"}`:                           `organisation lacks the key "id"`,
		`organisation: {id: o-short, hub: "111122223333"}`:              `id must be the id of an organisation: o- and 10 to 32 small letters and digits, not "o-short"`,
		`organisation: {id: "o-ABCDE12345", hub: "111122223333"}`:       `id must be the id of an organisation: o- and 10 to 32 small letters and digits, not "o-ABCDE12345"`,
		`organisation: {id: o-abcde12345, hub: "1111"}`:                 `hub must be an account id: 12 digits, not "1111"`,
		`organisation: {id: o-abcde12345, hub: "111122223333", bus: x}`: `unknown key "bus" in organisation`,
		`organisation: o-abcde12345`:                                    `organisation must be a mapping, not "o-abcde12345"`,
		`chat: slack`:                                                   `chat must be true or false, not "slack"`,
	} {
		_, err := parseStack(t, head+"stack: {"+text+"}\n", ParseOptions{})
		var faults Faults
		require.ErrorAs(t, err, &faults, text)
		require.Len(t, faults, 1, text)
		require.Equal(t, want, faults[0].Message)
		require.Equal(t, 3, faults[0].Line)
		require.Positive(t, faults[0].Column)
	}
	for over, want := range map[string]string{
		"default":      `-c stack: an event bus cannot be called "default": that is the account's own`,
		"sgwarden-hub": `-c stack: an event bus cannot be called "sgwarden-hub": that is the organisation's hub`,
	} {
		_, err = parseStack(t, head+"stack: {eventBus: true}\n", ParseOptions{Over: map[string]any{"stack": over}})
		require.ErrorContains(t, err, want)
		_, err = parseStack(t, head, ParseOptions{Over: map[string]any{"stack": over}})
		require.NoError(t, err, "without a bus the name is free")
	}
	_, err = parseStack(t, head, ParseOptions{Over: map[string]any{"organisation": "o-abcde12345"}})
	require.ErrorContains(t, err, "it is set in the settings only, under stack")
}

// TestOperatorIsOfTheAccount: a role of another account may send nothing to the
// queue, whatever its own policies say.
func TestOperatorIsOfTheAccount(t *testing.T) {
	const text = "apiVersion: sgwarden/v1\nkind: Settings\nstack: {operator: \"arn:aws:iam::123456789012:role/operator\"}\n"
	for _, account := range []string{"", "123456789012"} {
		_, err := parseStack(t, text, ParseOptions{Account: account})
		require.NoError(t, err)
	}
	_, err := parseStack(t, text, ParseOptions{Account: "210987654321"})
	require.ErrorContains(t, err, "sgwarden.yaml:3:19: the operator is a role of account 123456789012, and the stack goes to 210987654321")
	require.ErrorContains(t, err, "name a role of 210987654321, as with -c operator=ARN, or leave it out")
}
