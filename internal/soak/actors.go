package soak

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2"
	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
)

// actor is who makes calls: its access key, its name or the ARN that policies
// match, and what it says it is.
type actor struct {
	key, arn, userAgent string
	identity            cloudtrail.Identity
}

// hostileTexts are what an attacker writes where he may write anything: none
// of it may reach a reader as it is.
var hostileTexts = []string{
	"\x1b[31mred\x1b[0m", "two\nlines\r\n\"outcome\":\"compliant\"", "\u202egpj.exe", "<script>alert(1)</script>", "[click](https://evil.example/x)",
	"<!channel> @here", "a\x00b\u2028c\u200b", "\xff\xfe broken",
}

var actors = func() []actor {
	key := func(n string) string { return "AKIASOAK" + n }
	return []actor{
		{key("USER"), "mira", hostileTexts[0] + hostileTexts[3], cloudtrail.User(account, "mira", key("USER"))},
		{key("ROLE"), "deploy", hostileTexts[4], cloudtrail.Session(account, "/ops/", "deploy", hostileTexts[2]+hostileTexts[5], key("ROLE"))},
		{key("PIPE"), pipeline, "aws-cli/2.1 " + hostileTexts[6], cloudtrail.Session(account, "/ci/", "pipeline", "run", key("PIPE"))},
		{key("SERVICE"), "service", hostileTexts[1], cloudtrail.Identity{Type: "AWSService", InvokedBy: "autoscaling.amazonaws.com"}},
		{key("ROOT"), "root", "console" + hostileTexts[7], cloudtrail.Identity{Type: "Root", ARN: "arn:aws:iam::" + account + ":root", AccountID: account, PrincipalID: account}},
	}
}()

// operator is who undoes, with rights of their own.
var operator = actor{"AKIASOAKOPS", "ops", "sgwarden", cloudtrail.User(account, "ops", "AKIASOAKOPS")}

func callers() map[string]localec2.Caller {
	all := map[string]localec2.Caller{guardKey: {AccountID: account, Identity: guardIdentity()}}
	for _, a := range append([]actor{operator}, actors...) {
		all[a.key] = localec2.Caller{AccountID: account, Identity: a.identity}
	}
	return all
}

var requestType = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

// call makes one call by hand: an actor may send what no SDK would. It gives
// the answer, and whether EC2 did it.
func (w *world) call(a actor, action string, params url.Values) (answer string, ok bool) {
	params.Set("Action", action)
	params.Set("Version", "2016-11-15")
	header := requestType.Clone()
	header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+a.key+"/20260504/"+region+"/ec2/aws4_request, SignedHeaders=host, Signature=0")
	header["User-Agent"] = []string{a.userAgent}
	request := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Scheme: "http", Host: "ec2.soak", Path: "/"}, Host: "ec2.soak",
		Header: header, Body: io.NopCloser(strings.NewReader(params.Encode())),
	}
	w.step.actor, w.step.sets, w.queue.made = a.arn, nil, nil
	response, err := w.cloud.Transport().RoundTrip(request)
	if err != nil {
		w.blame("harness", "%s: %v", action, err)
		return "", false
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.blame("harness", "%s: %v", action, err)
	}
	w.mark(action)
	ok = response.StatusCode == http.StatusOK
	w.tally.Calls[action]++
	if !ok {
		w.tally.Refused++
		if code := errorCode.FindStringSubmatch(string(body)); code != nil {
			w.tally.RefusedAs[code[1]]++
		}
	}
	return string(body), ok
}

// mark writes on the record of a call what the call made.
func (w *world) mark(action string) {
	if m := w.queue.made; m != nil {
		m.sent = w.clock()
		m.sets, m.names = w.step.sets, w.names(action, w.step.sets)
	}
}

var errorCode = regexp.MustCompile(`<Code>([^<]*)</Code>`)
