package events

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFault11BoundsOfARecord: a good event that has one thing too much in it
// is refused for that, and the next one is read.
func TestFault11BoundsOfARecord(t *testing.T) {
	with := func(field string) string { return strings.Replace(sshFromAnywhere, `"eventID"`, field+`,"eventID"`, 1) }
	for name, tt := range map[string]struct{ text, reason string }{
		"depth":             {with(`"x":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)), "nested more than 64 deep"},
		"depth of arrays":   {with(`"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)), "nested more than 64 deep"},
		"size":              {with(`"x":"` + strings.Repeat("x", sixMB) + `"`), "bytes are more than a record may have"},
		"values":            {with(`"x":[` + strings.Repeat("1,", 200_000) + `1]`), "more than 131072 values"},
		"UTF-8":             {with("\"x\":\"\xff\xfe\""), "not valid UTF-8"},
		"a name twice":      {with(`"eventName":"DescribeSecurityGroups"`), "stands twice"},
		"event said twice":  {strings.Replace(sshFromAnywhere, `"source":"aws.ec2",`, `"source":"aws.ec2","source":"acme",`, 1), "stands twice"},
		"text after it":     {sshFromAnywhere + "}", "text after the end"},
		"control character": {with("\"x\":\"\n\""), "control character"},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := Decode([]byte(tt.text))
			require.ErrorIs(t, err, ErrUndecodable)
			require.ErrorContains(t, err, tt.reason)
			require.Empty(t, changes)
			changes, err = Decode([]byte(sshFromAnywhere))
			require.NoError(t, err)
			require.Len(t, changes, 1)
		})
	}
}
