package doctor

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

type identityReader interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// checkIdentity says who asks, in which account and region: the first mistake
// is the wrong one of them.
func checkIdentity(ctx context.Context, x *examination, f *findings) {
	out, err := x.STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		f.unknown("who you are", err)
		return
	}
	x.account, x.caller = aws.ToString(out.Account), aws.ToString(out.Arn)
	if pieces := strings.Split(x.caller, ":"); len(pieces) > 1 {
		x.partition = pieces[1]
	}
	if strings.HasSuffix(x.caller, ":root") {
		f.warn("take a role: the root user cannot be limited", "%s in %s: the root user", x.caller, x.Region)
		return
	}
	f.ok("%s, in account %s, region %s", x.caller, x.account, x.Region)
}
