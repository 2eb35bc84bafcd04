package apply

import (
	"context"
	"slices"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"
)

// remember notes the request id of every answer to a call, so that its record
// is known for ours when it comes. A call that was tried again has several,
// and any of them may have had the effect; the SDK's own result has the last.
func (j *job) remember(o *ec2.Options) {
	note := middleware.DeserializeMiddlewareFunc("rememberRequestID", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if id, ok := awsmiddleware.GetRequestIDMetadata(metadata); ok && id != "" && !slices.Contains(j.result.RequestIDs, id) {
			j.result.RequestIDs = append(j.result.RequestIDs, id)
		}
		return out, metadata, err
	})
	o.APIOptions = append(slices.Clone(o.APIOptions), tellTries, func(s *middleware.Stack) error {
		return s.Deserialize.Add(note, middleware.Before)
	})
}
