package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

type trailReader interface {
	DescribeTrails(context.Context, *cloudtrail.DescribeTrailsInput, ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error)
	GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error)
	GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error)
}

// checkTrail looks for a trail that logs the writing calls of EC2 in this
// region: EventBridge gets the records of calls from such a trail only
// (EventBridge user guide, "Events from AWS services via CloudTrail").
func checkTrail(ctx context.Context, x *examination, f *findings) {
	out, err := x.CloudTrail.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)})
	if err != nil {
		f.unknown("whether a trail logs here", err)
		return
	}
	var good, lacks []string
	var unknown []error
	for _, t := range out.TrailList {
		if !aws.ToBool(t.IsMultiRegionTrail) && aws.ToString(t.HomeRegion) != x.Region {
			continue
		}
		name := aws.ToString(t.Name)
		switch lack, err := trailLacks(ctx, x.CloudTrail, aws.ToString(t.TrailARN)); {
		case err != nil:
			unknown = append(unknown, err)
		case lack != "":
			lacks = append(lacks, name+" "+lack)
		default:
			good = append(good, name)
		}
	}
	const without = "no change of a group is heard of without: "
	switch {
	case len(good) > 0:
		f.ok("%s logs management events of writing calls in %s", strings.Join(good, ", "), x.Region)
	case len(unknown) > 0:
		f.unknown("whether a trail logs here", errors.Join(unknown...))
	case len(lacks) > 0:
		f.problem(without+"start its logging, or let it log management events of writing calls", "no trail logs the writing calls of EC2 in %s: %s", x.Region, strings.Join(lacks, "; "))
	default:
		f.problem(without+"aws cloudtrail create-trail --is-multi-region-trail, then start-logging", "there is no trail in %s", x.Region)
	}
}

// trailLacks is what a trail lacks; "" = nothing.
func trailLacks(ctx context.Context, client trailReader, arn string) (string, error) {
	status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &arn})
	if err != nil {
		return "", err
	}
	if !aws.ToBool(status.IsLogging) {
		return "is stopped", nil
	}
	selectors, err := client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: &arn})
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(selectors.EventSelectors, logsWrites) && !slices.ContainsFunc(selectors.AdvancedEventSelectors, logsWritesAdvanced) {
		return "does not log all management events of writing calls", nil
	}
	return "", nil
}

func logsWrites(s types.EventSelector) bool {
	return aws.ToBool(s.IncludeManagementEvents) && s.ReadWriteType != types.ReadWriteTypeReadOnly && !slices.Contains(s.ExcludeManagementEventSources, ec2Source)
}

const ec2Source = "ec2.amazonaws.com"

// logsWritesAdvanced looks at an advanced selector: all of its fields must let
// the writing calls of EC2 through. A field that is not known here may keep
// some back.
func logsWritesAdvanced(s types.AdvancedEventSelector) bool {
	management := false
	for _, field := range s.FieldSelectors {
		switch aws.ToString(field.Field) {
		case "eventCategory":
			management = slices.Contains(field.Equals, "Management")
		case "readOnly":
			if !slices.Contains(field.Equals, "false") {
				return false
			}
		case "eventSource":
			if len(field.Equals) > 0 && !slices.Contains(field.Equals, ec2Source) || slices.Contains(field.NotEquals, ec2Source) {
				return false
			}
		default:
			return false
		}
	}
	return management
}
