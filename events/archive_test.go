package events

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is sshFromAnywhere on one line.
var line = strings.Join(strings.Fields(sshFromAnywhere), "")

// unwatched is a record of a call that is not in the table.
const unwatched = `{"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances"}`

// summary writes what came of an archive: c a change, i ignored, x an error.
func summary(data string) string {
	var b strings.Builder
	for d := range Each([]byte(data)) {
		switch {
		case d.Err == nil:
			b.WriteByte('c')
		case is(d.Err, ErrNotWatched):
			b.WriteByte('i')
		default:
			b.WriteByte('x')
		}
	}
	return b.String()
}

func TestEach(t *testing.T) {
	event := strings.ReplaceAll(line, "AWSAPICallviaCloudTrail", DetailType)
	pretty := strings.ReplaceAll(sshFromAnywhere, ",", ",\n")
	for name, row := range map[string]struct{ data, want string }{
		"nothing":                     {"", ""},
		"white space":                 {" \n\n", ""},
		"one event":                   {event, "c"},
		"one event on many lines":     {pretty, "c"},
		"byte order mark":             {"\ufeff" + event, "c"},
		"lines":                       {event + "\n" + unwatched + "\n" + event + "\n", "cic"},
		"lines with carriage returns": {event + "\r\n\r\n" + unwatched + "\r\n", "ci"},
		"one line damaged":            {event + "\n" + event[:80] + "\n" + event, "cxc"},
		"first line damaged":          {event[:80] + "\n" + event + "\n" + unwatched, "xci"},
		"last line damaged":           {event + "\n" + event[:80], "cx"},
		"junk after a line":           {event + " junk\n" + event, "xc"},
		"several on many lines":       {pretty + "\n" + pretty, "cc"},
		"only junk":                   {"hello\nworld", "xx"},
		"half an event, many lines":   {pretty[:200], "x"},
		"log file":                    {`{"Records":[` + event + "," + unwatched + "]}", "ci"},
		"log file on many lines":      {"{\n \"Records\": [\n" + pretty + ",\n" + unwatched + "\n]\n}\n", "ci"},
		"log file after other names":  {`{"a":{"Records":[1]},"b":[","],"Records":[` + event + "]}", "c"},
		"empty log file":              {`{"Records":[]}`, ""},
		"log file, odd records":       {`{"Records":[5,"x",null,{},` + event + `,[],{"detail":{}},tru,` + event + "]}", "xxxxcxxxc"},
		"log file, bad UTF-8 in one":  {`{"Records":["` + "\xff" + `",` + event + "]}", "xc"},
		"log file, cut off":           {`{"Records":[` + event + "," + event[:99], "cx"},
		"log file, cut off, lines":    {"{\"Records\":[\n" + event + ",\n" + event, "ccx"},
		"log file, cut at the end":    {`{"Records":[` + event + "]", "cx"},
		"log file, text after it":     {`{"Records":[` + event + "]} junk", "cx"},
		"log files on lines":          {`{"Records":[` + event + "]}\n{\"Records\":[" + unwatched + "," + event + "]}", "cic"},
		"records that are no array":   {`{"Records":{"a":1}}`, "x"},
		"log file, cut off early":     {`{"b":"x","Records`, "x"},
		"other names cut off":         {`{"b":{"Records":[1`, "x"},
		"unfinished name before":      {`{"Records":1,"b`, "x"},
		"records that are a name":     {`{"a":"Records","b":[1]}`, "x"},
	} {
		require.Equal(t, row.want, summary(row.data), name)
	}
}

func TestEachTellsThePlace(t *testing.T) {
	var records []int
	for d := range Each([]byte(`{"Records":[` + unwatched + `,5,` + unwatched + `]}`)) {
		records = append(records, d.Record)
		if d.Record == 2 {
			require.Equal(t, "5", string(d.Raw))
			require.EqualError(t, d.Err, "decode event 2: event: is no object")
		}
	}
	require.Equal(t, []int{1, 2, 3}, records)
}

func TestEachStops(t *testing.T) {
	lines := bytes.Repeat([]byte(unwatched+"\n"), 5)
	for _, data := range [][]byte{lines, []byte(`{"Records":[1,2,3]}`), []byte(`{"Records":[`)} {
		n := 0
		for range Each(data) {
			n++
			break
		}
		require.Equal(t, 1, n)
	}
}

func TestDecodeOfLogFiles(t *testing.T) {
	event := strings.ReplaceAll(line, "AWSAPICallviaCloudTrail", DetailType)
	changes, err := Decode([]byte(`{"Records":[` + unwatched + "," + event + "]}"))
	require.NoError(t, err)
	require.Len(t, changes, 1)

	changes, err = Decode([]byte(`{"Records":[` + event + ",5," + event + "]}"))
	require.ErrorIs(t, err, ErrUndecodable)
	require.EqualError(t, err, "decode event 2: event: is no object")
	require.Len(t, changes, 2)

	for _, nothing := range []string{`{"Records":[]}`, `{"Records":[` + unwatched + "," + unwatched + "]}"} {
		changes, err = Decode([]byte(nothing))
		require.ErrorIs(t, err, ErrNotWatched)
		require.Empty(t, changes)
	}

	_, err = Decode([]byte(`{"Records":[` + strings.Repeat("5,", 250) + "5]}"))
	require.ErrorIs(t, err, ErrUndecodable)
	require.Contains(t, err.Error(), "151 more records of the file")
}
