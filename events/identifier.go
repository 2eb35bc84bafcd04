package events

import "strings"

// EC2 ids are a prefix and 8 or, since 2016, 17 hexadecimal digits (EC2 user
// guide, "Resource IDs"). Everything that does not look like one is refused:
// ids end in API calls, in ledger keys and in alerts.
const (
	groupPrefix = "sg-"
	rulePrefix  = "sgr-"
	vpcPrefix   = "vpc-"
	listPrefix  = "pl-"
)

const (
	minDigits = 8
	maxDigits = 17
)

// isID reports whether s is prefix and 8 to 17 lower-case hexadecimal digits.
func isID(prefix, s string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && len(digits) <= maxDigits && hexDigits(digits) == len(digits) && len(digits) >= minDigits
}

// hexDigits counts the lower-case hexadecimal digits that s begins with.
func hexDigits(s string) int {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return i
		}
	}
	return len(s)
}

// eachGroupID calls found for every group id that stands in s by itself: not
// as part of a longer word or of a longer run of digits.
func eachGroupID(s string, found func(string)) {
	for from := 0; ; {
		i := strings.Index(s[from:], groupPrefix)
		if i < 0 {
			return
		}
		start := from + i
		digits := start + len(groupPrefix)
		end := digits + hexDigits(s[digits:])
		from = digits
		if n := end - digits; n < minDigits || n > maxDigits {
			continue
		}
		if start > 0 && isWord(s[start-1]) || end < len(s) && isWord(s[end]) {
			continue
		}
		found(s[start:end])
	}
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

// accountID gives back the zeros in front that the wrapper dialect loses where
// it makes a number of an account id. Other text comes back as it is.
func accountID(s string) string {
	const digits = 12
	if s == "" || len(s) >= digits || strings.Trim(s, "0123456789") != "" {
		return s
	}
	return strings.Repeat("0", digits-len(s)) + s
}

// bounded cuts text of a record at most bytes, between characters: CloudTrail
// bounds its fields, a forged event does not.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 { // within a character
		most--
	}
	return s[:most]
}
