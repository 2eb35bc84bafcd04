package soak

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
)

// mostGroups bounds the groups of an episode.
const mostGroups = 6

var groupIDs = regexp.MustCompile(`<groupId>(sg-[0-9a-f]+)</groupId>`)

func (w *world) createGroup(a actor) {
	if len(w.order) >= mostGroups {
		w.deleteGroup(a)
		return
	}
	p := url.Values{"GroupName": {fmt.Sprintf("web made %d %s", len(w.order), pickOf(w, spokenTexts))}, "GroupDescription": {"made " + pickOf(w, spokenTexts)}}
	if w.random.IntN(2) == 0 {
		p.Set("VpcId", ownVPC)
	}
	answer, ok := w.call(a, "CreateSecurityGroup", p)
	if m := groupIDs.FindStringSubmatch(answer); ok && m != nil {
		w.order = append(w.order, m[1])
		w.observe(a.arn)
		w.queue.made.sets = w.step.sets
	}
	w.say("%s CreateSecurityGroup %v -> %v", who(a), p["GroupName"], ok)
}

func (w *world) deleteGroup(a actor) {
	group := w.aGroup()
	_, ok := w.call(a, "DeleteSecurityGroup", url.Values{"GroupId": {group}})
	w.say("%s DeleteSecurityGroup %s -> %v", who(a), group, ok)
}

func (w *world) retag(a actor) {
	group := w.aGroup()
	action, p := "CreateTags", url.Values{"ResourceId.1": {group}, "Tag.1.Key": {pickOf(w, []string{"team", "tier"})}}
	if w.random.IntN(3) == 0 {
		action = "DeleteTags"
	} else {
		p.Set("Tag.1.Value", pickOf(w, hostileTexts[2:7]))
	}
	_, ok := w.call(a, action, p)
	w.say("%s %s %s -> %v", who(a), action, group, ok)
}

var listIDs = regexp.MustCompile(`<prefixListId>(pl-[0-9a-f]+)</prefixListId>`)

// mostLists bounds the prefix lists of an episode.
const mostLists = 2

func (w *world) list(a actor) {
	aBlock := func() netip.Prefix { return netip.MustParsePrefix(pickOf(w, ipv4Blocks)).Masked() }
	if len(w.history.listIDs) < mostLists {
		w.createList(a, fmt.Sprint("list", len(w.history.listIDs)), aBlock())
		return
	}
	id := pickOf(w, w.history.listIDs)
	now, block := w.history.entries(id), aBlock()
	if len(now) > 1 && w.random.IntN(2) == 0 {
		w.modifyList(a, id, url.Values{"RemoveEntry.1.Cidr": {now[0].String()}}, now[1:])
		return
	}
	w.modifyList(a, id, url.Values{"AddEntry.1.Cidr": {block.String()}}, append(now, block))
}

func (w *world) listVersion(id string) int { return 1 + w.versions[id] }
