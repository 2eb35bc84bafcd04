package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEndOfAnExemption(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 9, 3, 500, time.UTC)
	for _, tt := range []struct{ until, lasts, want, fault string }{
		{until: "2026-03-02", want: "2026-03-03T00:00:00Z"}, // the last day counts
		{until: "2026-03-31", want: "2026-04-01T00:00:00Z"},
		{until: "2026-04-01", fault: "at most 30 days"},
		{until: "2026-03-01", fault: "is over"},
		{until: "2026-03-02T10:00:00+02:00", fault: "is over"},
		{until: "2026-03-02T12:00:00+02:00", want: "2026-03-02T10:00:00Z"},
		{lasts: "30d", want: "2026-04-01T09:09:03Z"},
		{lasts: "90m", want: "2026-03-02T10:39:03Z"},
		{lasts: "31d", fault: "at most 30 days"},
		{lasts: "0d", fault: "is over"},
		{lasts: "-1h", fault: "is over"},
		{lasts: "-1d", fault: "want 36h or 7d"},
		{lasts: "a week", fault: "want 36h or 7d"},
		{fault: "either --until or --for"},
	} {
		got, err := exemption{until: tt.until, lasts: tt.lasts}.end(now)
		if tt.fault != "" {
			require.ErrorContains(t, err, tt.fault, "%+v", tt)
			continue
		}
		require.NoError(t, err, "%+v", tt)
		require.Equal(t, tt.want, got.Format(time.RFC3339Nano))
	}
}
