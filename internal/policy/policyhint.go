package policy

import (
	"fmt"
	"path/filepath"
	"regexp"
)

// policyHint helps with an id that is none of the policies that were read.
func (p *folderReader) policyHint(id string) string {
	unlisted := p.unlisted()
	if pack, ok := unlisted[id]; ok {
		return fmt.Sprintf("it is in pack %s: add that to packs in the settings", pack)
	}
	near := nearest(id, append(sortedKeys(p.byID), sortedKeys(unlisted)...))
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
