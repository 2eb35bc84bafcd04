package faultmatrix

import (
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/localaws"
	"github.com/sgwarden/sgwarden/internal/localec2"
)

func web(w *world) { w.have("web", https, egress) }

// scenarios are all of them. Each group that they have holds a compliant rule,
// which nobody may touch.
func scenarios() []*scenario {
	return append(changed(), operated()...)
}

// changed are the scenarios in which a user changes a group or a list.
func changed() []*scenario {
	return []*scenario{
		{
			name: "revert ingress", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress}},
			ends:   map[string]string{"web " + ssh: "reverted"},
			told:   []string{"acted reverted web " + ssh},
		},
		{
			name: "revert IPv6, all traffic and icmp of one call", policies: forbid("open", sshFromInternet+", "+echoFromInternet, ""), start: web,
			change: func(w *world) {
				w.authorize("web", perm("tcp", 22, 22, "::/0"), perm("-1", 0, 0, "8.0.0.0/8"), perm("icmp", 8, -1, anywhere), perm("tcp", 80, 80, anywhere))
			},
			want: map[string][]string{"web": {https, egress, "ingress tcp/80 from 0.0.0.0/0"}},
			ends: map[string]string{
				"web ingress tcp/22 from ::/0": "reverted", "web ingress all from 8.0.0.0/8": "reverted", "web ingress icmp/8 from 0.0.0.0/0": "reverted",
			},
			told: []string{"acted reverted web ingress all from 8.0.0.0/8, ingress icmp/8 from 0.0.0.0/0, ingress tcp/22 from ::/0"},
		},
		{
			name: "the default egress of a new group, after it settled", slow: true, unnamedFrom: 2, policies: forbid("egress", `{direction: egress, peers: [any]}`, ""),
			change: func(w *world) { w.create("new") },
			want:   map[string][]string{"new": {}},
			ends:   map[string]string{"new " + egress: "reverted"},
			told:   []string{"acted reverted new " + egress},
		},
		{
			name: "a modified rule goes back to its known value", policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				web(w)
				w.authorize("web", perm("tcp", 22, 22, "10.0.0.0/8"))
			},
			change: func(w *world) { w.modify("web", inside, anywhere) },
			want:   map[string][]string{"web": {https, egress, inside}},
			keep:   map[string][]string{"web": {inside}},
			ends:   map[string]string{"web " + ssh: "reverted"},
			told:   []string{"acted reverted web " + ssh},
			orElse: []ending{{map[string][]string{"web": {https, egress}}, map[string]string{"web " + ssh: "reverted"}}},
		},
		{
			name: "a change that was overwritten, whose record comes late", policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				web(w)
				w.authorize("web", perm("tcp", 22, 22, "10.0.0.0/16"))
				time.Sleep(onTheWay)
				w.deliver()
				time.Sleep(time.Minute)
				w.records = false
				w.modify("web", "ingress tcp/22 from 10.0.0.0/16", "10.0.0.0/8")
				w.records = true
				time.Sleep(time.Second)
				w.modify("web", inside, anywhere)
			},
			change: func(w *world) { w.send(w.lost) },
			want:   map[string][]string{"web": {https, egress, "ingress tcp/22 from 10.0.0.0/16"}},
			keep:   map[string][]string{"web": {"ingress tcp/22 from 10.0.0.0/16"}},
			ends:   map[string]string{"web " + ssh: "reverted"},
			told:   []string{"attributed reverted web " + ssh},
		},
		{
			name: "narrow in place", policies: forbid("ssh", sshFromInternet, "remedy: {do: narrow, to: [10.0.0.0/8]}"), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress, inside}},
			keep:   map[string][]string{"web": {inside}},
			ends:   map[string]string{"web " + ssh: "narrowed"},
			told:   []string{"acted narrowed web " + ssh},
			orElse: []ending{{map[string][]string{"web": {https, egress}}, map[string]string{"web " + ssh: "reverted"}}},
		},
		{
			name: "narrow to two parts", policies: forbid("ssh", sshFromInternet, "remedy: {do: narrow, parts: 2}"), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 20, 25, anywhere)) },
			want:   map[string][]string{"web": {https, egress, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
			keep:   map[string][]string{"web": {"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
			ends:   map[string]string{"web " + wide: "narrowed"},
			told:   []string{"acted narrowed web " + wide},
			orElse: []ending{
				{map[string][]string{"web": {https, egress}}, map[string]string{"web " + wide: "reverted"}},
				{map[string][]string{"web": {https, egress, "ingress tcp/20-21 from 0.0.0.0/0"}}, map[string]string{"web " + wide: "reverted"}},
				{map[string][]string{"web": {https, egress, "ingress tcp/23-25 from 0.0.0.0/0"}}, map[string]string{"web " + wide: "reverted"}},
			},
		},
		{
			name: "narrow to parts that are there", policies: strings.ReplaceAll(forbid("ssh", sshFromInternet, "remedy: {do: narrow, parts: 2}"), "severity: high", "severity: medium"),
			start: func(w *world) {
				w.have("web", https, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0", egress)
			},
			change: func(w *world) { w.authorize("web", perm("tcp", 20, 25, anywhere)) },
			want:   map[string][]string{"web": {https, egress, "ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
			keep:   map[string][]string{"web": {"ingress tcp/20-21 from 0.0.0.0/0", "ingress tcp/23-25 from 0.0.0.0/0"}},
			ends:   map[string]string{"web " + wide: "narrowed"},
			told:   []string{"acted narrowed web " + wide},
		},
		{
			name: "narrow that falls back to a revoke", policies: forbid("ssh", sshFromInternet, "remedy: {do: narrow, parts: 1}"), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 20, 25, anywhere)) },
			want:   map[string][]string{"web": {https, egress}},
			ends:   map[string]string{"web " + wide: "reverted"},
			told:   []string{"acted reverted web " + wide},
		},
		{
			name: "tag", policies: forbid("ssh", sshFromInternet, "remedy: tag"), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress, ssh}},
			ends:   map[string]string{"web " + ssh: "tagged"},
			told:   []string{"acted tagged web " + ssh},
		},
		{
			name: "alert only", policies: forbid("ssh", sshFromInternet, "remedy: alert"), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress, ssh}},
			ends:   map[string]string{"web " + ssh: "alerted"},
			told:   []string{"opened alerted web " + ssh},
		},
		{
			name: "observe mode", policies: forbid("ssh", sshFromInternet, ""), observe: true, start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress, ssh}},
			ends:   map[string]string{"web " + ssh: "observed"},
			told:   []string{"opened observed web " + ssh},
		},
		{
			name: "compliant", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 80, 80, anywhere)) },
			want:   map[string][]string{"web": {https, egress, "ingress tcp/80 from 0.0.0.0/0"}},
		},
		{
			name: "the user's own revoke", policies: forbid("ssh", sshFromInternet, ""),
			start:  func(w *world) { w.have("web", https, inside, egress) },
			change: func(w *world) { w.revoke("web", perm("tcp", 22, 22, "10.0.0.0/8")) },
			want:   map[string][]string{"web": {https, egress}},
		},
		{
			name: "the user deletes the group", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) {
				w.authorize("web", perm("tcp", 22, 22, anywhere))
				w.delete("web")
			},
			want: map[string][]string{"web": nil},
		},
		{
			name: "the same event twice", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) {
				w.authorize("web", perm("tcp", 22, 22, anywhere))
				w.send(w.lastBody)
				w.cloud.Queue().Send(w.lastBody, 30*time.Second)
			},
			want: map[string][]string{"web": {https, egress}},
			ends: map[string]string{"web " + ssh: "reverted"},
			told: []string{"acted reverted web " + ssh},
		},
		{
			name: "a prefix list", policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				w.list(ownList, anywhere)
				web(w)
			},
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, ownList)) },
			want:   map[string][]string{"web": {https, egress}},
			ends:   map[string]string{"web " + sshOfList: "reverted"},
			told:   []string{"acted reverted web " + sshOfList},
		},
		{
			name: "a prefix list that grows", policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				w.list(ownList, "10.0.0.0/8")
				web(w)
				w.authorize("web", perm("tcp", 22, 22, ownList))
			},
			change: func(w *world) { w.grow(ownList, 1, anywhere) },
			want:   map[string][]string{"web": {https, egress, sshOfList}},
			lists:  map[string][]string{ownList: {"10.0.0.0/8"}},
			told:   []string{"acted reverted " + ownList + " " + sshOfList},
		},
		{
			name: "a prefix list that grows under two groups", sideBySide: true, policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				w.list(ownList, "10.0.0.0/8")
				web(w)
				w.have("db", inside, egress)
				for _, group := range []string{"web", "db"} {
					w.authorize(group, perm("tcp", 22, 22, ownList))
				}
			},
			change: func(w *world) { w.grow(ownList, 1, anywhere) },
			want:   map[string][]string{"web": {https, egress, sshOfList}, "db": {inside, egress, sshOfList}},
			lists:  map[string][]string{ownList: {"10.0.0.0/8"}},
			told:   []string{"acted reverted " + ownList + " " + sshOfList + ", " + sshOfList},
		},
		{
			name: "a prefix list that grows, and one group may have it", policies: forbid("ssh", sshFromInternet, "remedy: {do: revert, onList: rule}"),
			start: func(w *world) {
				w.list(ownList, "10.0.0.0/8")
				web(w)
				w.have("db", inside, egress)
				w.authorize("web", perm("tcp", 22, 22, ownList))
				w.authorize("db", perm("tcp", 443, 443, ownList))
			},
			change: func(w *world) { w.grow(ownList, 1, anywhere) },
			want:   map[string][]string{"web": {https, egress, inside}, "db": {inside, egress, "ingress tcp/443 from " + ownList}},
			given:  map[string][]string{ownList: {anywhere, "10.0.0.0/8"}},
			keep:   map[string][]string{"web": {inside}},
			ends:   map[string]string{"web " + sshOfList: "narrowed"},
			told:   []string{"acted narrowed web " + sshOfList},
			orElse: []ending{{
				map[string][]string{"web": {https, egress}, "db": {inside, egress, "ingress tcp/443 from " + ownList}}, map[string]string{"web " + sshOfList: "reverted"},
			}},
		},
		{
			name: "a prefix list of another account that grows", slow: true, unnamedFrom: 1, policies: forbid("ssh", sshFromInternet, "remedy: {do: revert, onList: rule}"),
			start: func(w *world) {
				w.listOfOthers("10.0.0.0/8")
				web(w)
				w.authorize("web", perm("tcp", 22, 22, ownList))
			},
			change: func(w *world) {
				w.listOfOthers("10.0.0.0/8", anywhere)
				w.sweep()
			},
			want:   map[string][]string{"web": {https, egress, inside}},
			given:  map[string][]string{ownList: {anywhere, "10.0.0.0/8"}},
			keep:   map[string][]string{"web": {inside}},
			ends:   map[string]string{"web " + sshOfList: "narrowed"},
			told:   []string{"acted narrowed web " + sshOfList},
			orElse: []ending{{map[string][]string{"web": {https, egress}}, map[string]string{"web " + sshOfList: "reverted"}}},
		},
		{
			name: "an open incident, finished by a later delivery", policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				web(w)
				w.authorize("web", perm("tcp", 22, 22, anywhere))
				time.Sleep(onTheWay)
				w.cloud.Disturb(func(c localaws.Call) localec2.Disturbance {
					if strings.HasPrefix(c.Operation, "Revoke") {
						return localaws.AccessDenied.On(c, nil)
					}
					return localec2.Disturbance{}
				})
				w.deliver()
				w.cloud.Disturb(w.faults.intercept)
			},
			waiting: true,
			change:  func(*world) {},
			want:    map[string][]string{"web": {https, egress}},
			ends:    map[string]string{"web " + ssh: "reverted"},
			told:    []string{"acted reverted web " + ssh},
		},
		{
			name: "several groups in one batch", sideBySide: true, policies: forbid("ssh", sshFromInternet, ""),
			start: func(w *world) {
				web(w)
				w.have("db", inside, egress)
				w.have("app", https, egress)
			},
			change: func(w *world) {
				w.authorize("web", perm("tcp", 22, 22, anywhere))
				w.authorize("db", perm("tcp", 22, 22, "::/0"))
				w.authorize("app", perm("tcp", 80, 80, anywhere))
			},
			want: map[string][]string{"web": {https, egress}, "db": {inside, egress}, "app": {https, egress, "ingress tcp/80 from 0.0.0.0/0"}},
			ends: map[string]string{"web " + ssh: "reverted", "db ingress tcp/22 from ::/0": "reverted"},
			told: []string{"acted reverted db ingress tcp/22 from ::/0", "acted reverted web " + ssh},
		},
		{
			name: "an exempt actor", policies: forbid("ssh", sshFromInternet, `except: [{actors: ["arn:aws:iam::*:role/network-admin"], reason: change process}]`), start: web,
			change: func(w *world) { w.authorizeAs(adminKey, "web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress, ssh}},
			ends:   map[string]string{"web " + ssh: "exempt"},
			told:   []string{"opened exempt web " + ssh},
		},
		{
			name: "an event of another account", policies: forbid("ssh", sshFromInternet, ""), start: web,
			change: func(w *world) {
				w.records = false
				w.authorize("web", perm("tcp", 80, 80, anywhere))
				w.records = true
				w.send(strings.ReplaceAll(envelope([]byte(`{"eventVersion":"1.11","userIdentity":{"type":"Root"},"eventTime":"2026-11-23T12:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","awsRegion":"us-east-1","requestParameters":{"groupId":"`+w.groups["web"]+`","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}},"responseElements":{"_return":true},"requestID":"r","eventID":"11111111-2222-3333-4444-555555555555","recipientAccountId":"`+account+`"}`)), account, "999999999999"))
			},
			want: map[string][]string{"web": {https, egress, "ingress tcp/80 from 0.0.0.0/0"}},
			told: []string{"opened unresolved web"},
		},
		{
			name: "policies that are not those of the deployment", policies: forbid("ssh", sshFromInternet, ""), badBundle: true, start: web,
			change: func(w *world) { w.authorize("web", perm("tcp", 22, 22, anywhere)) },
			want:   map[string][]string{"web": {https, egress}},
			ends:   map[string]string{"web " + ssh: "reverted"},
			told:   []string{"acted reverted web " + ssh, "opened cannot-remediate"},
		},
	}
}
