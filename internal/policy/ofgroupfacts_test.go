package policy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// lackIn is what p lacks in a group of these rules, with facts; "" = nothing.
func lackIn(t *testing.T, r Requirement, facts Surroundings, changes ...secgroup.Change) string {
	t.Helper()
	s := enforcing(t, document("p", remedy(DoAlert), requires(r)))
	in := swept(s, secgroup.Group{ID: ownGroup, VPCID: "vpc-1", Rules: liveRules(t, "ingress tcp/22 from 10.0.0.0/8")})
	in.Facts.Surroundings, in.Changes = facts, changes
	v := s.Evaluate(in)
	require.Empty(t, v.Needs)
	return lacksOf(v)[secgroup.GroupEntry(ownGroup, "p")]
}

func TestUseInWords(t *testing.T) {
	all := []string{"eni-1", "eni-2", "eni-3", "eni-4", "eni-5"}
	for _, tc := range []struct {
		attached bool
		use      Interfaces
		want     string
	}{
		{true, Interfaces{}, "no network interface uses it"},
		{true, Interfaces{IDs: all[:1]}, ""},
		{false, Interfaces{}, ""},
		{false, Interfaces{IDs: all[:1]}, "it is used by eni-1"},
		{false, Interfaces{IDs: all[:3]}, "it is used by eni-1, eni-2, eni-3"},
		{false, Interfaces{IDs: all[:4]}, "it is used by eni-1, eni-2, eni-3 and another"},
		{false, Interfaces{IDs: all}, "it is used by eni-1, eni-2, eni-3 and 2 others"},
		{false, Interfaces{IDs: all[:2], More: true}, "it is used by eni-1, eni-2 and others"},
		{false, Interfaces{IDs: all[:3], More: true}, "it is used by eni-1, eni-2, eni-3 and others"},
		{false, Interfaces{IDs: all, More: true}, "it is used by eni-1, eni-2, eni-3 and 2 others"},
	} {
		require.Equal(t, tc.want, lackIn(t, Requirement{Attached: &tc.attached}, Surroundings{Interfaces: &tc.use}))
	}
}

// TestTheNumberOfGroupsIsSaidOnce: of a group that was made just now, else of
// the first by id.
func TestTheNumberOfGroupsIsSaidOnce(t *testing.T) {
	groups := func(ids ...string) Surroundings {
		all := &AllGroups{}
		for _, id := range ids {
			all.Groups = append(all.Groups, secgroup.Group{ID: id, VPCID: "vpc-1"})
		}
		return Surroundings{Groups: all}
	}
	const before, after = "sg-00", "sg-ff"
	require.Less(t, before, ownGroup)
	require.Less(t, ownGroup, after)
	for _, tc := range []struct {
		ids  []string
		made bool
		want string
	}{
		{[]string{ownGroup, after}, false, ""},
		{[]string{ownGroup, after, "sg-fff"}, false, "it is one of 3 groups of the region, where 2 may be"},
		{[]string{before, ownGroup, after}, false, ""},
		{[]string{before, ownGroup, after}, true, "it is one of 3 groups of the region, where 2 may be"},
		{[]string{before, ownGroup}, true, ""},
	} {
		var changes []secgroup.Change
		if tc.made {
			c := created("web", "vpc-1")
			c.Groups[0].ID = ownGroup
			changes = append(changes, c)
		}
		require.Equal(t, tc.want, lackIn(t, Requirement{MaxGroups: 2}, groups(tc.ids...), changes...), "%v", tc.ids)
	}
	require.Empty(t, lackIn(t, Requirement{Distinct: NotIdentical}, groups(ownGroup, after, "sg-fff")), "their number is no matter")
}

func TestTwins(t *testing.T) {
	of := func(id string, rules ...string) secgroup.Group {
		return secgroup.Group{ID: id, VPCID: "vpc-1", Rules: liveRules(t, rules...)}
	}
	ssh, out := "ingress tcp/22 from 10.0.0.0/8", "egress all to ::/0"
	for name, tc := range map[string]struct {
		groups []secgroup.Group
		want   string
	}{
		"in the order of their ids":   {[]secgroup.Group{of(ownGroup, ssh), of("sg-0d", ssh), of("sg-0c", ssh)}, "it opens the same as sg-0c, sg-0d"},
		"another egress":              {[]secgroup.Group{of(ownGroup, ssh, out), of("sg-0c", ssh)}, ""},
		"another egress of the other": {[]secgroup.Group{of(ownGroup, ssh), of("sg-0c", ssh, out)}, ""},
		"the same egress":             {[]secgroup.Group{of(ownGroup, ssh, out), of("sg-0c", out, ssh)}, "it opens the same as sg-0c"},
		"no ingress":                  {[]secgroup.Group{of(ownGroup, out), of("sg-0c", out)}, ""},
		"younger than the list":       {[]secgroup.Group{of("sg-0c", ssh), of("sg-0d", ssh)}, ""},
	} {
		require.Equal(t, tc.want, lackIn(t, Requirement{Distinct: NotIdentical}, Surroundings{Groups: &AllGroups{Groups: tc.groups}}), name)
	}
}

