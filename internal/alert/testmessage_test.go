package alert

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestATestMessageIsNoIncident: it passes every filter of what is critical,
// and no program takes it for something that happened.
func TestATestMessageIsNoIncident(t *testing.T) {
	m, err := Test(Deployment{Account: "123456789012", Region: "eu-west-1", Stack: "Sgwarden", Mode: "observe"}, "assumed-role/operator/ida <@all>\n")
	require.NoError(t, err)
	require.NotContains(t, m.Text, "<")
	require.Contains(t, m.Text, "for assumed-role/operator/ida---all--.")
	var document map[string]any
	require.NoError(t, json.Unmarshal(m.JSON, &document))
	require.Equal(t, true, document["test"])
	require.NotContains(t, document, "incidentId")
	var names []string
	for name := range m.Attributes {
		names = append(names, name)
	}
	require.ElementsMatch(t, AttributeNames(), names)
	require.Equal(t, "5", m.Attributes[AttrSeverityLevel].Value)
	require.Equal(t, EventTypeTest, m.Attributes[AttrEventType].Value)
}
