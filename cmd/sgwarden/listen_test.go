package main

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// listening is a running `sgwarden demo --listen`.
type listening struct {
	*testing.T
	address string
	out     *bufio.Reader
	stop    func()
	ended   chan int
}

func listen(t *testing.T, args ...string) *listening {
	t.Helper()
	outRead, outWrite := io.Pipe()
	errRead, errWrite := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	l := &listening{T: t, out: bufio.NewReader(outRead), stop: stop, ended: make(chan int, 1)}
	go func() {
		status := runContext(ctx, append([]string{"demo", "--listen", "127.0.0.1:0"}, args...), nil, outWrite, errWrite)
		_ = outWrite.Close()
		l.ended <- status
	}()
	announced, err := bufio.NewReader(errRead).ReadString('\n')
	require.NoError(t, err)
	address := regexp.MustCompile(`http://\S+:\d+`).FindString(announced)
	require.NotEmpty(t, address, announced)
	go func() { _, _ = io.Copy(io.Discard, errRead) }()
	l.address = address
	return l
}

// call is one EC2 call as a client sends it; it gives the answer's group id.
func (l *listening) call(action string, params url.Values) string {
	l.Helper()
	params.Set("Action", action)
	params.Set("Version", "2016-11-15")
	answer, err := http.PostForm(l.address, params)
	require.NoError(l, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(l, err)
	require.NoError(l, answer.Body.Close())
	require.Equal(l, http.StatusOK, answer.StatusCode, string(text))
	var body struct {
		GroupID string `xml:"groupId"`
	}
	require.NoError(l, xml.Unmarshal(text, &body))
	return body.GroupID
}

// openSSH makes a group and opens tcp/22 to anywhere.
func (l *listening) openSSH() string {
	l.Helper()
	id := l.call("CreateSecurityGroup", url.Values{"GroupName": {"web"}, "GroupDescription": {"web"}})
	l.call("AuthorizeSecurityGroupIngress", url.Values{
		"GroupId": {id}, "IpPermissions.1.IpProtocol": {"tcp"}, "IpPermissions.1.FromPort": {"22"},
		"IpPermissions.1.ToPort": {"22"}, "IpPermissions.1.IpRanges.1.CidrIp": {"0.0.0.0/0"},
	})
	return id
}

func TestListenTellsDocumentsAsTheyCome(t *testing.T) {
	l := listen(t, "-o", "json")
	id := l.openSSH()
	for number, outcome := range []string{"compliant", "reverted"} {
		line, err := l.out.ReadBytes('\n')
		require.NoError(t, err)
		var doc struct {
			Record  int
			GroupID string
			Outcome string
		}
		require.NoError(t, json.Unmarshal(line, &doc))
		require.Equal(t, number+1, doc.Record)
		require.Equal(t, id, doc.GroupID)
		require.Equal(t, outcome, doc.Outcome)
	}
	l.stop()
	rest, err := io.ReadAll(l.out)
	require.NoError(t, err)
	require.Empty(t, rest, "each is written once")
	require.Equal(t, exitFine, <-l.ended)
}

func TestListenWithoutGuardChangesNothing(t *testing.T) {
	l := listen(t, "--no-guard")
	l.openSSH()
	l.stop()
	rest, err := io.ReadAll(l.out)
	require.NoError(t, err)
	require.Equal(t, "0 records\n", string(rest))
	require.Equal(t, exitFine, <-l.ended)
}

func TestListenTellsStories(t *testing.T) {
	l := listen(t)
	l.openSSH()
	told := ""
	for !regexp.MustCompile(`(?m)^  outcome  reverted$`).MatchString(told) {
		line, err := l.out.ReadString('\n')
		require.NoError(t, err)
		told += line
	}
	require.Contains(t, told, "RevokeSecurityGroupIngress: sgr-")
	l.stop()
	_, err := io.ReadAll(l.out)
	require.NoError(t, err)
	require.Equal(t, exitFine, <-l.ended)
}
