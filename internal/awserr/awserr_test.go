package awserr_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/awserr"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

func client(cloud *localec2.Cloud, retryer aws.Retryer) *ec2.Client {
	return ec2.New(ec2.Options{
		Region: localec2.DefaultRegion, Retryer: retryer, HTTPClient: &http.Client{Transport: cloud.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	})
}

// TestTranslate sends every error through the real client.
func TestTranslate(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   error
	}{
		{400, "InvalidGroup.NotFound", incident.ErrGone},
		{400, "InvalidSecurityGroupRuleId.NotFound", incident.ErrGone},
		{400, "InvalidPermission.NotFound", incident.ErrGone},
		{400, "InvalidPrefixListID.NotFound", incident.ErrGone},
		{403, "UnauthorizedOperation", incident.ErrDenied},
		{400, "UnauthorizedOperation", incident.ErrDenied},
		{403, "AccessDenied", incident.ErrDenied},
		{401, "AuthFailure", incident.ErrDenied},
		{403, "SomethingNewForbidden", incident.ErrDenied},
		{503, "RequestLimitExceeded", incident.ErrThrottled},
		{400, "Throttling", incident.ErrThrottled},
		{429, "SomethingNewLimited", incident.ErrThrottled},
		{400, "InvalidPermission.Duplicate", incident.ErrDuplicate},
		{400, "RulesPerSecurityGroupLimitExceeded", incident.ErrQuota},
		{400, "InvalidParameterValue", incident.ErrInvalid},
		{400, "InvalidGroupId.Malformed", incident.ErrInvalid},
		{400, "InvalidAction", incident.ErrInvalid},
		{400, "SomethingNewRefused", incident.ErrInvalid},
		{412, "DryRunOperation", incident.ErrInvalid},
		{500, "InternalError", incident.ErrUnavailable},
		{503, "Unavailable", incident.ErrUnavailable},
		{500, "SomethingNewBroken", incident.ErrUnavailable},
		{400, "RequestExpired", incident.ErrUnavailable},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.code), func(t *testing.T) {
			cloud := localec2.New(localec2.Options{})
			cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.Refusal(c.status, c.code, "a text") })
			_, err := client(cloud, aws.NopRetryer{}).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
			got := awserr.Translate(err)
			require.ErrorIs(t, got, c.want)
			require.ErrorIs(t, got, err, "what EC2 said is kept")
			require.Equal(t, c.code, awserr.Code(got))
			require.Equal(t, "a text", awserr.Message(got))
			require.Equal(t, got, awserr.Translate(got), "a translation is not translated again")
		})
	}
}

func TestTranslateWithoutAnAnswer(t *testing.T) {
	require.NoError(t, awserr.Translate(nil))
	for _, err := range []error{errors.New("?"), context.DeadlineExceeded, context.Canceled, &smithy.DeserializationError{Err: errors.New("html")}} {
		got := awserr.Translate(err)
		require.ErrorIs(t, got, incident.ErrUnavailable)
		require.ErrorIs(t, got, err)
		require.Empty(t, awserr.Code(got))
		require.Empty(t, awserr.Message(got))
	}
	_, err := client(localec2.New(localec2.Options{}), aws.NopRetryer{}).ModifySecurityGroupRules(t.Context(), &ec2.ModifySecurityGroupRulesInput{})
	require.ErrorIs(t, awserr.Translate(err), incident.ErrInvalid, "what the SDK itself refuses will never pass")
}

func TestRetryer(t *testing.T) {
	cloud := localec2.New(localec2.Options{})
	call := func(ctx context.Context, failures int, d localec2.Disturbance) (int, error) {
		cloud.Forget()
		cloud.Disturb(func(localec2.Call) localec2.Disturbance {
			if failures--; failures < 0 {
				return localec2.Disturbance{}
			}
			return d
		})
		_, err := client(cloud, awserr.Retryer(4, 5*time.Millisecond)).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
		return cloud.Count(), awserr.Translate(err)
	}
	for name, d := range map[string]localec2.Disturbance{"throttled": localec2.Throttle(), "failed": localec2.Fail(), "lost": localec2.Lose()} {
		calls, err := call(t.Context(), 3, d)
		require.NoError(t, err, name)
		require.Equal(t, 4, calls, name)
	}
	calls, err := call(t.Context(), 99, localec2.Throttle())
	require.ErrorIs(t, err, incident.ErrThrottled)
	require.Equal(t, 4, calls)
	calls, err = call(t.Context(), 99, localec2.Deny())
	require.ErrorIs(t, err, incident.ErrDenied)
	require.Equal(t, 1, calls, "what cannot pass is not tried again")
}

// TestRetryerKeepsDeadlines, where waiting takes no time.
func TestRetryerKeepsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := localec2.New(localec2.Options{})
		cloud.Disturb(func(localec2.Call) localec2.Disturbance { return localec2.Throttle() })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		cloud.Forget()
		_, err := client(cloud, awserr.Retryer(4, time.Minute)).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
		require.ErrorIs(t, err, awserr.ErrNoTime)
		require.ErrorIs(t, awserr.Translate(err), incident.ErrThrottled, "the caller learns what was wrong")
		require.Equal(t, 1, cloud.Count(), "a wait that may outlast the deadline is not begun")

		ctx, cancel = context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		cloud.Forget()
		_, err = client(cloud, awserr.Retryer(4, time.Millisecond)).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
		require.ErrorIs(t, err, awserr.ErrNoTime)
		require.Equal(t, 1, cloud.Count(), "nor one that leaves no time for the try behind it")
	})
}
