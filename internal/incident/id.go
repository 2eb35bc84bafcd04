package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// idMark begins the id of every incident.
const idMark = "inc-"

// ID names the incident whose first rule is ruleID of group groupID with the
// value that it has since then. The same three give the same id in every
// process, which is how event, duplicate, redelivery and sweep meet in one
// incident; a rule that grows again has another since, and so another id.
func ID(groupID, ruleID string, since time.Time) string {
	return idMark + digest("incident", groupID, ruleID, since.UTC().Format(time.RFC3339Nano))[:24]
}

// EventID names an incident that has no rule with a since: a change that could
// not be judged, or a rule that was removed while the ledger was down. rule is
// the rule's text or id, empty for a change as a whole.
func EventID(groupID, rule, eventID string) string {
	return idMark + digest("event", groupID, rule, eventID)[:24]
}

// ChainHash is the hash of one stored incident entry. The next entry of the
// group carries it, so that a changed or missing entry shows.
func ChainHash(stored []byte) string {
	sum := sha256.Sum256(stored)
	return hex.EncodeToString(sum[:])
}

// digest hashes parts with their lengths, so that no two lists of parts run
// into the same bytes.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil))
}
