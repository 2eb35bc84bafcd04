package policy

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// apiVersion is the version of the language that this package reads.
const apiVersion = "sgwarden/v1"

// Parsed is what policy files say: everything resolved, nothing compiled.
type Parsed struct {
	// Documents are the policies that are on, by id, with overrides applied.
	Documents []Document
	// Off are the policies that are not: `off: true`, or chosen without scope.
	Off        []Document
	Deployment Deployment
	Tests      []Tests              // of all files, also of packs
	Warnings   []Diagnostic         // what is odd, but no fault
	OffReasons map[string]OffReason // of Off, by id
	// Overridden are the keys that the settings give of policies, by id, in the
	// order of the file.
	Overridden map[string][]string
	Stack      Stack

	forLint lintNotes
}

// Parse reads the files of one deployment: own are the files of its folder in
// any order, packs the embedded packs by id, of which those are read that the
// settings among own list. It reports all faults of all files at once, as
// Faults; with a fault nothing is returned.
func Parse(own []Source, packs map[string][]Source) (Parsed, error) {
	return ParseWith(own, packs, ParseOptions{})
}

// ParseWith is Parse, with what is known of the deployment beside its files.
func ParseWith(own []Source, packs map[string][]Source, o ParseOptions) (Parsed, error) {
	p := newFolderReader(packs)
	var files []Source
	for _, s := range own {
		if IsData(s.File) {
			p.data = append(p.data, s)
			continue
		}
		files = append(files, s)
	}
	p.files(files, "")
	settings := p.oneSettings()
	for _, name := range settings.Packs {
		sources, ok := packs[name.text]
		if !ok && name.text != "" {
			hint := didYouMean(name.text, sortedKeys(packs))
			if hint == "" && len(packs) > 0 {
				hint = "known: " + strings.Join(sortedKeys(packs), ", ")
			}
			p.fault(name.position, hint, "unknown pack %q", name.text)
		}
		var unread []Source
		for _, s := range sources {
			if !p.read[s.File] {
				p.read[s.File] = true
				unread = append(unread, s)
			}
		}
		p.files(unread, name.text)
	}
	p.sets.declare(settings.Sets)
	p.awsRanges(settings.AWSRanges)
	p.resolvePolicies(settings.Overrides)
	p.unknownOverrides(settings.Overrides)
	p.deployment(settings)
	p.stack(settings, o)
	p.resolveTests()
	if err := p.sorted(); err != nil {
		return Parsed{}, err
	}
	return p.result(), nil
}

// folderReader holds what has been read of a deployment so far.
type folderReader struct {
	*reporter
	syntax   *syntaxReader
	sets     *setResolver
	settings []*settingsSyntax
	policies []*policyFile
	tests    []*testsFile
	data     []Source
	packs    map[string][]Source // all that there are
	read     map[string]bool     // files of packs: one may stand in several
	byID     map[string]*policyFile
	known    *knownPolicies // for hints; nil = nobody asked yet
	out      Parsed
}

// testsFile is tests on their way from syntax.
type testsFile struct {
	testsSyntax
	pack string // "" = own
}

// policyFile is a policy on its way from syntax to document.
type policyFile struct {
	policySyntax
	pack  string // "" = own
	doc   Document
	scope position // of the scope that counts, or of the id where there is none
	off   bool
	offAt position // of the override that switched it off
}

func newFolderReader(packs map[string][]Source) *folderReader {
	r := &reporter{}
	return &folderReader{
		reporter: r, syntax: &syntaxReader{r, map[reflect.Type]syntaxKeys{}}, sets: newSetResolver(r),
		packs: packs, read: map[string]bool{}, byID: map[string]*policyFile{},
	}
}

// readers bounds how many files are read side by side.
const readers = 8

