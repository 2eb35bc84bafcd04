package bundle

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// magic begins a compiled bundle. Its number goes up with every change of what
// stands in one, or of what that means.
const magic = "sgwarden policies 4\n"

// A compiled bundle is magic, the hash of its sources, the meaning and the
// places, each after its length, and a checksum over all before it.

func (b Bundle) encode() []byte {
	meaning, places := b.streams()
	out := append([]byte(magic), b.sources[:]...)
	for _, part := range [][]byte{meaning, places} {
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// streams gives what a bundle says, and where it stands.
func (b Bundle) streams() (meaning, places []byte) {
	w := &wire{writing: true}
	b.code(w)
	return w.meaning.bytes, w.places.bytes
}

func decode(data []byte) (Bundle, error) {
	body, ok := bytes.CutPrefix(data, []byte(magic))
	var b Bundle
	if !ok || len(body) < len(b.sources)+4 {
		return Bundle{}, ErrDamaged
	}
	end := len(data) - 4
	if crc32.ChecksumIEEE(data[:end]) != binary.BigEndian.Uint32(data[end:]) {
		return Bundle{}, ErrDamaged
	}
	copy(b.sources[:], body)
	body = body[len(b.sources) : len(body)-4]
	w := &wire{}
	for _, s := range []*stream{&w.meaning, &w.places} {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return Bundle{}, ErrDamaged
		}
		s.bytes, body = body[n:n+int(size)], body[n+int(size):]
		s.text = string(s.bytes)
	}
	b.code(w)
	if w.damaged || len(body) > 0 || w.meaning.at < len(w.meaning.bytes) || w.places.at < len(w.places.bytes) {
		return Bundle{}, ErrDamaged
	}
	b.Digest = digest(w.meaning.bytes)
	return b, nil
}

func (b *Bundle) code(w *wire) {
	w.folder = b.folder
	list(w, &b.Documents, func(w *wire, d *policy.Document) { codeDocument(w, d, b.folder) })
	d := &b.Deployment
	code(w, &d.Mode)
	texts(w, &d.Packs)
	list(w, &d.Internal, (*wire).prefix)
	texts(w, &d.Trusted.Tags)
	texts(w, &d.Trusted.Names)
	list(w, &d.Exemptions, func(w *wire, e *policy.Exemption) { codeExemption(w, e, b.folder) })
	w.duration(&d.Settle)
	code(w, &d.LedgerDown)
	w.number(&d.Fuse.Groups)
	w.number(&d.Fuse.Actors)
}

// codeFile keeps the name of a file within its folder.
func codeFile(w *wire, file *string, folder string) {
	name := within(*file, folder)
	w.placeText(&name)
	if !w.writing {
		*file = name
	}
}

// codePlace keeps where something stands; no file is that of the policy.
func codePlace(w *wire, file *string, line *int) {
	codeFile(w, file, w.folder)
	w.line(line)
}

func codeDocument(w *wire, d *policy.Document, folder string) {
	codeFile(w, &d.File, folder)
	w.line(&d.Line)
	for _, t := range []*string{&d.ID, &d.Title, &d.Maturity, &d.Why, &d.Fix} {
		w.text(t)
	}
	code(w, &d.Severity)
	texts(w, &d.Checks)
	dictionary(w, &d.Controls)
	w.flag(&d.Chosen)
	w.flag(&d.Shipped)
	codeScope(w, &d.Scope)
	optional(w, &d.Not, codeScope)
	list(w, &d.Forbid, codeClause)
	optional(w, &d.AllowOnly, func(w *wire, a *policy.AllowOnly) {
		w.line(&a.Line)
		codeClause(w, &a.Within)
		list(w, &a.These, codeClause)
	})
	list(w, &d.Require, codeRequirement)
	optional(w, &d.OnChange, codeOnChange)
	codePlace(w, &d.Tolerate.File, &d.Tolerate.Line)
	w.number(&d.Tolerate.IPv4)
	w.number(&d.Tolerate.IPv6)
	w.flag(&d.Tolerate.PerRule)
	list(w, &d.Except, codeExcept)
	code(w, &d.Mode)
	code(w, &d.Remedy.Do)
	w.duration(&d.Remedy.After)
	list(w, &d.Remedy.To, (*wire).prefix)
	w.number(&d.Remedy.Parts)
	w.flag(&d.Remedy.OnList)
}

func codeScope(w *wire, s *policy.Scope) {
	codePlace(w, &s.File, &s.Line)
	texts(w, &s.Names)
	texts(w, &s.IDs)
	dictionary(w, &s.Tags)
	texts(w, &s.VPCs)
	texts(w, &s.Accounts)
	texts(w, &s.Regions)
	texts(w, &s.UsedBy)
	optional(w, &s.Default, (*wire).flag)
}

func codeClause(w *wire, c *policy.Clause) {
	codePlace(w, &c.File, &c.Line)
	list(w, &c.Directions, code[secgroup.Direction])
	list(w, &c.Flows, func(w *wire, f *policy.FlowSpec) {
		code(w, &f.Protocols.First)
		code(w, &f.Protocols.Last)
		code(w, &f.Span.First)
		code(w, &f.Span.Last)
	})
	list(w, &c.Peers, codePeer)
	w.flag(&c.Whole)
	list(w, &c.But, codeClause)
}

func codePeer(w *wire, p *policy.PeerSpec) {
	w.line(&p.Line)
	w.placeText(&p.Text) // the name of a set is not what it means
	code(w, &p.Kind)
	list(w, &p.CIDRs, (*wire).prefix)
	texts(w, &p.Groups)
	w.text(&p.Account)
	w.text(&p.Name)
}

func codeRequirement(w *wire, r *policy.Requirement) {
	w.line(&r.Line)
	optional(w, &r.Where, codeClause)
	w.flag(&r.Description)
	for _, list := range []*[]string{&r.NotDescribed, &r.Tags, &r.NotNamed} {
		texts(w, list)
	}
	for _, n := range []*int{&r.MaxPorts, &r.MaxIPv4, &r.MaxIPv6, &r.MaxRules, &r.MaxGroups} {
		w.number(n)
	}
	w.flag(&r.Alive)
	w.flag(&r.Elastic)
	optional(w, &r.Attached, (*wire).flag)
	code(w, &r.Distinct)
	w.duration(&r.Grace)
}

func codeOnChange(w *wire, o *policy.OnChange) {
	w.line(&o.Line)
	texts(w, &o.Calls)
	optional(w, &o.Unless, func(w *wire, u *policy.Unless) {
		codePlace(w, &u.File, &u.Line)
		texts(w, &u.Actors)
		texts(w, &u.UserAgents)
	})
}

func codeExcept(w *wire, e *policy.Except) {
	codePlace(w, &e.File, &e.Line)
	texts(w, &e.Actors)
	w.text(&e.Reason)
	w.instant(&e.Until)
}

func codeExemption(w *wire, e *policy.Exemption, folder string) {
	codeFile(w, &e.File, folder)
	w.line(&e.Line)
	for _, t := range []*string{&e.ID, &e.Policy, &e.Group, &e.Owner, &e.Reason, &e.Ticket, &e.Source} {
		w.text(t)
	}
	list(w, &e.Rules, codeRule)
	w.instant(&e.Made)
	w.instant(&e.Until)
}

// codeRule keeps a rule as text: direction, flow and peer are all that the
// rule of an exemption has.
func codeRule(w *wire, r *secgroup.Rule) {
	text := ""
	if w.writing {
		text = r.String()
	}
	w.text(&text)
	if w.writing {
		return
	}
	parsed, err := secgroup.ParseRule(text)
	w.damaged = w.damaged || err != nil
	*r = parsed
}