// TestTriageOfWhatIsRequiredOfGroups: a call concerns a policy only if it can be
// why the group is not as required, of groups that it is meant for.
func TestTriageOfWhatIsRequiredOfGroups(t *testing.T) {
	tagged := Scope{Tags: map[string][]string{"tier": {"public"}}}
	wizard := Requirement{NotNamed: []string{"launch-*"}}
	policy := func(id string, r Requirement, more ...option) Document {
		return document(id, append([]option{remedy(DoAlert), requires(r)}, more...)...)
	}
	public := item(func(k *Known) { k.Tags = map[string]string{"tier": "public"} })
	three := authorized(dev, now, liveRules(t, "ingress tcp/1 from ::/0", "ingress tcp/2 from ::/0", "ingress tcp/3 from ::/0")...)
	for name, tc := range map[string]struct {
		docs          []Document
		c             secgroup.Change
		item          *Known
		without, with Concern
	}{
		"a description":                    {[]Document{policy("p", Requirement{Description: true})}, created("web", "vpc-1"), item(nil), Concerned, Concerned},
		"another description":              {[]Document{policy("p", Requirement{NotDescribed: []string{"x"}})}, created("web", "vpc-1"), item(nil), Concerned, Concerned},
		"fewer rules than a group is born": {[]Document{policy("p", Requirement{MaxRules: 1})}, created("web", "vpc-1"), item(nil), Concerned, Concerned},
		"as many rules":                    {[]Document{policy("p", Requirement{MaxRules: 2})}, created("web", "vpc-1"), item(nil), NotConcerned, NotConcerned},
		"more rules":                       {[]Document{policy("p", Requirement{MaxRules: 3})}, created("web", "vpc-1"), item(nil), NotConcerned, NotConcerned},
		"as many rules as may be, at once": {[]Document{policy("p", Requirement{MaxRules: 3})}, three, item(nil), AskItem, NotConcerned},
		"of other groups, then of this":    {[]Document{policy("p", wizard, scope(Scope{IDs: []string{"sg-0b"}})), policy("q", Requirement{Description: true})}, created("web", "vpc-1"), item(nil), Concerned, Concerned},
		"fine, then not":                   {[]Document{policy("p", wizard), policy("q", Requirement{Description: true})}, created("web", "vpc-1"), item(nil), Concerned, Concerned},
		"the item tells that it is meant":  {[]Document{policy("p", Requirement{Description: true}, scope(tagged))}, created("web", "vpc-1"), public, AskItem, Concerned},
		"the item tells that it is not":    {[]Document{policy("p", Requirement{Description: true}, scope(tagged))}, created("web", "vpc-1"), item(nil), AskItem, NotConcerned},
		"fine, whether meant or not":       {[]Document{policy("p", wizard, scope(tagged))}, created("web", "vpc-1"), item(nil), NotConcerned, NotConcerned},
	} {
		s := compiledWith(t, trusting, tc.docs...)
		require.Equal(t, tc.without, s.Triage(tc.c, nil), name)
		require.Equal(t, tc.with, s.Triage(tc.c, tc.item), name)
	}
}

// ruled is what one policy that requires a tag says of a group without tags.
func ruled(t *testing.T, r Requirement, edit func(*Input)) RuleVerdict {
	t.Helper()
	elsewhere := document("a", remedy(DoAlert), requires(Requirement{Description: true}), scope(Scope{IDs: []string{"sg-0b"}}))
	s := enforcing(t, elsewhere, document("p", remedy(DoAlert), requires(r)))
	in := swept(s, secgroup.Group{ID: ownGroup, VPCID: "vpc-1", Rules: []secgroup.Rule{}})
	edit(&in)
	v := s.Evaluate(in)
	require.Len(t, v.Group, 1)
	require.Equal(t, secgroup.GroupEntry(ownGroup, "p"), v.Group[0].Rule.ID)
	require.Len(t, v.Group[0].Findings, 1)
	return v.Group[0]
}

