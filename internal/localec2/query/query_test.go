package query

import (
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, text string) *Params {
	t.Helper()
	values, err := url.ParseQuery(text)
	require.NoError(t, err)
	p, err := Parse(values)
	require.NoError(t, err)
	return p
}

func TestParse(t *testing.T) {
	p := parse(t, "A=1&L.10=ten&L.2=two&L.2x=no&M.1.Key=k&M.1.Value=&E=")
	require.Equal(t, "1", p.Text("A"))
	require.Equal(t, []string{"two", "ten"}, p.Texts("L"), "by number; what is no number is no member")
	require.Equal(t, []string{"2", "10", "2x"}, p.Get("L").Names())
	require.Equal(t, "k", p.Items("M")[0].Text("Key"))
	require.True(t, p.Items("M")[0].Has("Value"))
	require.True(t, p.Has("E"))
	value, ok := p.Get("M").Value()
	require.False(t, ok, value)
	var none *Params
	require.Nil(t, none.Get("X"))
	require.Empty(t, none.Names())
	require.Empty(t, p.Items("X"))
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"A=1&A=2", "A=1&A.1=2", "A.1=2&A=1", "A..B=1", "=1", ".=1", "A.=1"} {
		values, err := url.ParseQuery(text)
		require.NoError(t, err)
		_, err = Parse(values)
		require.ErrorIs(t, err, ErrMalformed, text)
	}
}

func TestPattern(t *testing.T) {
	require.Equal(t, "A.#.B.#", Pattern("A.1.B.20"))
	require.Equal(t, "A.0.B.01", Pattern("A.0.B.01"), "numbers begin at 1, without leading zeros")
	require.Equal(t, "A.99999999999999999999", Pattern("A.99999999999999999999"))
}

func TestXML(t *testing.T) {
	answer := Object{}.With("return", true).With("set", List{Object{}.With("n", 5).WithText("t", ""), "a<b"}).With("none", List(nil))
	want := xml.Header + `<XResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>id</requestId><return>true</return>` +
		`<set><item><n>5</n></item><item>a&lt;b</item></set><none></none></XResponse>`
	require.Equal(t, want, string(XML("X", "id", answer)))
	require.Equal(t, 5, answer.Get("set").(List)[0].(Object).Get("n"))
	require.Nil(t, answer.Get("missing"))
	require.Equal(t, xml.Header+`<Response><Errors><Error><Code>C</Code><Message>&lt;m&gt;</Message></Error></Errors><RequestID>id</RequestID></Response>`,
		string(FaultXML("id", Refuse("C", "<%s>", "m"))))
}

// FuzzParse: whatever comes is parsed or refused, every value that was given
// is found again, and an answer that repeats it is well-formed.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"A=1", "A.1.B=2&A.2.B=3", "A.1=\x00<&A..=x", "IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		p, err := Parse(values)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		answer := Object{}
		for name := range values {
			node := p
			for _, step := range strings.Split(name, ".") {
				node = node.Get(step)
			}
			value, ok := node.Value()
			require.True(t, ok)
			require.Equal(t, values.Get(name), value)
			answer = answer.With("v", value)
		}
		for dec := xml.NewDecoder(strings.NewReader(string(XML("X", text, answer)))); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err)
			}
		}
	})
}
