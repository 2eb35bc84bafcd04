package policy

// textual is which changes of text policies judge: descriptions of rules and
// tags of groups change by calls of their own.
type textual struct{ descriptions, tags bool }

func (t *textual) add(p *Policy) {
	for _, c := range p.clauses {
		if d := c.demand; d != nil && (d.description || len(d.notDescribed) > 0) {
			t.descriptions = true
		}
	}
	for i := range p.ofGroup {
		t.tags = t.tags || len(p.ofGroup[i].Tags) > 0
	}
}

// JudgesDescriptions reports whether a policy requires a description of rules:
// then a call that changes descriptions concerns it.
func (s *Set) JudgesDescriptions() bool { return s.texts.descriptions }

// JudgesTags reports whether a policy requires tags of groups.
func (s *Set) JudgesTags() bool { return s.texts.tags }
