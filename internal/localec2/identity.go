package localec2

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/cloudtrail"
	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// origin is who a request comes from, as its headers tell.
type origin struct {
	accessKeyID string // "" = not signed
	region      string // "" = not said
}

var (
	regionOfHost = regexp.MustCompile(`(?i)^ec2\.([a-z0-9-]+)\.`)
	twelveDigits = regexp.MustCompile(`^[0-9]{12}$`)
)

// readOrigin reads the scope of the signature, which is not verified, or else
// the host.
func readOrigin(r *http.Request) (origin, *query.Fault) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if m := regionOfHost.FindStringSubmatch(r.Host); m != nil {
			return origin{region: strings.ToLower(m[1])}, nil
		}
		return origin{}, nil
	}
	scope, ok := query.ReadScope(header)
	if !ok || scope.Service != "ec2" && scope.Service != "sts" {
		return origin{}, query.Refuse("IncompleteSignature", "The request signature does not conform to AWS standards.")
	}
	return origin{accessKeyID: scope.AccessKeyID, region: scope.Region}, nil
}

// caller tells who an access key belongs to.
func (c *Cloud) caller(accessKeyID string) Caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	if who, ok := c.callers[accessKeyID]; ok {
		if who.AccountID == "" {
			who.AccountID = c.account
		}
		return who
	}
	account := c.account
	if twelveDigits.MatchString(accessKeyID) {
		account = accessKeyID
	}
	return Caller{AccountID: account, Identity: cloudtrail.User(account, "demo", accessKeyID)}
}
