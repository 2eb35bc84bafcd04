package ec2answer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Rules is an option for a call of DescribeSecurityGroupRules: its answer is
// read here where it is plain.
func Rules(o *ec2.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		original, ok := stack.Deserialize.Get(deserializer)
		if !ok {
			return fmt.Errorf("read rules: the client has no %s", deserializer)
		}
		_, err := stack.Deserialize.Swap(deserializer, rulesReader{original})
		return err
	})
}

// WithoutPermissions is an option for a call of DescribeSecurityGroups: groups
// come without their permissions, as if they had none.
func WithoutPermissions(o *ec2.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Insert(permissionsCutter{}, deserializer, middleware.After)
	})
}

// deserializer is what the SDK's clients call the step that reads an answer.
const deserializer = "OperationDeserializer"

// rulesReader stands in the place of the SDK's reader, and asks it still: for
// spans, errors and closing, and for answers that are not plain.
type rulesReader struct {
	middleware.DeserializeMiddleware
}

// HandleDeserialize lets the SDK's reader find an empty answer where it was
// read here.
func (m rulesReader) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	var read *ec2.DescribeSecurityGroupRulesOutput
	out, metadata, err := m.DeserializeMiddleware.HandleDeserialize(ctx, in, middleware.DeserializeHandlerFunc(
		func(ctx context.Context, in middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if content, ok := whole(out, err); ok {
				if rules, plain := readRules(content); plain {
					read, content = rules, ""
				}
				replace(out, content)
			}
			return out, metadata, err
		}))
	if err == nil && read != nil {
		out.Result = read
	}
	return out, metadata, err
}

type permissionsCutter struct{}

func (permissionsCutter) ID() string { return "WithoutPermissions" }

func (permissionsCutter) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if content, ok := whole(out, err); ok {
		replace(out, withoutPermissions(content))
	}
	return out, metadata, err
}

// whole reads the body of an answer of success; false where there is none. A
// body that breaks off is put back as it came, so that the SDK meets the same.
func whole(out middleware.DeserializeOutput, err error) (string, bool) {
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || response.StatusCode < 200 || response.StatusCode >= 300 {
		return "", false
	}
	buffer, ok := buffers.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	defer buffers.Put(buffer)
	buffer.Reset()
	_, err = buffer.ReadFrom(response.Body)
	content := buffer.String()
	if err != nil {
		response.Body = body{io.MultiReader(strings.NewReader(content), failing{err}), response.Body}
		return "", false
	}
	return content, true
}

// buffers keep the room for answers, which is asked for several times in a
// judging and else grows from nothing each time.
var buffers sync.Pool

// replace gives the answer another body.
func replace(out middleware.DeserializeOutput, content string) {
	if response, ok := out.RawResponse.(*smithyhttp.Response); ok {
		response.Body = body{strings.NewReader(content), response.Body}
	}
}

// body is read from one place, and closes another.
type body struct {
	io.Reader
	io.Closer
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
