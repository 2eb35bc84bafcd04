package events

import (
	"strings"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// maxText bounds free text of a record in bytes (CloudTrail: userAgent and
// errorMessage 1 KB each).
const maxText = 1024

// actorOf reads who made the call. Every part may be missing: re-exports drop
// userIdentity, services have no ARN, root has no session issuer.
//
// ARN is only ever an IAM one: the session issuer's (role with path, or the
// user behind a federated session), else the user's or root's own. The STS
// ARN of a session ends in a name that the caller chose, so it is never used;
// neither is an identity in which a name stands twice.
func actorOf(rec value) secgroup.Actor {
	a := secgroup.Actor{SourceIP: textOf(rec.get("sourceIPAddress")), UserAgent: textOf(rec.get("userAgent"))}
	id := rec.get("userIdentity")
	if id.kind != object {
		return a
	}
	issuer := id.get("sessionContext").get("sessionIssuer")
	own := textOf(id.get("arn"))
	a.Type = textOf(id.get("type"))
	a.InvokedBy = textOf(id.get("invokedBy"))
	a.AccessKeyID = textOf(id.get("accessKeyId"))
	a.AccountID = accountID(textOf(id.get("accountId")))
	if a.AccountID == "" {
		a.AccountID = accountID(textOf(issuer.get("accountId")))
	}
	a.Session = sessionName(own)
	if a.Session == "" && a.Type == "AssumedRole" {
		_, a.Session, _ = strings.Cut(textOf(id.get("principalId")), ":") // AROA...:SESSION
	}
	if id.repeated() != "" {
		return a
	}
	for _, arn := range []string{textOf(issuer.get("arn")), own} {
		if isIAM(arn) {
			a.ARN = arn
			break
		}
	}
	return a
}

// isIAM reports whether an ARN is of IAM: arn:PARTITION:iam::ACCOUNT:...
func isIAM(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5] != ""
}

// sessionName takes the session name from an STS ARN:
// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, or .../federated-user/NAME.
func sessionName(arn string) string {
	if _, rest, ok := strings.Cut(arn, ":assumed-role/"); ok {
		if _, session, ok := strings.Cut(rest, "/"); ok {
			return session
		}
	}
	_, name, _ := strings.Cut(arn, ":federated-user/")
	return name
}

// textOf is a scalar as bounded text; "" for everything else.
func textOf(v value) string {
	s, _ := v.scalar()
	return bounded(s, maxText)
}
