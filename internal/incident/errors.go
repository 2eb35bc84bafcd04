package incident

import "errors"

// Adapters wrap these around what AWS said; match them with errors.Is.
var (
	ErrGone        = errors.New("not found")                 // the group or rule does not exist (any more)
	ErrDenied      = errors.New("not permitted")             // retrying cannot help
	ErrThrottled   = errors.New("throttled")                 // may pass
	ErrDuplicate   = errors.New("rule exists already")       //
	ErrQuota       = errors.New("rule quota reached")        //
	ErrInvalid     = errors.New("refused as invalid")        // malformed or impossible input
	ErrUnavailable = errors.New("service unavailable")       // 5xx, connection, deadline: may pass
	ErrConflict    = errors.New("changed by another writer") // ledger: version differs
	ErrLeased      = errors.New("another worker has the lease")
)
