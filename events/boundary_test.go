package events

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// The last value on this side of each bound, and the first beyond it.

func TestWordsAreASCIILettersAndDigits(t *testing.T) {
	const word = "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		require.Equal(t, strings.IndexByte(word, byte(c)) >= 0, isWord(byte(c)), "%q", c)
	}
}

func TestLowerIsOfLettersAlone(t *testing.T) {
	for c := range 128 {
		require.Equal(t, strings.ToLower(string(rune(c)))[0], lower(byte(c)), "%q", c)
	}
	require.Equal(t, byte(0xC4), lower(0xC4), "bytes of other characters stay")
	require.Equal(t, "abc", lowerName("ABC"))
	require.Equal(t, "abc", lowerName("abC"))
	require.Equal(t, "a-1", lowerName("a-1"))
}

func TestBoundedAtTheBound(t *testing.T) {
	require.Equal(t, "abc", bounded("abc", 3))
	require.Equal(t, "ab", bounded("abc", 2))
	require.Empty(t, bounded("\x80\x80\x80", 2), "no character begins anywhere")
}

func TestQuoteAtTheBound(t *testing.T) {
	require.Equal(t, `"`+strings.Repeat("a", 80)+`"`, quote(strings.Repeat("a", 80)))
	require.Equal(t, `"`+strings.Repeat("a", 80)+`"...`, quote(strings.Repeat("a", 81)))
}

func TestWholeNumberAtTheBound(t *testing.T) {
	require.Equal(t, "9007199254740992", wholeNumber("9007199254740992.0"))
	require.Equal(t, "9007199254740994.0", wholeNumber("9007199254740994.0"), "not every number of this size has a form of its own")
}

func TestTokenAtTheBound(t *testing.T) {
	v := func(s string) value { return value{kind: text, raw: `"` + s + `"`} }
	require.Equal(t, strings.Repeat("a", 128), tokenOf(v(strings.Repeat("a", 128))))
	require.Empty(t, tokenOf(v(strings.Repeat("a", 129))))
}

func TestIsIAM(t *testing.T) {
	require.True(t, isIAM("arn:aws:iam::310200000417:role/x"))
	for _, arn := range []string{"arn:aws:iam::310200000417", "arn", "urn:aws:iam::310200000417:role/x", "arn:aws:sts::310200000417:role/x", "arn:aws:iam::310200000417:"} {
		require.False(t, isIAM(arn), arn)
	}
}

func TestTheIssuerComesBeforeTheSession(t *testing.T) {
	c := decodeFields(t, "DeleteSecurityGroup", `"requestParameters":{"groupId":"sg-0a5e1f01"},"userIdentity":{"arn":"arn:aws:iam::310200000417:user/jane","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::310200000417:role/app"}}}`)
	require.Equal(t, "arn:aws:iam::310200000417:role/app", c.Actor.ARN)
}

func TestGroupNameAtTheBound(t *testing.T) {
	named := func(name string) secgroup.Change {
		return decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{"groupName":"`+name+`","groupId":"sg-0a5e1f01","ipProtocol":"-1","cidrIp":"10.0.0.0/8"}`)
	}
	c := named(strings.Repeat("ä", 255))
	require.True(t, c.Complete)
	require.Equal(t, strings.Repeat("ä", 255), c.Groups[0].Name)
	c = named(strings.Repeat("ä", 256))
	require.False(t, c.Complete)
	require.Contains(t, c.Incomplete, "is no name of a group")
}

func TestEscapesAtTheBounds(t *testing.T) {
	for _, text := range []string{`"\u00af"`, `"\u09AF"`} {
		_, bad := parse([]byte(text))
		require.Nil(t, bad, text)
	}
	for _, text := range []string{`"\u00a/"`, `"\u00a:"`, "\"\\u00a`\"", `"\u00ag"`} {
		_, bad := parse([]byte(text))
		require.NotNil(t, bad, text)
	}
}

func TestObjectsToTheDepth(t *testing.T) {
	_, bad := parse([]byte(strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth)))
	require.Nil(t, bad)
}

