// Package ledger is what sgwarden remembers: one versioned item per group, its
// incidents, and the controls that operators and sweeps set. It lives in one
// DynamoDB table (Table), and in memory with the same semantics (InMemory).
//
// It decides nothing. It may make a caller look again (ErrConflict, ErrLeased),
// never look away: what cannot be read or written is an error, and no error is
// ever "no item".
package ledger
