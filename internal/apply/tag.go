package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/plan"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// maxTagged is how many resources one CreateTags takes (API reference).
const maxTagged = 1000

// tag puts the tags on the rules, and on the group where it is meant. A rule that is gone fails the
// whole call, as EC2 tags all or nothing.
func (j *job) tag(ctx context.Context, action plan.Tag) {
	tags := tagList(action.Tags)
	if len(tags) == 0 {
		j.fail(action.Call(), action.GroupID, fmt.Errorf("%w: there is no tag to give", incident.ErrInvalid))
		return
	}
	var resources []string
	if action.OfGroup {
		resources = append(resources, action.GroupID)
	}
	for _, r := range action.Rules {
		if secgroup.IsGroupEntry(r.ID) {
			continue
		}
		resources = append(resources, r.ID)
	}
	if resources == nil {
		j.fail(action.Call(), action.GroupID, fmt.Errorf("%w: there is nothing to tag", incident.ErrInvalid))
		return
	}
	for batch := range slices.Chunk(resources, maxTagged) {
		if _, err := j.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: batch, Tags: tags}, j.remember); err != nil {
			j.fail(action.Call(), action.GroupID, err)
			return
		}
	}
}
