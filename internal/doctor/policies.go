package doctor

import (
	"context"
	"fmt"
)

// checkPolicies compares what the guard judges by with what lies here.
func checkPolicies(_ context.Context, x *examination, f *findings) {
	guard, ok := x.functions[x.deployed.Guard]
	if !ok {
		f.add(NotKnown, "", "which policies are deployed: the guard's settings could not be read")
		return
	}
	deployed := guard.environment["SGWARDEN_POLICIES_DIGEST"]
	if deployed != x.Policies.Digest {
		f.warn("name the folder that was deployed with --policies, or deploy this one: make deploy POLICIES=DIR", "the guard judges by policies of digest %s, %s have %s", short(deployed), x.Named, short(x.Policies.Digest))
		return
	}
	f.ok("the guard judges by %s: %s, digest %s", x.Named, plural(len(x.set.Policies), "policy", "policies"), short(deployed))
}

// samePolicies says whether the policies here are those that are deployed.
func (x *examination) samePolicies() bool {
	return x.functions[x.deployed.Guard].environment["SGWARDEN_POLICIES_DIGEST"] == x.Policies.Digest
}

// short is the beginning of a digest.
func short(digest string) string {
	switch {
	case digest == "":
		return "none"
	case len(digest) > 12:
		return digest[:12]
	}
	return digest
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