func TestWhatIsSaidOfAGroup(t *testing.T) {
	id := secgroup.GroupEntry(ownGroup, "p")
	known := func(k KnownRule) func(*Input) {
		k.Rule.ID = id
		return func(in *Input) { in.Known.Rules = map[string]KnownRule{id: k} }
	}
	rv := ruled(t, Requirement{Tags: []string{"owner"}, Line: 7}, func(*Input) {})
	require.Equal(t, Alerting, rv.Findings[0].State)
	require.Equal(t, 7, rv.Findings[0].Line, "the entry that it is about")
	require.Contains(t, rv.Findings[0].Why, "violates: it lacks the tags owner")
	require.Nil(t, rv.Void)

	rv = ruled(t, Requirement{Tags: []string{"owner"}}, known(KnownRule{Since: now.Add(time.Minute)}))
	require.Equal(t, Alerting, rv.Findings[0].State, "without a grace nothing is waited for, whatever the clocks say")

	rv = ruled(t, Requirement{Tags: []string{"owner"}, Grace: time.Hour}, func(*Input) {})
	require.Equal(t, Graced, rv.Findings[0].State)
	require.Equal(t, "stands for a grace of 1h0m0s: it lacks the tags owner", rv.Findings[0].Why)

	marked := known(KnownRule{Baseline: []string{"p"}, Since: now.Add(-48 * time.Hour)})
	rv = ruled(t, Requirement{Tags: []string{"owner"}}, func(in *Input) {
		marked(in)
		in.Facts.Adopted = map[string]time.Time{"p": now}
	})
	require.Equal(t, Alerting, rv.Findings[0].State)
	require.Equal(t, []string{"p"}, rv.Void)
}

// TestWhatCouldNotBeReadOfAGroup stands where its policy begins, and before the
// act it is like all that stood.
func TestWhatCouldNotBeReadOfAGroup(t *testing.T) {
	unread := Requirement{Attached: yesOrNo(true), Line: 7}
	rv := ruled(t, unread, func(in *Input) { in.Facts.Interfaces = &Interfaces{Refused: "no"} })
	require.Equal(t, Unknown, rv.Findings[0].State)
	require.NotZero(t, rv.Findings[0].Line)
	require.Equal(t, rv.Findings[0].Policy.Line, rv.Findings[0].Line)
	rv = ruled(t, unread, func(in *Input) {
		in.Facts.Interfaces, in.Facts.Acts = &Interfaces{Refused: "no"}, nil
	})
	require.Equal(t, BeforeAct, rv.Findings[0].State)
	require.NotEmpty(t, rv.Findings[0].Why)
}

// TestWhoChangedAGroupItself: the latest call that made it or changed its tags.
func TestWhoChangedAGroupItself(t *testing.T) {
	call := func(e secgroup.Effect, event string, ago time.Duration, code string) secgroup.Change {
		return secgroup.Change{
			Effect: e, EventID: event, EventTime: now.Add(-ago), ErrorCode: code, AccountID: ownAccount, Region: "eu-west-1",
			Groups: []secgroup.GroupName{{ID: ownGroup}},
		}
	}
	rule := call(secgroup.Narrows, "revoke", time.Second, "")
	refused := call(secgroup.Retags, "refused", 2*time.Second, "UnauthorizedOperation")
	tags := call(secgroup.Retags, "tags", 3*time.Second, "")
	made := call(secgroup.Creates, "made", 4*time.Second, "")
	for _, tc := range []struct {
		changes []secgroup.Change
		by      string
	}{
		{nil, ""},
		{[]secgroup.Change{rule}, ""},
		{[]secgroup.Change{refused}, ""},
		{[]secgroup.Change{made}, "made"},
		{[]secgroup.Change{rule, refused, tags}, "tags"},
		{[]secgroup.Change{made, tags}, "tags"},
		{[]secgroup.Change{tags, made}, "tags"},
	} {
		rv := ruled(t, Requirement{Tags: []string{"owner"}}, func(in *Input) { in.Changes = tc.changes })
		require.Equal(t, tc.by != "", rv.Named)
		if tc.by == "" {
			require.Nil(t, rv.By)
			continue
		}
		require.Equal(t, tc.by, rv.By.EventID)
	}
}
