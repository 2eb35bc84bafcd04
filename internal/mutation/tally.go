package main

import "fmt"

// tally counts what became of mutants.
type tally struct{ mutants, killed, endless, lived, unseen int }

func count(results []result) tally {
	t := tally{mutants: len(results)}
	for _, r := range results {
		switch r.fate {
		case killed:
			t.killed++
		case endless:
			t.endless++
		case lived:
			t.lived++
		case unseen:
			t.unseen++
		}
	}
	return t
}

func (t tally) plus(o tally) tally {
	return tally{t.mutants + o.mutants, t.killed + o.killed, t.endless + o.endless, t.lived + o.lived, t.unseen + o.unseen}
}

// percent is the share that was noticed, endless ones included.
func (t tally) percent() float64 {
	return 100 * float64(t.killed+t.endless) / float64(max(t.mutants, 1))
}

func (t tally) String() string {
	return fmt.Sprintf("%5d mutants  %5d killed  %4d survived  %4d not covered  %4d timed out  %6.2f %%",
		t.mutants, t.killed, t.lived, t.unseen, t.endless, t.percent())
}
