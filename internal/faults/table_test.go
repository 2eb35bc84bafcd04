package faults

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// section is one file of the table.
type section struct {
	title  string
	faults []fault
}

// fault is one thing that goes wrong. Its form in testdata:
//
//	== 07 what goes wrong
//	must: what must come of it
//	test: internal/warden TestFault07KilledAtEveryEffect
//	later: what of it needs a feature that is not there, and which
//	defence: what makes it so, in a sentence
//	shown: internal/warden TestFault07LeaseOfTheDeadIsRespected   (default: the first test)
//	in: internal/warden/open.go
//	- the lines of the defence, as they stand in the file,
//	- whatever their indentation
//	+ the lines that would be there without it
//
// Lines that begin with "#" are comments. Another defence of the same fault
// follows in the same form. A defence may have several places.
type fault struct {
	number   string // "07", or "P3" for a property
	what     string
	must     string
	later    string
	tests    []testName
	defences []defence
}

// testName is a test of a package of the repository, or a subtest ("A/b c").
type testName struct{ pkg, name string }

// function is the test function of a test.
func (n testName) function() string {
	name, _, _ := strings.Cut(n.name, "/")
	return name
}

// defence is something in the code that a fault is survived by.
type defence struct {
	id     string // "07.2": the second defence of fault 07
	says   string
	shown  testName // fails without it
	places []place
}

// place is where a defence stands: whole lines, without their indentation.
type place struct {
	file     string // from the root of the repository
	with     []string
	without  []string
	complete bool // no line follows: used while reading
}

// numbers are those of the faults that the guard must survive, and of the
// properties that are proven at random.
const (
	lastFault    = 51
	lastProperty = 8
)

func readTable(t *testing.T) []section {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	var all []section
	for _, file := range files {
		all = append(all, readSection(t, file))
	}
	slices.SortFunc(all, func(a, b section) int { return strings.Compare(a.title, b.title) })
	return all
}

func readSection(t *testing.T, file string) section {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	r := reader{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		require.NoError(t, r.line(strings.TrimSpace(lines.Text())), "%s:%d", file, n)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, r.section.title, file)
	return r.section
}

// reader reads a section line by line.
type reader struct{ section section }

var heading = regexp.MustCompile(`^== (\d\d|P\d) (.+)$`)

func (r *reader) line(line string) error {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	if m := heading.FindStringSubmatch(line); m != nil {
		r.section.faults = append(r.section.faults, fault{number: m[1], what: m[2]})
		return nil
	}
	key, text, ok := strings.Cut(line, " ")
	if !ok && key != "-" && key != "+" {
		return fmt.Errorf("%q says nothing", line)
	}
	text = strings.TrimSpace(text)
	if key == "title:" {
		r.section.title = text
		return nil
	}
	if len(r.section.faults) == 0 {
		return fmt.Errorf("%q stands before the first fault", line)
	}
	return r.field(&r.section.faults[len(r.section.faults)-1], key, text)
}

func (r *reader) field(f *fault, key, text string) error {
	switch key {
	case "must:":
		f.must = text
		return nil
	case "later:":
		f.later = text
		return nil
	case "test:":
		name, err := readTestName(text)
		f.tests = append(f.tests, name)
		return err
	case "defence:":
		if len(f.tests) == 0 {
			return fmt.Errorf("a defence of %s stands before its tests", f.number)
		}
		f.defences = append(f.defences, defence{id: fmt.Sprintf("%s.%d", f.number, len(f.defences)+1), says: text, shown: f.tests[0]})
		return nil
	}
	if len(f.defences) == 0 {
		return fmt.Errorf("%q belongs to a defence", key)
	}
	return r.ofDefence(&f.defences[len(f.defences)-1], key, text)
}

func (r *reader) ofDefence(d *defence, key, text string) (err error) {
	switch key {
	case "shown:":
		d.shown, err = readTestName(text)
		return err
	case "in:":
		d.places = append(d.places, place{file: text})
		return nil
	}
	if len(d.places) == 0 {
		return fmt.Errorf("%q belongs to a place", key)
	}
	p := &d.places[len(d.places)-1]
	switch {
	case key == "-" && !p.complete:
		p.with = append(p.with, text)
	case key == "+":
		p.without, p.complete = append(p.without, text), true
	default:
		return fmt.Errorf("unknown word %q", key)
	}
	return nil
}

func readTestName(text string) (testName, error) {
	pkg, name, ok := strings.Cut(text, " ")
	if !ok || !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") {
		return testName{}, fmt.Errorf("%q is no package and test", text)
	}
	return testName{pkg, name}, nil
}

// allFaults are those of all sections, in their order.
func allFaults(table []section) []fault {
	var all []fault
	for _, s := range table {
		all = append(all, s.faults...)
	}
	return all
}

// TestTheTableIsComplete: every number once and in order, each with what must
// come of it, a test, and a defence.
func TestTheTableIsComplete(t *testing.T) {
	var want, got []string
	for n := range lastFault {
		want = append(want, fmt.Sprintf("%02d", n+1))
	}
	for n := range lastProperty {
		want = append(want, fmt.Sprintf("P%d", n+1))
	}
	for _, f := range allFaults(readTable(t)) {
		got = append(got, f.number)
		require.NotEmpty(t, f.must, f.number)
		if len(f.tests) == 0 {
			require.NotEmpty(t, f.later, "%s has no test, and does not say why", f.number)
			continue
		}
		require.NotEmpty(t, f.defences, "%s is survived by something", f.number)
		for _, d := range f.defences {
			require.NotEmpty(t, d.places, "%s stands nowhere", d.id)
			require.Contains(t, f.tests, testName{d.shown.pkg, d.shown.function()}, "%s is shown by a test that is not one of %s", d.id, f.number)
			for _, p := range d.places {
				require.NotEmpty(t, p.with, d.id)
			}
		}
	}
	require.Equal(t, want, got)
}
