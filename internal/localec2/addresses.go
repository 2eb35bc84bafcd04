package localec2

import (
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

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
			return nil, query.Refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", id)
		}
	}
	set := query.List{}
	for _, id := range sortedKeys(s.state.addresses) {
		text := s.state.addresses[id].String()
		named := len(ids)+len(texts) == 0 || slices.Contains(ids, id) || slices.Contains(texts, text)
		if named && match(values{of: map[string]string{"allocation-id": id, "public-ip": text, "domain": "vpc"}}) {
			set = append(set, query.Object{}.With("allocationId", id).With("publicIp", text).With("domain", "vpc").
				With("publicIpv4Pool", "amazon").With("networkBorderGroup", s.account.Region))
		}
	}
	return query.Object{}.With("addressesSet", set), nil
}
