package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/incident"
)

func TestALedgerIsStaleADayAfterItsStampOrItsResumption(t *testing.T) {
	stamp := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		controls incident.Controls
		age      time.Duration
		want     bool
	}{
		"never stamped":                          {incident.Controls{}, 100 * day, false},
		"never stamped, resumed":                 {incident.Controls{Resumed: stamp}, 100 * day, false},
		"a day old":                              {incident.Controls{Stamp: stamp}, day, false},
		"older":                                  {incident.Controls{Stamp: stamp}, day + 1, true},
		"resumed within a day":                   {incident.Controls{Stamp: stamp, Resumed: stamp.Add(9 * day)}, 10 * day, false},
		"resumed longer ago":                     {incident.Controls{Stamp: stamp, Resumed: stamp.Add(9 * day)}, 10*day + 1, true},
		"resumed before the stamp, which is new": {incident.Controls{Stamp: stamp, Resumed: stamp.Add(-9 * day)}, day, false},
	} {
		require.Equal(t, tt.want, tt.controls.Stale(stamp.Add(tt.age)), name)
	}
}
