package metrics

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLine(t *testing.T) {
	at := time.UnixMilli(1772442543210)
	line, err := Line(at, "Sgwarden-Guard", Count(Changes, 3), Count(Remedied, 0), Sample{SecondsToRemedy, []float64{4.5, 2}}, Sample{Metric: SecondsToLearn})
	require.NoError(t, err)
	require.Equal(t, `{"Changes":3,"FunctionName":"Sgwarden-Guard","Remedied":0,"SecondsToRemedy":[2,4.5],"_aws":{"CloudWatchMetrics":[{"Dimensions":[["FunctionName"]],`+
		`"Metrics":[{"Name":"Changes","Unit":"Count"},{"Name":"Remedied","Unit":"Count"},{"Name":"SecondsToRemedy","Unit":"Seconds"}],"Namespace":"sgwarden"}],"Timestamp":1772442543210}}`+"\n", string(line))
}

// TestManyValues: CloudWatch takes a hundred, and refuses the line otherwise.
func TestManyValues(t *testing.T) {
	var all []float64
	for i := range 250 {
		all = append(all, float64(249-i))
	}
	line, err := Line(time.Unix(0, 0), "f", Sample{SecondsToLearn, all})
	require.NoError(t, err)
	var read struct{ SecondsToLearn []float64 }
	require.NoError(t, json.Unmarshal(line, &read))
	require.Len(t, read.SecondsToLearn, 100)
	require.EqualValues(t, 150, read.SecondsToLearn[0])
	require.EqualValues(t, 249, read.SecondsToLearn[99])
	require.Len(t, all, 250)
	require.EqualValues(t, 249, all[0], "what was given stays as it was")
}

func TestWhatIsNoNumber(t *testing.T) {
	_, err := Line(time.Unix(0, 0), "f", Sample{SecondsToLearn, []float64{math.NaN()}})
	require.Error(t, err)
}

// TestAll: names are different, and units are those of CloudWatch.
func TestAll(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range All() {
		require.False(t, seen[m.Name], m.Name)
		seen[m.Name] = true
		require.Contains(t, []string{"Count", "Seconds"}, m.Unit)
		require.NotEmpty(t, m.Says)
	}
}
