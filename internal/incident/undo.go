package incident

import "strings"

const undoMark = "UNDO-"

// UndoExemption names the exemption by which `sgwarden undo` lets stand, under
// one policy, what it puts back of an incident. Asking again replaces it.
func UndoExemption(incidentID, policyID string) string {
	return undoMark + incidentID + "-" + policyID
}

// UndoneBy is the incident that an exemption of that name undoes; false = it is
// another exemption. The name alone proves nothing: it counts where only an
// operator can have written it.
func UndoneBy(exemptionID string) (incidentID string, ok bool) {
	rest, ok := strings.CutPrefix(exemptionID, undoMark+idMark)
	sum, policy, cut := strings.Cut(rest, "-")
	if !ok || !cut || sum == "" || policy == "" {
		return "", false
	}
	return idMark + sum, true
}