// files reads the documents of files. Reading YAML takes most of the time, and
// no file knows of another: it is done side by side. What the documents say is
// read in order.
func (p *folderReader) files(sources []Source, pack string) {
	read := make([]yamlFile, len(sources))
	var wait sync.WaitGroup
	var next atomic.Int64
	for range min(readers, len(sources)) {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var y yamlReader
			for n := next.Add(1); n <= int64(len(sources)); n = next.Add(1) {
				read[n-1] = y.file(sources[n-1])
			}
		}()
	}
	wait.Wait()
	for _, f := range read {
		p.take(f.reporter)
		for i := range f.trees {
			p.document(&f.trees[i], pack)
		}
	}
}

// yamlFile is what one file holds, and what was said about it.
type yamlFile struct {
	reporter *reporter
	trees    []yamlNode
}

func (y *yamlReader) file(s Source) yamlFile {
	f := yamlFile{reporter: &reporter{}}
	if source := newSourceText(s, f.reporter); source != nil {
		f.trees = y.read(source, f.reporter)
	}
	return f
}

// document reads one document by its kind.
func (p *folderReader) document(n *yamlNode, pack string) {
	if n.refused {
		return
	}
	if n.kind != yamlMapping {
		p.syntax.wrongType(n, "a document", "a mapping", "begin with apiVersion: "+apiVersion)
		return
	}
	entry := pairOf(n.pairs, "kind")
	if entry == nil {
		p.fault(n.position, "kind: Policy, Settings or Tests", "the document lacks the key \"kind\"")
		return
	}
	switch kind := entry.value; kind.text {
	case "Policy":
		f := &policyFile{pack: pack}
		p.syntax.into(&f.policySyntax, n, "the policy")
		p.policies = append(p.policies, f)
	case "Settings":
		s := &settingsSyntax{}
		p.syntax.into(s, n, "the settings")
		p.settings = append(p.settings, s)
	case "Tests":
		t := &testsFile{pack: pack}
		p.syntax.into(&t.testsSyntax, n, "the tests")
		p.tests = append(p.tests, t)
	default:
		p.fault(kind.position, didYouMean(kind.text, []string{"Policy", "Settings", "Tests"}), "unknown kind %q", kind.text)
	}
}

// oneSettings gives the settings; empty ones where there are none.
func (p *folderReader) oneSettings() *settingsSyntax {
	if len(p.settings) == 0 {
		return &settingsSyntax{}
	}
	for _, other := range p.settings[1:] {
		p.fault(other.position, "the others are at "+p.settings[0].String(), "more than one document of kind Settings")
	}
	return p.settings[0]
}

// resolvePolicies makes documents of all policies, with what the settings
// change of them.
func (p *folderReader) resolvePolicies(overrides keyed[overrideSyntax]) {
	for _, f := range p.policies {
		p.overridden(f, overrides)
		id := f.doc.ID
		if id == "" {
			continue
		}
		if first, twice := p.byID[id]; twice {
			at, other := f.Metadata.ID.position, first.Metadata.ID.position
			if f.pack != "" && first.pack == "" {
				at, other = other, at // what ships cannot be given another id
			}
			hint := "the other is at " + other.String()
			if first.pack != "" || f.pack != "" {
				hint += "; change a policy of a pack under overrides in the settings"
			}
			p.fault(at, hint, "policy id %q is taken", id)
			continue
		}
		p.byID[id] = f
	}
}

func (p *folderReader) result() Parsed {
	out := p.out
	out.forLint.places, out.forLint.namedSets = map[string]policyPlaces{}, p.sets.named
	for _, f := range p.policies {
		out.forLint.places[f.doc.ID] = f.places()
		if f.off {
			out.Off = append(out.Off, f.doc)
			if out.OffReasons == nil {
				out.OffReasons = map[string]OffReason{}
			}
			out.OffReasons[f.doc.ID] = f.offReason()
		} else {
			out.Documents = append(out.Documents, f.doc)
		}
	}
	byID := func(a, b Document) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(out.Documents, byID)
	slices.SortFunc(out.Off, byID)
	slices.SortFunc(out.Deployment.Exemptions, func(a, b Exemption) int { return cmp.Compare(a.ID, b.ID) })
	out.Warnings = slices.Clone(p.warnings)
	slices.SortStableFunc(out.Warnings, ComparePlaces)
	return out
}
