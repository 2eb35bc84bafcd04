package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNotWatched is matched by the error for a record of a call that is not in
// the table, or an event of another source or detail-type: ignored, on purpose.
var ErrNotWatched = errors.New("call is not watched")

// ErrUndecodable is matched by every *UndecodableError.
var ErrUndecodable = errors.New("undecodable event")

// notWatched keeps its text for the day somebody prints it: archives are full
// of these.
type notWatched struct{ source, name string }

func (e *notWatched) Error() string {
	return fmt.Sprintf("%s of %s: %v", quote(e.name), quote(e.source), ErrNotWatched)
}

func (e *notWatched) Unwrap() error { return ErrNotWatched }

// UndecodableError is a record that may be of a watched call but does not say
// which group it concerns, or is not a record at all. Nothing is known of it
// but what stands here.
type UndecodableError struct {
	Record  int      // 1-based place in a log file or archive; 0 = single event
	Place   string   // where: "byte 17", "detail.requestParameters"
	Reason  string   // why, in words
	EventID string   // "" = not readable
	Name    string   // eventName; "" = not readable
	Groups  []string // group ids that the text mentions, at most 100: for the alert, never for acting
}

func (e *UndecodableError) Error() string {
	var b strings.Builder
	b.WriteString("decode event")
	if e.Record > 0 {
		b.WriteString(" " + strconv.Itoa(e.Record))
	}
	if e.Name != "" {
		b.WriteString(" " + quote(e.Name))
	}
	if e.EventID != "" {
		b.WriteString(" " + quote(e.EventID))
	}
	return b.String() + ": " + e.Place + ": " + e.Reason
}

// Is reports whether target is ErrUndecodable.
func (e *UndecodableError) Is(target error) bool { return target == ErrUndecodable }

// quote shows text of a record in an error: quoted, so that it cannot break a
// line, and short.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
