package localec2

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// maxAddresses of a region. (EC2's default is 5; tests and demos need room.)
const maxAddresses = 100

// allocateAddress takes an elastic address of a public block of Amazon's.
func (s *session) allocateAddress() (query.Object, *query.Fault) {
	if domain := s.params.Text("Domain"); domain != "" && domain != "vpc" {
		return nil, wrongValue("Domain", domain, "Valid value is vpc.")
	}
	if _, fault := s.tagSpecification("elastic-ip"); fault != nil {
		return nil, fault
	}
	if len(s.state.addresses) >= maxAddresses {
		return nil, query.Refuse("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	taken := slices.Collect(maps.Values(s.state.addresses))
	next := netip.MustParseAddr("52.95.0.1")
	for slices.Contains(taken, next) {
		next = next.Next()
	}
	id := s.cloud.ids.Resource("eipalloc-")
	s.state.addresses[id] = next
	return s.addressObject(id), nil
}

func (s *session) releaseAddress() (query.Object, *query.Fault) {
	id := s.params.Text("AllocationId")
	if id == "" {
		return nil, missing("AllocationId")
	}
	if _, ok := s.state.addresses[id]; !ok {
		return nil, noAddress(id)
	}
	delete(s.state.addresses, id)
	return query.Object{}.With("return", true), nil
}

func noAddress(id string) *query.Fault {
	return query.Refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", id)
}

func (s *session) addressObject(id string) query.Object {
	return query.Object{}.With("allocationId", id).With("publicIp", s.state.addresses[id].String()).With("domain", "vpc").
		With("publicIpv4Pool", "amazon").With("networkBorderGroup", s.account.Region)
}

var addressFilters = []string{"allocation-id", "public-ip", "domain"}

// describeAddresses answers the elastic addresses of the account. The call has
// no pages.
func (s *session) describeAddresses() (query.Object, *query.Fault) {
	match, fault := s.filters(addressFilters)
	if fault != nil {
		return nil, fault
	}
	ids, texts := s.params.Texts("AllocationId"), s.params.Texts("PublicIp")
	for _, id := range ids {
		if _, ok := s.state.addresses[id]; !ok {
			return nil, noAddress(id)
		}
	}
	set := query.List{}
	for _, id := range sortedKeys(s.state.addresses) {
		text := s.state.addresses[id].String()
		named := len(ids)+len(texts) == 0 || slices.Contains(ids, id) || slices.Contains(texts, text)
		if named && match(values{of: map[string]string{"allocation-id": id, "public-ip": text, "domain": "vpc"}}) {
			set = append(set, s.addressObject(id))
		}
	}
	return query.Object{}.With("addressesSet", set), nil
}
