package policy

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The leaves of the settings of the stack.

// lazily compiles an expression when it is asked for: functions never do, and
// would pay for it at every start.
func lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// stackName is at most 40 characters: rules have names of at most 64, which
// begin with it.
type stackName struct{ word }

var stackNamePattern = lazily(`^[A-Za-z][A-Za-z0-9-]{0,39}$`)

func (w *stackName) read(s *syntaxReader, n *yamlNode, label string) {
	w.word.read(s, n, label)
	if w.text != "" && !stackNamePattern().MatchString(w.text) {
		s.fault(w.position, "letters, digits and hyphens, at most 40, a letter first", "%q cannot be the name of a stack", w.text)
	}
}

// organisationID is that of an AWS organisation.
type organisationID struct{ word }

var organisationPattern = lazily(`^o-[a-z0-9]{10,32}$`)

func (w *organisationID) read(s *syntaxReader, n *yamlNode, label string) {
	w.shaped(s, n, label, organisationPattern().MatchString, "the id of an organisation: o- and 10 to 32 small letters and digits")
}

// emailAddress is one plain address.
type emailAddress struct{ word }

// longestAddress is what mail takes (RFC 5321, 4.5.3.1.3, without the brackets).
const longestAddress = 254

func (w *emailAddress) read(s *syntaxReader, n *yamlNode, label string) {
	if w.word.read(s, n, label); w.text == "" {
		return
	}
	a, err := mail.ParseAddress(w.text)
	if err == nil && a.Address == w.text && len(w.text) <= longestAddress && isASCII(w.text) {
		return
	}
	hint := "write one plain address, as you@example.com"
	if err == nil && a.Address != w.text {
		hint = "write " + a.Address
	}
	s.fault(w.position, hint, "%q is no e-mail address", w.text)
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// httpsURL is where SNS posts to.
type httpsURL struct{ word }

func (w *httpsURL) read(s *syntaxReader, n *yamlNode, label string) {
	if w.word.read(s, n, label); w.text == "" {
		return
	}
	u, err := url.Parse(w.text)
	switch {
	case err == nil && u.Scheme == "http" && u.Host != "":
		s.fault(w.position, "write https"+strings.TrimPrefix(w.text, "http"), "alerts do not go over plain http")
	case err != nil, u.Scheme != "https", u.Hostname() == "", strings.ContainsFunc(w.text, func(r rune) bool { return r <= ' ' || r >= utf8.RuneSelf }):
		s.fault(w.position, "write https://alerts.example.com/sgwarden", "%q is no https URL", w.text)
	case u.User != nil:
		s.fault(w.position, "put a secret into the path, which you can change, or use a queue", "the URL holds a password, which would stand in the template")
	case u.Fragment != "":
		s.fault(w.position, "leave out what follows the #", "the URL has a fragment, which nobody would get")
	}
}

// arnText is an ARN. partition is "" after a fault.
type arnText struct {
	word
	partition, region, account, resource string // region is "" for IAM
}

// ARNs of the settings of the stack.
type (
	keyARN   struct{ arnText }
	queueARN struct{ arnText }
	roleARN  struct{ arnText }
)

// Partitions are those that a stack can be in.
func Partitions() []string { return []string{"aws", "aws-us-gov", "aws-cn"} }

// PartitionOf is the partition of a region.
func PartitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

var (
	// A key's id is a UUID, that of a multi-Region key mrk- and 32 digits (KMS
	// developer guide, "Key identifiers").
	keyResource   = lazily(`^key/([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)
	queueResource = lazily(`^[A-Za-z0-9_-]{1,80}$`)
	roleResource  = lazily(`^role/[A-Za-z0-9_+=,.@/-]{1,512}$`)
)

// arnForm is what an ARN of a setting must be.
type arnForm struct {
	service, what, example string
	resource               func() *regexp.Regexp
	// mistaken says, of a resource that people write in the place of the right
	// one, what it is and what to do; "" = it is none of those.
	mistaken func(resource string) (is, hint string)
}

var (
	keyForm = arnForm{"kms", "the ARN of a KMS key", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", keyResource, func(resource string) (is, hint string) {
		if strings.HasPrefix(resource, "alias/") {
			return "the ARN of an alias", "name the key itself: rights are given on keys, not on aliases"
		}
		return "", ""
	}}
	queueForm = arnForm{"sqs", "the ARN of a queue", "arn:aws:sqs:eu-west-1:123456789012:alerts", queueResource, func(resource string) (is, hint string) {
		if strings.HasSuffix(resource, ".fifo") {
			return "a FIFO queue, and SNS sends to those from FIFO topics only", "name a standard queue"
		}
		return "", ""
	}}
	roleForm = arnForm{"iam", "the ARN of a role", "arn:aws:iam::123456789012:role/operator", roleResource, func(string) (is, hint string) { return "", "" }}
)

func (a *keyARN) read(s *syntaxReader, n *yamlNode, label string)   { a.parse(s, n, label, keyForm) }
func (a *queueARN) read(s *syntaxReader, n *yamlNode, label string) { a.parse(s, n, label, queueForm) }
func (a *roleARN) read(s *syntaxReader, n *yamlNode, label string)  { a.parse(s, n, label, roleForm) }

// parse reads an ARN, which must have a form.
func (a *arnText) parse(s *syntaxReader, n *yamlNode, label string, form arnForm) {
	if a.word.read(s, n, label); a.text == "" {
		return
	}
	refuse := func(hint, format string, args ...any) { s.fault(a.position, hint, format, args...) }
	parts := strings.SplitN(a.text, ":", 6)
	switch {
	case len(parts) < 6 || parts[0] != "arn" || parts[2] != form.service || !isAccountID(parts[4]) || (form.service == "iam") != (parts[3] == ""):
		refuse("write "+form.example, "%q is not %s", a.text, form.what)
		return
	case !slices.Contains(Partitions(), parts[1]):
		refuse("known: "+strings.Join(Partitions(), ", "), "there is no stack in partition %q", parts[1])
		return
	case parts[3] != "" && PartitionOf(parts[3]) != parts[1]:
		refuse("write arn:"+PartitionOf(parts[3])+":"+strings.Join(parts[2:], ":"), "region %s is of partition %s, not %s", parts[3], PartitionOf(parts[3]), parts[1])
		return
	}
	if is, hint := form.mistaken(parts[5]); is != "" {
		refuse(hint, "%q is %s", a.text, is)
		return
	}
	if !form.resource().MatchString(parts[5]) {
		refuse("write "+form.example, "%q is not %s", a.text, form.what)
		return
	}
	a.partition, a.region, a.account, a.resource = parts[1], parts[3], parts[4], parts[5]
}
