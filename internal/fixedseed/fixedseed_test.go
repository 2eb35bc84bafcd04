package fixedseed

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPropertiesDrawTheSameAgain(t *testing.T) {
	drawn := func() (all []int) {
		rapid.Check(t, func(t *rapid.T) { all = append(all, rapid.Int().Draw(t, "n")) })
		return all
	}
	first, again := drawn(), drawn()
	if flag.Lookup("rapid.seed").Value.String() == "0" {
		require.NotEqual(t, first, again, "as was asked for")
		return
	}
	require.Equal(t, first, again)
}
