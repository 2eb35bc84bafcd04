package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// soon is how long before its end an exemption is pointed out.
const soon = 30 * 24 * time.Hour

// Lint says what is wrong or odd in files that Parse accepts, as of now. Only
// a diagnostic that is no Warning keeps a deployment from using them: a chosen
// policy of its own without scope, and a `to` that the policy itself refuses.
func Lint(p Parsed, now time.Time) []Diagnostic {
	out := slices.Clone(p.Warnings)
	for _, d := range p.forLint.deadlines {
		out = append(out, lintDeadline(d, now)...)
	}
	for _, m := range p.forLint.ranges {
		out = append(out, lintRanges(m, now)...)
	}
	out = append(out, lintUnscoped(p)...)
	for _, d := range p.Documents {
		out = append(out, lintTo(d, p)...)
	}
	l := newLinter(p)
	l.scopes()
	l.boxes()
	l.repeated()
	l.sets()
	l.shadowed()
	l.contradictions()
	l.exemptions()
	out = append(out, l.warnings...)
	slices.SortStableFunc(out, ComparePlaces)
	return out
}

func lintDeadline(d deadline, now time.Time) []Diagnostic {
	left := d.until.Sub(now)
	message := ""
	switch {
	case left <= 0:
		message = d.what + " is over"
	case left < 24*time.Hour:
		message = d.what + " ends today"
	case left <= soon:
		message = fmt.Sprintf("%s ends in %s", d.what, counted(int(left/(24*time.Hour)), "day"))
	default:
		return nil
	}
	w := d.at.diagnostic("renew or remove it", message)
	w.Warning = true
	return []Diagnostic{w}
}

// lintUnscoped refuses a chosen policy that somebody wrote and nobody scoped,
// and says of packs what is off in them.
func lintUnscoped(p Parsed) []Diagnostic {
	var out []Diagnostic
	packs := map[string][]string{}
	for _, u := range p.forLint.unscoped {
		switch {
		case u.pack != "":
			packs[u.pack] = append(packs[u.pack], u.id)
		case u.not:
			out = append(out, u.at.diagnostic("say whom it is for, beside not, or make its intent universal", fmt.Sprintf("policy %s is chosen, and its scope says only whom it is not for: it is off", u.id)))
		default:
			out = append(out, u.at.diagnostic("give it a scope, or make its intent universal", fmt.Sprintf("policy %s is chosen, and has no scope: it is off", u.id)))
		}
	}
	for _, pack := range sortedKeys(packs) {
		ids := packs[pack]
		slices.Sort(ids)
		out = append(out, Diagnostic{
			File: "packs/" + pack, Message: "off, as no scope is given: " + strings.Join(ids, ", "),
			Hint: "give them a scope under overrides in the settings", Warning: true,
		})
	}
	return out
}

// lintTo refuses addresses in remedy.to that the policy itself forbids: what
// is narrowed to them would be taken back.
func lintTo(d Document, p Parsed) []Diagnostic {
	probe := d
	probe.Scope, probe.Not, probe.Chosen, probe.Except = Scope{}, nil, false, nil
	probe.Tolerate = Tolerance{IPv4: -1, IPv6: -1}
	probe.Remedy = Remedy{Do: DoRevert}
	probe.Forbid = slices.Clone(d.Forbid)
	for i := range probe.Forbid {
		probe.Forbid[i].Whole = false
	}
	settings := p.Deployment.Settings(Enforce)
	settings.Exemptions = nil
	set, err := Compile([]Document{probe}, settings)
	if err != nil {
		return nil // Compile of the whole says so
	}
	var out []Diagnostic
	for _, n := range p.forLint.narrowTo {
		if n.policy == d.ID && refuses(set, boxesOf(d), n.cidr) {
			out = append(out, n.at.diagnostic("leave it out", fmt.Sprintf("%s is not what policy %s itself allows", n.cidr.text, d.ID)))
		}
	}
	return out
}

// refuses reports whether a set forbids some flow of the boxes from a block.
func refuses(set *Set, boxes []Clause, c cidrText) bool {
	group := secgroup.Group{ID: "sg-00000000", VPCs: []secgroup.VPC{}}
	for _, b := range boxes {
		for _, d := range b.Directions {
			for _, f := range b.Flows {
				r := probeRule(f, c)
				r.ID, r.Direction = fmt.Sprintf("sgr-%d", len(group.Rules)), d
				group.Rules = append(group.Rules, r)
			}
		}
	}
	for _, v := range set.Evaluate(Input{Live: group}).Rules {
		if slices.ContainsFunc(v.Findings, func(f Finding) bool { return !f.Excess.IsEmpty() }) {
			return true
		}
	}
	return false
}

// probeRule is a rule of a flow from a block.
func probeRule(f FlowSpec, c cidrText) secgroup.Rule {
	r := secgroup.Rule{Protocol: secgroup.AllProtocols, Ports: secgroup.NoPorts, Peer: secgroup.NewCIDR(c.prefix)}
	if f.Protocols.First != f.Protocols.Last {
		return r
	}
	r.Protocol = secgroup.Protocol(f.Protocols.First)
	switch {
	case r.Protocol.HasPorts():
		r.Ports = secgroup.Ports{From: int32(f.Span.First), To: int32(f.Span.Last)}
	case r.Protocol.IsICMP() && f.Span.First>>8 == f.Span.Last>>8:
		r.Ports = secgroup.Ports{From: int32(f.Span.First >> 8), To: -1}
	}
	return r
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
