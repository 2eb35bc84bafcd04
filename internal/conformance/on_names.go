package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// names are those of groups, in the own VPC.
func names() []Case {
	const (
		one     = "internal/inventory: Named finds a group whatever the case of its name"
		shown   = "internal/alert: names are shown, and never trusted"
		reserve = "internal/secgroup: Group.IsDefault goes by the name"
	)
	no := func(from func(string, string, ...step) Case, name, rests, groupName, description string) Case {
		return from("names/"+name, rests, refused(create(groupName, description, "@vpc")))
	}
	return []Case{
		model("names/taken", one, create("@Web", "d", "@vpc"), refusedAs("InvalidGroup.Duplicate", create("@Web", "d", "@vpc"))),
		model("names/taken-in-another-case", one, create("@Web", "d", "@vpc"), refusedAs("InvalidGroup.Duplicate", create("@WEB", "d", "@vpc"))),
		model("names/free-in-another-vpc", "internal/inventory: a name means a group of one VPC alone", create("@Web", "d", "@vpc"), create("@Web", "d", "@farvpc")),
		model("names/free-again-after-deletion", "internal/ledger: a group is known by its id, not its name", createAndDrop, create("@Again", "d", "@vpc")),
		no(doc, "default-is-reserved", reserve, "default", "d"),
		no(inferred, "default-is-reserved-in-any-case", reserve, "Default", "d"),
		no(model, "like-an-id", "internal/secgroup: what begins with sg- is an id", "sg-web", "d"),
		no(model, "longer-than-255", shown, strings.Repeat("n", 256), "d"),
		no(model, "not-ascii", shown, "w\u00e9b", "d"),
		no(model, "angle-bracket", shown, "we<b", "d"),
		no(model, "line-break", shown, "we\nb", "d"),
		no(model, "description-longer-than-255", shown, "@Long", strings.Repeat("d", 256)),
		no(model, "description-not-ascii", shown, "@Accent", "d\u00e9"),
		no(model, "description-quote", shown, "@Quote", `a "word"`),
		model("names/all-characters-that-are-allowed", shown, create("@Aa0 ._-:/()#,@[]+=&;{}!$*", "Aa0 ._-:/()#,@[]+=&;{}!$*", "@vpc")),
		model("names/description-of-255", shown, create("@Just", strings.Repeat("d", 255), "@vpc")),
		inferred("names/unknown-vpc", "internal/inventory: a VPC that is not there is an error", refusedAs("InvalidVpcID.NotFound", create("@Lost", "d", "vpc-0fffffffffffffff0"))),
		inferred("names/answer-has-the-id", "events: the group of a Create's record is its answer's", createAnswers(func(out *ec2.CreateSecurityGroupOutput) error {
			return equal("form of the id", len(aws.ToString(out.GroupId)), len("sg-")+17)
		})),
		model("names/answer-has-the-arn", "events: the group of a Create's record is its answer's", createAnswers(func(out *ec2.CreateSecurityGroupOutput) error {
			return equal("end of the ARN", strings.HasSuffix(aws.ToString(out.SecurityGroupArn), "/"+aws.ToString(out.GroupId)), true)
		})),
		model("names/answer-has-the-tags", "events: the group of a Create's record is its answer's", createAnswers(func(out *ec2.CreateSecurityGroupOutput) error {
			return equal("tags", len(out.Tags), 1)
		})),
	}
}

// create makes a group; @ before the name stands for the bench's own prefix,
// since groups of other cases are in the same VPC.
func create(name, description, vpc string) step {
	return func(b *Bench) error {
		_, err := b.create(name, description, vpc)
		return err
	}
}

func (b *Bench) create(name, description, vpc string) (*ec2.CreateSecurityGroupOutput, error) {
	id, err := b.id(vpc)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(name, "@"); ok {
		name = b.ids["@self"][len("sg-"):] + rest
	}
	return b.EC2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
		GroupName: &name, Description: &description, VpcId: &id, TagSpecifications: b.site.tagged(types.ResourceTypeSecurityGroup),
	})
}

func createAndDrop(b *Bench) error {
	out, err := b.create("@Again", "d", "@vpc")
	if err != nil {
		return err
	}
	return b.site.deleteGroup(b.ctx, aws.ToString(out.GroupId))
}

func createAnswers(look func(*ec2.CreateSecurityGroupOutput) error) step {
	return func(b *Bench) error {
		out, err := b.create("@New", "d", "@vpc")
		if err != nil {
			return err
		}
		return look(out)
	}
}
