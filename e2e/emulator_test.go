//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	account = "123456789012" // moto's own
	region  = "us-east-1"
)

// emulator is a moto_server of our own, as one account sees it.
type emulator struct {
	url  string
	keys aws.Credentials // of whoever calls; the zero value is moto's own account
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// credentials are those of every call of the test's own.
func (e *emulator) credentials() aws.Credentials {
	if e.keys.AccessKeyID == "" {
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	}
	return e.keys
}

// in is the emulator as an administrator of another account sees it.
func (e *emulator) in(account string) (*emulator, error) {
	var out struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	if err := e.aws(&out, "sts", "assume-role", "--role-arn", "arn:aws:iam::"+account+":role/admin", "--role-session-name", "e2e"); err != nil {
		return nil, err
	}
	c := out.Credentials
	return &emulator{url: e.url, keys: aws.Credentials{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}}, nil
}

func startEmulator() (*emulator, error) {
	path, err := find("moto_server")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	// The name, not the number: with 127.0.0.1 the CDK finds no bucket.
	e := &emulator{url: fmt.Sprintf("http://localhost:%d", port), log: &bytes.Buffer{}}
	e.cmd = exec.Command(path, "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	e.cmd.Stdout, e.cmd.Stderr = e.log, e.log
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start moto_server: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- e.cmd.Wait() }()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case err := <-ended:
			return nil, fmt.Errorf("moto_server ended: %w\n%s", err, e.log)
		default:
		}
		if r, err := http.Get(e.url + "/moto-api/data.json"); err == nil {
			return e, r.Body.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	e.stop()
	return nil, fmt.Errorf("moto_server does not answer at %s", e.url)
}

func (e *emulator) stop() { _ = e.cmd.Process.Kill() }

// aws runs the aws client and reads its JSON answer into out, unless nil.
func (e *emulator) aws(out any, args ...string) error {
	path, err := find("aws")
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(path, append(args, "--endpoint-url", e.url, "--output", "json")...)
	cmd.Env = e.environ()
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("aws %v: %w\n%s", args, err, stderr.String())
	}
	if out == nil || len(bytes.TrimSpace(answer)) == 0 {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// environ makes the aws client and the CDK of this machine talk to the
// emulator, whatever profile its user has.
func (e *emulator) environ() []string {
	own := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "AWS_") })
	keys := e.credentials()
	if keys.SessionToken != "" {
		own = append(own, "AWS_SESSION_TOKEN="+keys.SessionToken)
	}
	return append(own,
		"AWS_ENDPOINT_URL="+e.url, "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
	)
}

// find looks on the PATH and in the checkout's virtual environment.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	if path, err := filepath.Abs(filepath.Join("..", ".venv", "bin", name)); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New(name + " is neither on the PATH nor in .venv: `make emulator` installs it")
}
