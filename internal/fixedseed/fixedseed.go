// Package fixedseed is imported, for its effect alone, by test packages with
// properties of pgregory.net/rapid: they then draw the same values in every
// run, so that a run fails for what was changed and not for its luck. Other
// values come with -rapid.seed=N, or RAPID_SEED=N in the environment (rapid
// v1.3.0 reads it in its own init); 0 is a random seed.
package fixedseed

import (
	"flag"
	"os"

	_ "pgregory.net/rapid" // defines the flag before init
)

func init() {
	if os.Getenv("RAPID_SEED") != "" {
		return
	}
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic("rapid has no flag for its seed: " + err.Error())
	}
}