func TestSyntaxErrorsTellWhereAndWhy(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1`:                "byte 6: ends within an object or array",
		`{"a":1]`:               "byte 6: ',' or '}' is expected",
		`[1}`:                   "byte 2: ',' or ']' is expected",
		"[1,\"ab\xff\"]":        "byte 3: text is not valid UTF-8",
		`[1,-0.x]`:              "byte 3: malformed number",
		`[1,0012]`:              "byte 3: malformed number",
		`{"a":tru}`:             "byte 5: no JSON value begins here",
		`{"a":1} {`:             "byte 8: text after the end of the value",
		"{\"a\":\"x\ny\"}":      "byte 7: control character in a text",
		`{"a":"b\q"}`:           "byte 8: unknown escape in a text",
		`{"a" 1}`:               "byte 5: ':' is expected",
		`{a:1}`:                 "byte 1: a name in quotes is expected",
		`["a`:                   "byte 3: ends within a text",
		`{"a":`:                 "byte 5: ends where a value is expected",
		"[" + `"` + `\u12`:      "byte 6: ends within a text",
		strings.Repeat("[", 65): "byte 64: nested more than 64 deep",
	} {
		_, bad := parse([]byte(text))
		require.EqualError(t, bad, want, text)
	}
}

// TestPlacesOfErrors: what is said is where somebody would look first.
func TestPlacesOfErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"source":"aws.ec2","detail":{}}`:                     `decode event: detail-type: is missing or no text`,
		`{"detail-type":"AWS API Call via CloudTrail"}`:        `decode event: source: is missing or no text`,
		`{"eventName":"DeleteSecurityGroup"}`:                  `decode event "DeleteSecurityGroup": eventSource: is missing or no text`,
		`{"eventName":"DeleteSecurityGroup","eventSource":""}`: `decode event "DeleteSecurityGroup": eventSource: is missing or no text`,
		`{"eventName":"DeleteSecurityGroup","eventSource":5}`:  `decode event "DeleteSecurityGroup": eventSource: is missing or no text`,
		`{"eventSource":"ec2.amazonaws.com"}`:                  `decode event: eventName: is missing or no text`,
		`{"a":1}`:                                              `decode event: event: is neither an EventBridge event, a CloudTrail record nor a log file`,
		`{"eventName":"DeleteSecurityGroup","eventSource":"ec2.amazonaws.com","requestParameters":{"groupId":"%s"}}`: `decode event "DeleteSecurityGroup": requestParameters: names no security group (groupId: "%s" is no id sg-...)`,
		`{"eventName":"DeleteSecurityGroup","eventSource":"ec2.amazonaws.com","requestParameters":{"groupId":""}}`:   `decode event "DeleteSecurityGroup": requestParameters: names no security group`,
	} {
		_, err := Decode([]byte(text))
		require.EqualError(t, err, want, text)
	}
}

func TestByteOrderMarkBeforeAnEvent(t *testing.T) {
	changes, err := Decode([]byte("\ufeff" + sshFromAnywhere))
	require.NoError(t, err)
	require.Len(t, changes, 1)
}

// TestOddArchives are texts that look like several records, or like one.
func TestOddArchives(t *testing.T) {
	event := strings.ReplaceAll(line, "AWSAPICallviaCloudTrail", DetailType)
	for name, row := range map[string]struct{ data, want string }{
		"two on one line":                        {event + event, "cc"},
		"damaged, whole, damaged":                {event[:80] + "\n" + event + "\n" + event[:80], "xcx"},
		"damaged, an empty line, whole":          {event[:80] + "\n\n" + event, "xc"},
		"half an event with {} on a line":        {"{\"a\":\n{}\n", "x"},
		"half an event with an object on a line": {"{\"a\":[\n{\"b\":1},\n", "x"},
		"a comma first":                          {", hello", "xx"},
		"tabs":                                   {"{\t\"Records\"\t:\t[\t" + event + "\t,\t" + event + "\t]\t}", "cc"},
		"an array of that name":                  {`["Records":[` + event + `]}`, "x"},
		"a colon without name":                   {`{:[` + event + `],"Records":1}`, "x"},
		"a colon without name behind the name":   {`{"Records":1,:[` + event + `]}`, "x"},
		"a name behind that one":                 {`{"Records":1,"b":[` + event + `]}`, "x"},
		"log file, ends before the first record": {`{"Records":[`, "x"},
		"log file, ends behind a comma":          {`{"Records":[` + event + `,`, "cx"},
	} {
		require.Equal(t, row.want, summary(row.data), name)
	}
}

func TestMissingCodeMeansAllCodes(t *testing.T) {
	c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{"groupId":"sg-0a5e1f01","ipProtocol":"icmp","fromPort":8,"cidrIp":"10.0.0.0/8"}`)
	require.True(t, c.Complete, c.Incomplete)
	require.Equal(t, []string{"ingress icmp/8 from 10.0.0.0/8"}, texts(c))
}

func TestKeysOfRules(t *testing.T) {
	key := func(text string) ruleKey {
		r, err := secgroup.ParseRule(text)
		require.NoError(t, err)
		return keyOf(r)
	}
	require.NotEqual(t, key("ingress tcp/22 from 10.0.0.0/8"), key("ingress tcp/22 from 11.0.0.0/8"))
	require.NotEqual(t, key("ingress tcp/22 from sg-0a5e1f01"), key("ingress tcp/22 from sg-0a5e1f02"))
	require.Equal(t, key("ingress tcp/22 from sg-0a5e1f01"), key("ingress tcp/22 from 310200000417/sg-0a5e1f01"))
	require.Empty(t, keyOf(secgroup.Rule{}).peer)
}

func TestExactlyThreeGapsAreAllTold(t *testing.T) {
	gaps := func(n int) string {
		c := decodeFields(t, "AuthorizeSecurityGroupIngress", `"requestParameters":{"groupId":"sg-0a5e1f01","ipPermissions":[`+strings.Join(slices.Repeat([]string{"5"}, n), ",")+`]}`)
		return c.Incomplete
	}
	require.Equal(t, "ipPermissions[0] is no object; ipPermissions[1] is no object; ipPermissions[2] is no object", gaps(3))
	require.Contains(t, gaps(4), "; and 1 more")
}
