package query

import "regexp"

// Scope is whom and what a signature is for. It is read, not verified.
type Scope struct{ AccessKeyID, Region, Service string }

var credential = regexp.MustCompile(`^AWS4-[A-Z0-9-]+ .*?Credential=([^/,\s]+)/[0-9]{8}/([^/,\s]+)/([a-z0-9-]+)/aws4_request(?:,|\s|$)`)

// ReadScope reads an Authorization header; ok is false where it is none of AWS's.
func ReadScope(header string) (s Scope, ok bool) {
	m := credential.FindStringSubmatch(header)
	if m == nil {
		return Scope{}, false
	}
	return Scope{AccessKeyID: m[1], Region: m[2], Service: m[3]}, true
}
