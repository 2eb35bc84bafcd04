package policy

import (
	"net/netip"
	"time"
)

// LedgerDown is what happens to severe violations that a record names while
// the ledger cannot be reached. The zero value is invalid.
type LedgerDown uint8

const (
	RevokeBlind LedgerDown = 1 + iota // they are revoked, on the record's word and a fresh read
	HoldBack                          // nothing is changed until it is back
)

// Fuse bounds what one policy may touch in an hour. Beyond it the policy holds.
type Fuse struct {
	Groups int // distinct groups touched without a fresh event of their own
	Actors int // distinct actors reverted
}

// Deployment is the settings document of a folder, with its defaults filled in.
type Deployment struct {
	Mode       Mode     // 0 = not given
	Packs      []string // embedded packs that are on
	Internal   []netip.Prefix
	Trusted    Trusted
	Exemptions []Exemption // of policies that are on, by id
	Settle     time.Duration
	LedgerDown LedgerDown
	Fuse       Fuse
}

// Trusted is what a scope may rest on: what not everybody can change.
type Trusted struct {
	Tags  []string // tag keys
	Names []string // globs on group names
}

// ModeOf is the mode that a policy has in a deployment: the lowest of what its
// environment asks for (0 = nothing), its settings and the policy say.
func (d Deployment) ModeOf(doc Document, environment Mode) Mode {
	return lowerMode(d.Settings(environment).Mode, doc.Mode)
}

// Settings gives what Compile needs of a deployment. mode is what its
// environment asks for, 0 = nothing: the lower one counts.
func (d Deployment) Settings(mode Mode) Settings {
	switch {
	case mode == 0:
		mode = d.Mode
	case d.Mode != 0:
		mode = min(mode, d.Mode)
	}
	return Settings{
		Mode: mode, Internal: d.Internal, TrustedTags: d.Trusted.Tags, TrustedNames: d.Trusted.Names,
		Exemptions: d.Exemptions, Settle: d.Settle,
	}
}
