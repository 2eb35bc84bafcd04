package secgroup

// AddressSet is an immutable set of addresses of one family, kept as sorted,
// disjoint, non-adjacent ranges. The zero value is empty.
type AddressSet struct{}
