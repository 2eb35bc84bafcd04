// Package awshttp is the HTTP client beneath the SDK's clients.
package awshttp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// New makes a client as the SDK makes its own. timeout bounds one request, its
// answer included.
//
// It sends bodies that it holds in memory, where the SDK (smithy-go v1.28.8)
// gives net/http a reader that it closes when the head of the answer comes in.
// net/http asks that reader once more for what may be left, after it has sent
// the body: where the answer was faster it meets a closed one, takes that for
// a failed request, and cuts the connection under the answer. Such a call is
// then tried again, though AWS had done it. With a body in memory net/http
// also writes head and body at once, and may repeat a request by itself that
// met a connection which AWS had closed meanwhile: those of a function that
// was frozen.
func New(timeout time.Duration) aws.HTTPClient {
	return client{awshttp.NewBuildableClient().WithTimeout(timeout)}
}

type client struct{ next aws.HTTPClient }

func (c client) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.ContentLength <= 0 {
		return c.next.Do(r)
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return nil, fmt.Errorf("read the body of the request: %w", err)
	}
	whole := r.WithContext(r.Context()) // a copy: the SDK closes the body of its own
	whole.Body = io.NopCloser(bytes.NewReader(body))
	whole.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return c.next.Do(whole)
}
