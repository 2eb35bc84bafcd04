package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// refused holds that EC2 refuses a call as the client's mistake.
func refused(call step) step { return refusedAs("", call) }

// refusedAs holds that EC2 refuses a call with that code; "" is any code.
func refusedAs(want string, call step) step {
	return func(b *Bench) error {
		err := call(b)
		if err == nil {
			return errors.New("accepted, and it was to be refused")
		}
		var api smithy.APIError
		var answer *smithyhttp.ResponseError
		if !errors.As(err, &api) || !errors.As(err, &answer) || answer.HTTPStatusCode() < 400 || answer.HTTPStatusCode() > 499 {
			return fmt.Errorf("not refused by EC2, but: %w", err)
		}
		if want != "" && api.ErrorCode() != want {
			return fmt.Errorf("refused as %s, and not as %s: %s", api.ErrorCode(), want, api.ErrorMessage())
		}
		return nil
	}
}

// holds is what the ingress of @self is, and nothing else, in any order.
func holds(texts ...string) step { return holdsIn("@self", false, texts) }

// holdsOut is the same for egress.
func holdsOut(texts ...string) step { return holdsIn("@self", true, texts) }

// opens is what the egress of a new group of a VPC without IPv6 is.
const opens = "-1 - 0.0.0.0/0"

func holdsIn(group string, egress bool, texts []string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			all, err := b.rules(group)
			if err != nil {
				return err
			}
			var got []string
			for _, r := range all {
				if aws.ToBool(r.IsEgress) == egress {
					got = append(got, b.text(r))
				}
			}
			return same("rules", got, texts)
		})
	}
}

// same compares texts in any order.
func same(what string, got, want []string) error {
	if slices.Equal(sorted(got), sorted(want)) {
		return nil
	}
	return fmt.Errorf("%s are [%s], and not [%s]", what, strings.Join(got, "; "), strings.Join(want, "; "))
}

// answered is what the last Authorize said that it added.
func answered(texts ...string) step {
	return func(b *Bench) error {
		var got []string
		for _, r := range b.added {
			got = append(got, b.text(r))
		}
		return same("added rules", got, texts)
	}
}

// took is what the last Revoke said that it removed, "unknown " before what it
// said it did not know.
func took(texts ...string) step {
	return func(b *Bench) error {
		var got []string
		for _, r := range b.gone.RevokedSecurityGroupRules {
			as := types.SecurityGroupRule{
				IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort, CidrIpv4: r.CidrIpv4, CidrIpv6: r.CidrIpv6,
				PrefixListId: r.PrefixListId, Description: r.Description,
			}
			if r.ReferencedGroupId != nil {
				as.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: r.ReferencedGroupId}
			}
			got = append(got, b.text(as))
		}
		for _, p := range b.gone.UnknownIpPermissions {
			for _, x := range p.IpRanges {
				got = append(got, "unknown "+b.text(types.SecurityGroupRule{IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort, CidrIpv4: x.CidrIp}))
			}
		}
		return same("removed rules", got, texts)
	}
}

// keep remembers the id of a live rule under a name.
func keep(name, text string) step {
	return func(b *Bench) error {
		id, err := b.ruleID(text)
		b.kept[name] = id
		return err
	}
}

// stays holds that the rule of that text has the id kept under the name, and
// differs that it has not.
func stays(name, text string) step { return compare(name, text, true) }

func differs(name, text string) step { return compare(name, text, false) }

func compare(name, text string, equal bool) step {
	return func(b *Bench) error {
		id, err := b.ruleID(text)
		if err == nil && (id == b.kept[name]) != equal {
			err = fmt.Errorf("the id of %q was %s and is %s", text, b.kept[name], id)
		}
		return err
	}
}

// tagged holds the tags of a rule, KEY=VALUE, without the site's own.
func tagged(text string, pairs ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			r, err := b.rule(false, text)
			if err != nil {
				return err
			}
			return same("tags", pairsOf(r.Tags), pairs)
		})
	}
}

// groupTagged is the same for @self.
func groupTagged(pairs ...string) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			g, err := b.group()
			if err != nil {
				return err
			}
			return same("tags", pairsOf(g.Tags), pairs)
		})
	}
}

func pairsOf(tags []types.Tag) []string {
	var pairs []string
	for _, t := range tags {
		if aws.ToString(t.Key) != Tag {
			pairs = append(pairs, aws.ToString(t.Key)+"="+aws.ToString(t.Value))
		}
	}
	return pairs
}

// group is @self as DescribeSecurityGroups shows it.
func (b *Bench) group() (types.SecurityGroup, error) {
	out, err := b.EC2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{b.ids["@self"]}})
	if err != nil {
		return types.SecurityGroup{}, err
	}
	if len(out.SecurityGroups) != 1 {
		return types.SecurityGroup{}, fmt.Errorf("%d groups with one id", len(out.SecurityGroups))
	}
	return out.SecurityGroups[0], nil
}

// shows holds something about @self as DescribeSecurityGroups shows it.
func shows(look func(*Bench, types.SecurityGroup) error) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			g, err := b.group()
			if err != nil {
				return err
			}
			return look(b, g)
		})
	}
}

// equal compares two values in the words of what they are.
func equal[T comparable](what string, got, want T) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s is %v, and not %v", what, got, want)
}
