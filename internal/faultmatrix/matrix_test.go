package faultmatrix

import (
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localaws"
)

// play runs a scenario with what goes wrong in it.
func play(t testing.TB, sc *scenario, cells ...cell) *world {
	w := newWorld(t, sc)
	w.faults.cells = cells
	w.run()
	return w
}

// bubble runs f where waiting takes no time. The timers of HTTP clients outlive
// their calls for a while.
func bubble(t *testing.T, f func()) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		f()
		time.Sleep(2 * timeout)
	})
}

// row is what the matrix says of one call of a scenario.
type row struct {
	at    spot
	cells int
	// reasons are why faults that are not among the cells cannot happen.
	reasons map[localaws.Fault]string
}

// rows are the calls of a clean run, with the cells of each.
func rowsOf(w *world) (rows []row, cells []cell) {
	for _, at := range w.faults.spots() {
		r := row{at: at, reasons: map[localaws.Fault]string{}}
		for _, f := range localaws.Faults() {
			if why := f.NotOn(w.faults.calls[at]); why != "" {
				r.reasons[f] = why
				continue
			}
			for _, s := range spans() {
				cells = append(cells, cell{at: at, fault: f, span: s})
				r.cells++
			}
		}
		rows = append(rows, r)
	}
	return rows, cells
}

// checkClean holds a run without faults against what the scenario says.
func checkClean(w *world) {
	w.checker.mu.Lock()
	defer w.checker.mu.Unlock()
	want := slices.Sorted(slices.Values(w.sc.told))
	if got := w.checker.told(); !slices.Equal(got, want) {
		w.checker.failures = append(w.checker.failures, fmt.Sprintf("told %q, not %q", got, want))
	}
	for rule := range w.sc.ends {
		name, _, _ := strings.Cut(rule, " ")
		if _, ok := w.groups[name]; !ok {
			w.checker.failures = append(w.checker.failures, rule+" names no group of the scenario")
		}
	}
}

// tally counts over all scenarios.
type tally struct {
	mu                                           sync.Mutex
	scenarios, rows, cells, kills, pairs, missed int
	failures                                     []string
	sections                                     map[string]*section
}

func (y *tally) fail(sc *scenario, what string, failures []string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, f := range failures {
		y.failures = append(y.failures, fmt.Sprintf("%s: %s: %s", sc.name, what, f))
	}
}

// TestMatrix runs every scenario clean, and then once for every cell.
func TestMatrix(t *testing.T) {
	y := &tally{sections: map[string]*section{}}
	t.Run("scenarios", func(t *testing.T) {
		for _, sc := range scenarios() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				t.Cleanup(func() { require.NoError(t, os.RemoveAll(sc.dir)) })
				sc.set(t)
				bubble(t, func() { runMatrix(t, sc, y) })
			})
		}
	})
	t.Logf("%d scenarios, %d rows (calls), %d cells, %d kills and panics, %d pairs (seed %d), %d cells that met no call, %d failures", y.scenarios, y.rows, y.cells, y.kills, y.pairs, *seed, y.missed, len(y.failures))
	if y.missed > y.cells/20 && *only == "" {
		y.failures = append(y.failures, fmt.Sprintf("%d cells met no call", y.missed))
	}
	report(t, y.failures)
	var sections []*section
	for _, sc := range scenarios() {
		if s := y.sections[sc.name]; s != nil {
			sections = append(sections, s)
		}
	}
	if len(sections) == len(scenarios()) && *only == "" {
		checkReference(t, sections)
	}
}

// mostPrinted failures: one cause has many.
const mostPrinted = 150

func report(t *testing.T, failures []string) {
	t.Helper()
	for i, f := range failures {
		if i == mostPrinted {
			t.Errorf("... and %d more", len(failures)-i)
			return
		}
		t.Error(f)
	}
}

func runMatrix(t *testing.T, sc *scenario, y *tally) {
	clean := play(t, sc)
	checkClean(clean)
	y.fail(sc, "clean", clean.checker.failures)
	if len(clean.checker.failures) > 0 {
		return
	}
	rows, cells := rowsOf(clean)
	deaths := deathsOf(clean)
	pairs := pairsOf(sc, cells)
	if *only != "" {
		cells, deaths = matching(cells), matching(deaths)
		pairs = slices.DeleteFunc(pairs, func(pair []cell) bool { return len(matching(pair)) < 2 })
	}
	y.mu.Lock()
	y.scenarios++
	y.rows += len(rows)
	y.cells += len(cells)
	y.kills += len(deaths)
	y.mu.Unlock()
	for _, r := range rows {
		if r.cells == 0 {
			y.fail(sc, r.at.String(), []string{"no fault runs on it: " + fmt.Sprint(slices.Sorted(maps.Values(r.reasons)))})
		}
	}
	if len(rows) == 0 {
		y.fail(sc, "clean", []string{"no call was made that could be disturbed"})
	}
	page := &section{sc, rows, map[spot]map[localaws.Fault]string{}, len(deaths)}
	y.mu.Lock()
	y.sections[sc.name] = page
	y.mu.Unlock()
	t.Logf("%d rows, %d cells, %d kills", len(rows), len(cells), len(deaths))
	for _, pair := range pairs {
		y.mu.Lock()
		y.pairs++
		y.mu.Unlock()
		w := play(t, sc, pair...)
		y.fail(sc, pair[0].String()+" and "+pair[1].String(), w.checker.failures)
	}
	for _, c := range slices.Concat(cells, deaths) {
		w := play(t, sc, c)
		if w.faults.hits == 0 && sc.sideBySide { // another order makes one call more or less
			y.mu.Lock()
			y.missed++
			y.mu.Unlock()
		} else if w.faults.hits == 0 {
			w.checker.failf("the call was not made")
		}
		y.fail(sc, c.String(), w.checker.failures)
		page.note(c, w)
	}
}

// only narrows the matrix, to look into what failed.
var only = flag.String("only", "", "run only cells whose text matches this pattern, and pairs of two such; the page is not held then")

func matching(cells []cell) []cell {
	pattern := regexp.MustCompile(*only)
	return slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return !pattern.MatchString(c.String()) })
}

// seed of the random pairs.
var seed = flag.Uint64("seed", 1, "seed of the random pairs of faults")

// pairsOf are random pairs of the cells of a scenario.
func pairsOf(sc *scenario, cells []cell) [][]cell {
	h := fnv.New64a()
	_, _ = h.Write([]byte(sc.name)) // never fails
	random := rand.New(rand.NewPCG(*seed, h.Sum64()))
	pairs := make([][]cell, 2)
	if *complete {
		pairs = make([][]cell, 10)
	}
	for i := range pairs {
		for range 2 {
			pairs[i] = append(pairs[i], cells[random.IntN(len(cells))])
		}
	}
	return pairs
}

// deathsOf are guard's ends before and after each call that changes something.
// A call that is made beside the judging can only end the process.
func deathsOf(w *world) []cell {
	var all []cell
	for _, at := range w.faults.spots() {
		if !w.faults.calls[at].Changes {
			continue
		}
		for _, after := range []bool{false, true} {
			all = append(all, cell{at: at, death: killed, after: after})
			if at.service != localaws.SQS {
				all = append(all, cell{at: at, death: panicked, after: after})
			}
		}
	}
	return all
}
