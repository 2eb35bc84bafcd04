package incident

import "slices"

// ToldAs precedes, in a note, the id under which an alert told what an incident
// holds: while the ledger was down nobody knew of the incident.
const ToldAs = "while the ledger was down it was told as "

// WasToldAs reports whether an alert told what the incident holds under that id.
// No text of others is a whole note.
func (i Incident) WasToldAs(id string) bool { return slices.Contains(i.Notes, ToldAs+id) }
