package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStuckGoroutines: a deadlock shows in the dump of tests that timed out.
func TestStuckGoroutines(t *testing.T) {
	const (
		head  = "panic: test timed out after 2s\n\trunning tests:\n\t\tTestX (2s)"
		alarm = "goroutine 5 [running]:\ntesting.(*M).startAlarm.func1()\ncreated by time.goFunc"
		watch = "goroutine 6 [sleep]:\nx.mutantWatch()\ncreated by x.mutantSetup in goroutine 1"
		main  = "goroutine 1 [chan receive, 2 minutes]:\ntesting.(*T).Run(0x1)\nmain.main()"
		waits = "goroutine 19 [sync.WaitGroup.Wait, 2 minutes]:\nsync.(*WaitGroup).Wait(0x1)\ncreated by testing.(*T).Run in goroutine 1"
	)
	for name, c := range map[string]struct {
		dump []string
		want bool
	}{
		"a deadlock":            {[]string{head, alarm, watch, main, waits}, true},
		"one that could go on":  {[]string{head, alarm, watch, main, waits, "goroutine 20 [runnable]:\nx.TestX.func1()\n"}, false},
		"one that runs":         {[]string{head, alarm, watch, main, "goroutine 19 [running]:\nx.TestX()\n"}, false},
		"one that sleeps":       {[]string{head, alarm, watch, main, waits, "goroutine 20 [sleep]:\ntime.Sleep(1)\n"}, false},
		"one that reads":        {[]string{head, alarm, watch, main, "goroutine 19 [IO wait]:\nos.ReadFile()\n"}, false},
		"one with a choice":     {[]string{head, alarm, watch, main, "goroutine 19 [select]:\nx.TestX()\n"}, false},
		"no goroutine is shown": {[]string{head}, false},
	} {
		require.Equal(t, c.want, isStuck(strings.Join(c.dump, "\n\n")), name)
	}
}
