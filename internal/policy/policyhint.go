package policy

import (
	"fmt"
	"path/filepath"
	"regexp"
)

// knownPolicies are the ids that a hint may name.
type knownPolicies struct {
	all      []string          // read or not
	unlisted map[string]string // those that were not read -> their pack
}

// policyHint helps with an id that is none of the policies that were read, once
// all of them were. A file may have two thousand such ids: what is dear is done
// once, and for none that nobody is told of.
func (p *folderReader) policyHint(at word) string {
	if p.isFull(at.position) {
		return ""
	}
	id := at.text
	if p.known == nil {
		unlisted := p.unlisted()
		p.known = &knownPolicies{append(sortedKeys(p.byID), sortedKeys(unlisted)...), unlisted}
	}
	unlisted := p.known.unlisted
	if pack, ok := unlisted[id]; ok {
		return fmt.Sprintf("it is in pack %s: add that to packs in the settings", pack)
	}
	near := nearest(id, p.known.all)
	switch {
	case near == "":
		return "sgwarden policies lists what there is"
	case unlisted[near] != "":
		return fmt.Sprintf("did you mean %q? It is in pack %s: add that to packs in the settings", near, unlisted[near])
	}
	return fmt.Sprintf("did you mean %q?", near)
}

// shippedID finds the id of a policy in a file of an embedded pack, without
// reading it as YAML: it is for hints alone.
var shippedID = regexp.MustCompile(`(?m)^(?:  id:|metadata: \{id:) ([a-z0-9-]+)`)

// unlisted gives the packs of the policies that were not read, by id.
func (p *folderReader) unlisted() map[string]string {
	out := map[string]string{}
	for _, files := range p.packs {
		for _, s := range files {
			if m := shippedID.FindSubmatch(s.Text); m != nil && p.byID[string(m[1])] == nil {
				out[string(m[1])] = filepath.Base(filepath.Dir(s.File))
			}
		}
	}
	return out
}
