package guard

import (
	"net/url"
	"strings"
)

// The forms of names and ARNs, by hand: regular expressions with such bounds
// take two milliseconds to compile, a third of the start of a function.

// consists reports whether s has a length from least to most and holds only
// ASCII letters, digits and the characters of others.
func consists(s string, least, most int, others string) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// isAccount reports whether s is an account id: 12 digits.
func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// isRegion reports whether s looks like a region: eu-west-1.
func isRegion(s string) bool {
	return consists(s, 1, 64, "-") && s == strings.ToLower(s)
}

// arnOf splits arn:PARTITION:SERVICE:REGION:ACCOUNT:REST of that service.
func arnOf(service, s string) (region, account, rest string, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || !isRegion(parts[1]) || parts[2] != service || !isAccount(parts[4]) {
		return "", "", "", false
	}
	return parts[3], parts[4], parts[5], true
}

// isTable reports whether s names a DynamoDB table, by name or ARN.
func isTable(s string) bool {
	if region, _, rest, ok := arnOf("dynamodb", s); ok {
		name, found := strings.CutPrefix(rest, "table/")
		return found && isRegion(region) && consists(name, 3, 255, "_.-")
	}
	return consists(s, 3, 255, "_.-")
}

// topicRegion is the region of a topic's ARN; "" = not such an ARN.
func topicRegion(s string) string {
	region, _, name, ok := arnOf("sns", s)
	if !ok || !isRegion(region) || !consists(name, 1, 256, "_-") {
		return ""
	}
	return region
}

// busRegion is the region of an event bus's ARN; "" = not such an ARN.
func busRegion(s string) string {
	region, _, rest, ok := arnOf("events", s)
	name, found := strings.CutPrefix(rest, "event-bus/")
	if !ok || !found || !isRegion(region) || !consists(name, 1, 256, "/_.-") {
		return ""
	}
	return region
}

// roleAccount is the account of a role's ARN; "" = not such an ARN.
func roleAccount(s string) string {
	region, account, rest, ok := arnOf("iam", s)
	name, found := strings.CutPrefix(rest, "role/")
	if !ok || !found || region != "" || !consists(name, 1, 576, "_+=,.@/-") {
		return ""
	}
	return account
}

// queueAccount is the account in the URL of a queue; "" = not such a URL.
func queueAccount(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	parts := strings.Split(u.Path, "/")
	if len(parts) < 3 {
		return ""
	}
	account, name := parts[len(parts)-2], parts[len(parts)-1]
	if !isAccount(account) || !consists(name, 1, 80, "_-") {
		return ""
	}
	return account
}

// queueRegion is the region in the URL of a queue of AWS's own endpoints,
// sqs.REGION.amazonaws.com[.cn]; "" = the URL does not tell.
func queueRegion(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	rest, isQueue := strings.CutPrefix(u.Hostname(), "sqs.")
	region, domain, _ := strings.Cut(rest, ".")
	if !isQueue || domain != "amazonaws.com" && domain != "amazonaws.com.cn" {
		return ""
	}
	return region
}

// isDigest reports whether s is a SHA-256 in lower-case hexadecimal.
func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// IsGroup reports whether s is the id of a security group: sg- and 8 or 17
// hexadecimal digits.
func IsGroup(s string) bool {
	digits, ok := strings.CutPrefix(s, "sg-")
	return ok && (len(digits) == 8 || len(digits) == 17) && strings.Trim(digits, "0123456789abcdef") == ""
}
