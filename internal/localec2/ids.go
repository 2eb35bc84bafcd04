package localec2

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// IDSource makes identifiers. Implementations are safe for concurrent use.
type IDSource interface {
	// Resource gives a new id like sg-0123456789abcdef0: the prefix with its
	// hyphen, then 17 hexadecimal digits.
	Resource(prefix string) string
	// UUID gives a new request or event id.
	UUID() string
}

// RandomIDs gives ids as EC2 does: not to be foreseen.
func RandomIDs() IDSource { return randomIDs{} }

type randomIDs struct{}

func (randomIDs) Resource(prefix string) string {
	return prefix + "0" + hexText(random())[:16]
}
func (randomIDs) UUID() string { return uuid(random()) }

func random() []byte {
	b := make([]byte, 16)
	// crypto/rand.Read never fails since Go 1.24: it ends the program instead.
	_, _ = rand.Read(b)
	return b
}

// CountedIDs gives the same ids in the same order for the same seed.
func CountedIDs(seed string) IDSource { return &countedIDs{seed: seed} }

type countedIDs struct {
	mu   sync.Mutex
	seed string
	n    int
}

func (c *countedIDs) Resource(prefix string) string {
	return prefix + "0" + hexText(c.next(prefix))[:16]
}

func (c *countedIDs) UUID() string { return uuid(c.next("uuid")) }

func (c *countedIDs) next(kind string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", c.seed, kind, c.n))
	return sum[:16]
}

func uuid(b []byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hexText(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func hexText(b []byte) string { return hex.EncodeToString(b) }
