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

// tag puts the tags on the group and the rules. A rule that is gone fails the
// whole call, as EC2 tags all or nothing.
func (j *job) tag(ctx context.Context, action plan.Tag) {
	tags := tagList(action.Tags)
	if len(tags) == 0 {
		j.fail(action.Call(), action.GroupID, fmt.Errorf("%w: there is no tag to give", incident.ErrInvalid))
		return
	}
	resources := []string{action.GroupID}
	for _, r := range action.Rules {
		if secgroup.IsGroupEntry(r.ID) {
			continue
		}
		resources = append(resources, r.ID)
	}
	for batch := range slices.Chunk(resources, maxTagged) {
		if _, err := j.client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: batch, Tags: tags}, j.remember); err != nil {
			j.fail(action.Call(), action.GroupID, err)
			return
		}
	}
}
