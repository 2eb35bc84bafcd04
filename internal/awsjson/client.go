// Package awsjson makes the few calls of services that speak JSON for which
// guard carries no client of the SDK: EventBridge's and Security Hub's clients
// would be paid for at every start, and in the zip, by deployments that use
// neither (docs/design/0034-more-than-one-to-tell.md). It signs with the SDK's
// signer, over the SDK's HTTP client, and tries again as the SDK's retryer says.
//
// It knows operations that answer at once with a JSON object, and no others.
package awsjson

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// operation is a call and how it is sent.
type operation struct {
	service string // in hosts and signatures
	path    string
	target  string // of the header X-Amz-Target; "" = the path says it
}

// operationOf gives an operation by its name (service models of EventBridge 2015-10-07 and
// Security Hub 2018-10-26).
func operationOf(name string) (operation, bool) {
	switch name {
	case "PutEvents":
		return operation{service: "events", path: "/", target: "AWSEvents.PutEvents"}, true
	case "BatchImportFindings":
		return operation{service: "securityhub", path: "/findings/import"}, true
	}
	return operation{}, false
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// Client calls services of one region. It is safe for concurrent use.
type Client struct {
	cfg      aws.Config
	endpoint func(service string) string
	signer   *v4.Signer
}

// New makes a client of a configuration that has a region, credentials, an
// HTTP client and a retryer. endpoint gives the endpoint that is set for a
// service ("events", "securityhub"); "" = the service's own. It calls nothing.
func New(cfg aws.Config, endpoint func(service string) string) *Client {
	return &Client{cfg, endpoint, v4.NewSigner()}
}

// Call makes one call: in is sent as JSON, the answer is read into out. An
// error that the service answers is an *Error. What the retryer takes for
// passing is tried again, within the context's deadline.
func (c *Client) Call(ctx context.Context, name string, in, out any) error {
	op, ok := operationOf(name)
	if !ok {
		return fmt.Errorf("call %s: it is not known how", name)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("call %s: %w", name, err)
	}
	retryer := c.cfg.Retryer()
	release := func(error) error { return nil }
	for attempt := 1; ; attempt++ {
		err = c.try(ctx, op, body, out)
		_ = release(err) // what it gives back, it gives back of our own
		if err == nil {
			return nil
		}
		err = fmt.Errorf("call %s: %w", name, err)
		if attempt >= retryer.MaxAttempts() || !retryer.IsErrorRetryable(err) {
			return err
		}
		var refused error
		if release, refused = retryer.GetRetryToken(ctx, err); refused != nil {
			return fmt.Errorf("%w: %w", err, refused)
		}
		delay, refused := retryer.RetryDelay(attempt, err)
		if refused != nil {
			return fmt.Errorf("%w: %w", err, refused)
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

func (c *Client) try(ctx context.Context, op operation, body []byte, out any) error {
	base := c.endpoint(op.service)
	if base == "" {
		base = "https://" + op.service + "." + c.cfg.Region + suffix(c.cfg.Region)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(base, "/")+op.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if op.target != "" {
		r.Header.Set("X-Amz-Target", op.target)
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	keys, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), op.service, c.cfg.Region, time.Now()); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	answer, err := c.cfg.HTTPClient.Do(r)
	if err != nil {
		return &unanswered{err}
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return &unanswered{err}
	}
	if answer.StatusCode != http.StatusOK {
		return errorOf(answer, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// suffix is that of the hosts of a region (endpoints of both services in all
// partitions that AWS names publicly).
func suffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return ".amazonaws.com.cn"
	}
	return ".amazonaws.com"
}
