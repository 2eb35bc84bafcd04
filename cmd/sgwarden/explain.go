package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/events"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// actorForm is that of the ARNs which exceptions name: of an assumed role it is
// the role's, never the session's.
var actorForm = regexp.MustCompile(`^arn:[a-z-]+:iam::[0-9]{12}:(?:(?:role|user)/.+|root)$`)

// explain is `sgwarden explain`.
type explain struct {
	rule, event, group string
	by                 string
	account            account // of the group
	policies, format   string
}

func newExplain() *cobra.Command {
	e := &explain{}
	cmd := &cobra.Command{
		Use:   "explain --rule TEXT | --event FILE | --group ID",
		Short: "Say what the policies make of a rule, an event or a group, and why",
		Long: `explain judges one rule, or the rules that a CloudTrail record names, as if
they were new and nobody's, in a group of their own, with every policy in
enforce mode, and says of every policy why it decides as it does. It calls no
AWS. --by judges them as made by a role or user. The group is no default group
and has id sg-00000000, but for what a record tells of it.

--group judges the rules of a group of your account together, as if they were
new: it reads the group, its VPCs, the prefix lists that it names, and what the
policies require beyond that (use, other groups, elastic addresses), with the
AWS credentials and region of your environment, and changes nothing. What the
deployment marked as baseline, and for how long the group has been as it is, it
does not know.

It exits with 1 where a policy is violated, and with 3 where AWS does not
answer or the event alone does not tell what to judge.

  sgwarden explain --rule 'ingress tcp/20-25 from 0.0.0.0/0'
  sgwarden explain --event record.json --policies policies/ -o json
  sgwarden explain --group sg-0123456789abcdef0 --region eu-central-1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.chosen(cmd); err != nil {
				return err
			}
			return e.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.rule, "rule", "", "a rule as text, as 'ingress tcp/20-25 from 0.0.0.0/0'")
	f.StringVar(&e.event, "event", "", "a file with a CloudTrail record or an EventBridge event, or - for standard input")
	f.StringVar(&e.policies, "policies", "", "folder of policies (default: the built-in pack baseline)")
	f.StringVarP(&e.format, "output", "o", "text", "text or json")
	f.StringVar(&e.group, "group", "", "a live group, by its id")
	f.StringVar(&e.account.profile, "profile", "", "AWS profile for --group (default: AWS_PROFILE)")
	f.StringVar(&e.account.region, "region", "", "AWS region of --group (default: AWS_REGION, else the profile's)")
	f.StringVar(&e.by, "by", "", "ARN of the role or user who makes the rules (default: nobody in particular)")
	return cmd
}

// chosen refuses flags that name nothing, or several things, to explain.
func (e *explain) chosen(cmd *cobra.Command) error {
	n := 0
	for _, flag := range []string{"rule", "event", "group"} {
		if cmd.Flags().Changed(flag) {
			n++
		}
	}
	switch n {
	case 0:
		return errors.New("nothing to explain: name it with --rule, --event or --group")
	case 1:
		return nil
	}
	return errors.New("explain takes one of --rule, --event and --group")
}

func (e *explain) run(cmd *cobra.Command) error {
	if e.by != "" && !actorForm.MatchString(e.by) {
		return fmt.Errorf("by %q: want the ARN of a role or user, as arn:aws:iam::123456789012:role/NAME", e.by)
	}
	if e.format != "text" && e.format != "json" {
		return fmt.Errorf("output %q: want text or json", e.format)
	}
	deployed, err := loadPolicies(e.policies)
	if err != nil {
		return err
	}
	j := judging{set: deployed.Enforcing(), deployed: deployed, by: e.by, live: e.group != ""}
	var x explanation
	switch {
	case e.event != "":
		x, err = e.explainEvent(cmd.InOrStdin(), j)
	case e.group != "":
		x, err = e.explainGroup(cmd.Context(), j)
	default:
		var rule secgroup.Rule
		if rule, err = parseRule(e.rule); err == nil {
			x = j.rules(someGroup, []secgroup.Rule{rule})
		}
	}
	if err != nil {
		return err
	}
	x = x.withNotConcerned(j, e.event != "")
	if err := x.write(cmd.OutOrStdout(), e.format); err != nil {
		return outside(err)
	}
	switch {
	case len(x.Violations) > 0:
		return status{exitViolation, nil}
	case x.Outcome == incident.Unresolved.String():
		return status{exitOutside, nil}
	}
	return nil
}

// explainEvent judges the rules that one record names.
func (e *explain) explainEvent(stdin io.Reader, j judging) (explanation, error) {
	data, err := readInput(e.event, stdin)
	if err != nil {
		return explanation{}, err
	}
	changes, err := events.Decode(data)
	switch {
	case errors.Is(err, events.ErrNotWatched):
		return nothing(incident.Ignored, err.Error()), nil
	case err != nil:
		return explanation{}, fmt.Errorf("read %s: %w", e.event, err)
	case len(changes) != 1:
		return explanation{}, fmt.Errorf("read %s: it holds %d records, explain takes one", e.event, len(changes))
	}
	return j.withCall(j.change(changes[0]), changes[0]), nil
}

// defaultEgress is what EC2 gives every new group.
const defaultEgress = "egress all to 0.0.0.0/0"

func (j judging) change(c secgroup.Change) explanation {
	switch {
	case c.ErrorCode != "":
		return nothing(incident.Ignored, "the call failed with "+printable(c.ErrorCode)+" and changed nothing")
	case (c.Effect == secgroup.Describe || c.Effect == secgroup.Retags) && j.set.Triage(c, nil) == policy.Concerned:
		return nothing(incident.Unresolved, "the event alone does not tell what the group is like after the call: see --group")
	case c.Effect == secgroup.Narrows || c.Effect == secgroup.Describe:
		return nothing(incident.Compliant, "the call opens nothing")
	case c.Effect == secgroup.Retags:
		return nothing(incident.Ignored, "no policy looks at tags")
	case c.Effect == secgroup.Attaches && !j.set.JudgesUse():
		return nothing(incident.Ignored, "no policy asks what groups are attached to")
	case c.Effect == secgroup.Creates:
		rule, err := secgroup.ParseRule(defaultEgress)
		if err != nil {
			panic(err) // the text is constant
		}
		return j.rules(groupOf(c), []secgroup.Rule{rule})
	case c.Effect == secgroup.Names && c.Complete:
		return j.named(groupOf(c), c.Rules)
	}
	return nothing(incident.Unresolved, "the event alone does not tell which rules there are to judge")
}

// groupOf is the group of a record, as far as the record tells of it: scopes ask
// for it, and its rules may refer to it.
func groupOf(c secgroup.Change) secgroup.Group {
	group := someGroup
	group.AccountID, group.Region = c.AccountID, c.Region
	if len(c.Groups) == 1 {
		named := c.Groups[0]
		group.Name, group.VPCID = named.Name, named.VPCID
		if named.ID != "" {
			group.ID = named.ID
		}
	}
	return group
}

func (j judging) named(group secgroup.Group, named []secgroup.NamedRule) explanation {
	var rules []secgroup.Rule
	reason := ""
	for _, n := range named {
		if !n.HasValue {
			return nothing(incident.Unresolved, "the event names a rule without its value")
		}
		if n.AnyDirection {
			n.Rule.Direction = secgroup.Ingress // most rules are
			reason = "the event does not tell the direction: ingress is taken"
		}
		rules = append(rules, n.Rule)
	}
	x := j.rules(group, rules)
	x.Reason = reason
	return x
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, outside(fmt.Errorf("read standard input: %w", err))
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return data, nil
}
