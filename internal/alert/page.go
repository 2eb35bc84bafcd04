package alert

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/incident"
)

// page is a message about what sgwarden does, or cannot do, as a whole: it is
// about no rule and no call.
type page struct {
	subject string // behind the severity; %s is the policy's id
	lead    string // likewise
	policy  string // title above the policy; "" = it is about none
	next    []step // what somebody can do
}

// step is one thing that somebody can do; %s is the policy's id.
type step struct{ when, command string }

// pages by the reason of their incident.
var pages = map[string]page{
	"fuse-blown": {
		subject: "sgwarden STOPPED acting on policy %s",
		lead: "sgwarden stopped acting on policy %s: it was about to touch more groups, or to take back the changes of more people, than the fuse lets it within an hour. " +
			"That is what a mistake in a policy looks like. What the policy refuses is still alerted, and stays open until somebody decides.",
		policy: "The policy",
		next: []step{
			{"See what it refuses first, and what it would have touched:", "sgwarden incidents"},
			{"If the policy is right, let it act again; else mend it and deploy:", "sgwarden resume --policy %s"},
		},
	},
	"many-actors": {
		subject: "sgwarden takes back changes of very many actors: %s",
		lead:    "Policy %s takes back the changes of very many actors. sgwarden goes on, as the policy is severe. If the policy is wrong, stop it.",
		policy:  "The policy",
		next:    []step{{"If the policy is wrong, stop all changes, mend it, deploy, and resume:", "sgwarden pause --reason REASON"}},
	},
	"baseline-set": {
		subject: "sgwarden leaves alone what stood before its policies",
		lead: "A sweep over all groups has marked what violated the policies before sgwarden knew of it. It is still open, and stands: nothing of it is taken back, and nobody is alerted of it, until it grows or somebody adopts it. " +
			"How much there is of each policy is below.",
		policy: "The policies",
	},
	"stale-ledger": {
		subject: "sgwarden acts only on what events name: its ledger is old",
		lead: "No sweep was completed for more than a day, or the table is a restored copy. What sgwarden remembers may be wrong, so it acts only on rules that an event names. " +
			"What was open before is neither told nor taken back.",
		next: []step{
			{"See why no sweep completes:", "sgwarden doctor"},
			{"If the table is what it should be, let sgwarden go on (without --yes this only says what that means):", "sgwarden resume --ledger --yes"},
		},
	},
}

// pageOf is the page that an incident is; false = it is none.
func pageOf(i incident.Incident) (page, bool) {
	p, ok := pages[i.Reason]
	return p, ok && len(i.Rules)+i.OmittedRules == 0 && i.APICall == ""
}

// about fills a policy's id in.
func (p page) about(text string, i incident.Incident) string {
	id := ""
	if len(i.Policies) > 0 {
		id = oneLine(i.Policies[0].ID)
	}
	return strings.ReplaceAll(text, "%s", id)
}

// pageText is the whole text of a page.
func pageText(p page, i incident.Incident) string {
	l := &letter{}
	l.paragraph(p.about(p.lead, i))
	l.title("Where")
	l.field("account", strings.TrimSuffix(foreign(i.AccountID, 20)+", "+foreign(i.Region, 30), ", "))
	if p.policy != "" {
		l.title(p.policy)
		writePolicies(l, i)
	}
	if !i.OpenedAt.IsZero() {
		l.title("Since")
		l.item("%s", clock(i.OpenedAt))
	}
	if len(i.Notes) > 0 {
		l.title("More")
		for _, n := range i.Notes[:min(len(i.Notes), maxLines)] {
			l.item("%s.", strings.TrimSuffix(upperFirst(orElse(plain(n, 500), "-")), "."))
		}
	}
	if len(p.next) > 0 {
		l.title("What you can do")
		for _, s := range p.next {
			l.item("%s", s.when)
			l.verbatim(p.command(s, i))
		}
	}
	l.b.WriteString("\n")
	l.paragraph(footer(i))
	return l.String()
}

// command is that of a step; "" where the policy's id is not fit for a shell.
func (p page) command(s step, i incident.Incident) string {
	if strings.Contains(s.command, "%s") && (len(i.Policies) == 0 || !fitPolicy(i.Policies[0].ID)) {
		return ""
	}
	return p.about(s.command, i)
}
