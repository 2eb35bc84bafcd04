package ec2answer

import "strings"

// withoutPermissions cuts the permissions out of an answer of
// DescribeSecurityGroups. Text of users stands there with its < escaped, so
// that what looks like an element is one, unless the answer has comments or
// CDATA: then it is left alone, as where anything does not fit.
func withoutPermissions(answer string) string {
	if strings.Contains(answer, "<!") {
		return answer
	}
	for _, name := range []string{"ipPermissions", "ipPermissionsEgress"} {
		answer = cut(answer, "<"+name+">", "</"+name+">")
	}
	return answer
}

// cut leaves out all that stands from first to last.
func cut(answer, first, last string) string {
	var kept strings.Builder
	for rest := answer; ; {
		before, after, found := strings.Cut(rest, first)
		kept.WriteString(before)
		if !found {
			return kept.String()
		}
		if _, rest, found = strings.Cut(after, last); !found {
			return answer
		}
	}
}
