package faultmatrix

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/apply"
	"github.com/sgwarden/sgwarden/internal/incident"
	"github.com/sgwarden/sgwarden/internal/inventory"
	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
	"github.com/sgwarden/sgwarden/internal/undo"
)

// operated are the scenarios in which an operator, the clock or another function
// has a part.
func operated() []*scenario {
	revertSSH := forbid("ssh", sshFromInternet, "")
	openSSH := func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) }
	return []*scenario{
		{
			// Without the ledger nobody knows of the exemption, and what is of high
			// severity is taken back all the same: that is told, and another story.
			name: "an operator puts back what was taken", policies: strings.ReplaceAll(revertSSH, "severity: high", "severity: medium"),
			start:  func(w *world) { web(w); openSSH(w) },
			change: func(w *world) { w.undo("web") },
			want:   map[string][]string{"web": {https, egress, ssh}},
			told:   []string{"undone reverted web " + ssh},
		},
		{
			name: "an operator puts back what was taken out of a list", policies: revertSSH,
			start: func(w *world) {
				w.list(ownList, "10.0.0.0/8")
				web(w)
				w.authorize("web", perm("tcp", 22, 22, ownList))
				w.drain()
				w.grow(ownList, 1, anywhere)
			},
			change: func(w *world) { w.undoList(ownList) },
			want:   map[string][]string{"web": {https, egress, sshOfList}},
			given:  map[string][]string{ownList: {anywhere, "10.0.0.0/8"}},
			told:   []string{"undone reverted " + ownList + " " + sshOfList},
		},
		{
			name: "an exemption ends", slow: true, policies: revertSSH,
			start: func(w *world) {
				web(w)
				w.exempt("web", ssh, 10*time.Minute)
				openSSH(w)
			},
			change: func(w *world) { w.sweep() },
			want:   map[string][]string{"web": {https, egress}},
			ends:   map[string]string{"web " + ssh: "reverted"},
			told:   []string{"acted reverted web " + ssh},
		},
		{
			name: "a sweep finds what no event told", slow: true, unnamedFrom: 1, policies: revertSSH, start: web,
			change: func(w *world) {
				w.records = false
				openSSH(w)
				w.records = true
				w.sweep()
			},
			want: map[string][]string{"web": {https, egress}},
			ends: map[string]string{"web " + ssh: "reverted"},
			told: []string{"acted reverted web " + ssh},
		},
		{
			name: "an operator gives up what the baseline marked", slow: true, unacted: true, policies: revertSSH,
			start: func(w *world) {
				w.have("web", https, egress, ssh)
				w.sweep()
			},
			change: func(w *world) {
				time.Sleep(time.Minute)
				w.must(w.table.Operator().Adopt(context.Background(), "", "ssh", time.Now()))
				w.sweep()
			},
			want: map[string][]string{"web": {https, egress}},
			ends: map[string]string{"web " + ssh: "reverted"},
			told: []string{"acted reverted web " + ssh},
		},
		{
			name: "a remedy that waits", slow: true, unnamedFrom: 2, policies: forbid("ssh", sshFromInternet, "remedy: {do: revert, after: 5m}"), start: web, change: openSSH,
			want: map[string][]string{"web": {https, egress}},
			ends: map[string]string{"web " + ssh: "reverted"},
			told: []string{"acted reverted web " + ssh, "opened pending web " + ssh},
		},
		{
			name: "an operator ends a pause", slow: true, policies: revertSSH, waiting: true,
			start: func(w *world) {
				web(w)
				w.must(w.table.Operator().Pause(context.Background(), "", "CHG-9"))
				openSSH(w)
				time.Sleep(onTheWay)
				w.deliver()
			},
			change: func(w *world) { w.must(w.table.Operator().Resume(context.Background(), "")) },
			want:   map[string][]string{"web": {https, egress}},
			ends:   map[string]string{"web " + ssh: "reverted"},
			told:   []string{"acted reverted web " + ssh},
		},
		{
			name: "an operator releases what a fuse holds", slow: true, policies: revertSSH, waiting: true,
			start: func(w *world) {
				web(w)
				w.must(w.table.Operator().Hold(context.Background(), w.policyKey(), incident.Hold{Reason: "too many", At: time.Now()}))
				openSSH(w)
				time.Sleep(onTheWay)
				w.deliver()
			},
			change: func(w *world) {
				w.must(w.table.Operator().Release(context.Background(), w.policyKey(), time.Now()))
			},
			want: map[string][]string{"web": {https, egress}},
			ends: map[string]string{"web " + ssh: "reverted"},
			told: []string{"acted reverted web " + ssh},
		},
		{
			name: "chats, findings and buses are told too", policies: revertSSH, sinks: true, start: web, change: openSSH,
			want: map[string][]string{"web": {https, egress}},
			ends: map[string]string{"web " + ssh: "reverted"},
			told: []string{"acted reverted web " + ssh},
		},
		{
			name: "the canary", policies: revertSSH, canary: "canary",
			start:  func(w *world) { w.have("canary", egress) },
			change: func(w *world) { w.authorize("canary", perm("tcp", 1, 1, "192.0.2.0/24")) },
			want:   map[string][]string{"canary": {egress}},
			ends:   map[string]string{"canary ingress tcp/1 from 192.0.2.0/24": "reverted"},
		},
	}
}

