package bundle

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/sgwarden/sgwarden/policies"
)

// Check is something that tools look for in security groups.
type Check struct {
	ID, Title string
	Controls  map[string][]string // ids of controls by standard or tool
	Later     string              // what it takes to judge it, where no policy covers it yet; "" = one does
	Lacks     string              // what the policies that cover it do not look at; "" = nothing
}

// Checks gives all known checks, in the order of policies.Checks.
func Checks() ([]Check, error) {
	rows, err := csv.NewReader(bytes.NewReader(policies.Checks)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read checks: %w", err)
	}
	var out []Check
	for _, row := range rows[1:] {
		c := Check{ID: row[0], Title: row[1], Controls: map[string][]string{}, Later: row[3], Lacks: row[4]}
		for _, control := range strings.Fields(row[2]) {
			standard, id, ok := strings.Cut(control, ":")
			if !ok {
				return nil, fmt.Errorf("read checks: %s: control %q is not STANDARD:ID", c.ID, control)
			}
			c.Controls[standard] = append(c.Controls[standard], id)
		}
		out = append(out, c)
	}
	return out, nil
}

// isFramework reports whether a key of metadata.controls is a framework that
// an auditor asks for, and so a pack; the others are tools.
func isFramework(key string) bool {
	return strings.HasPrefix(key, "cis-aws-") || slices.Contains([]string{"aws-fsbp", "pci-dss"}, key)
}