// policyKey is how fuses name the first policy of the scenario.
func (w *world) policyKey() string {
	p := w.sc.set(w.t).Policies[0]
	return p.ID + "@" + p.Digest()
}

// exempt lets a rule of a group be, as an operator does.
func (w *world) exempt(name, rule string, lasts time.Duration) {
	now := time.Now()
	w.must(w.table.Operator().PutExemption(context.Background(), policy.Exemption{
		ID: "CHG-9", Policy: "ssh", Group: w.groups[name], Rules: []secgroup.Rule{w.parse(rule)}, Owner: "kim", Reason: "a migration", Until: now.Add(lasts),
	}, now))
}

// lastOf is the last closed incident of a group or list.
func (w *world) lastOf(id string) incident.Incident {
	all := w.checker.history(id)
	if len(all) == 0 {
		w.t.Fatalf("nothing was done about %s", w.nameOf(id))
	}
	return all[len(all)-1].Incident
}

func ask() undo.Ask {
	return undo.Ask{Owner: "kim", Reason: "a mistake", Until: time.Now().Add(time.Hour)}
}

// operatorsClient is of the operator, whose calls nothing disturbs.
func (w *world) operatorsClient() *ec2.Client { return w.as(adminKey) }

// undo puts back what the last incident of a group took, as `sgwarden undo` does.
func (w *world) undo(name string) {
	ctx, reads, i := context.Background(), inventory.New(w.operatorsClient()), w.lastOf(w.groups[name])
	live, err := reads.Group(ctx, i.GroupID)
	w.must(err)
	ends, err := undo.Undoer{
		Rules: reads.Rules, Apply: apply.New(w.operatorsClient()).Apply, Exempt: w.table.Operator().PutExemption, Sleep: noSleep, Now: time.Now,
	}.Undo(ctx, i, undo.Plan(i, live.Rules), ask())
	w.must(err)
	if undo.Failed(ends) {
		w.t.Fatalf("undo %s: %v", i.ID, ends)
	}
}

// undoList puts back what the last incident of a list took out of it.
func (w *world) undoList(id string) {
	ctx, reads, i := context.Background(), inventory.New(w.operatorsClient()), w.lastOf(id)
	list, err := reads.Managed(ctx, id)
	w.must(err)
	edit, _ := undo.ListPlan(i, list)
	w.must(undo.ListUndoer{
		List: reads.Managed, Apply: apply.New(w.operatorsClient()).Apply, Exempt: w.table.Operator().PutExemption, Sleep: noSleep, Now: time.Now,
	}.Undo(ctx, i, edit, ask()))
}

func noSleep(context.Context, time.Duration) error { return nil }
