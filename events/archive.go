package events

import (
	"bytes"
	"errors"
	"fmt"
	"iter"

	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// Decoded is what came of one record of an archive: a Change, or an error as
// Decode describes it.
type Decoded struct {
	Record int    // 1-based place in the archive
	Raw    []byte // the record as it stands there, part of the data given
	Change secgroup.Change
	Err    error
}

// Each reads an archive record by record: a CloudTrail log file, one event or
// record per line (NDJSON), or several one after the other. It yields every
// record, those that are not watched included; one that is odd costs none of
// the others, and memory is that of one record beside the data.
func Each(data []byte) iter.Seq[Decoded] {
	return func(yield func(Decoded) bool) {
		n := 0
		one := func(raw []byte, err error) bool {
			n++
			d := Decoded{Record: n, Raw: raw, Err: err}
			if err == nil {
				d.Change, d.Err = decodeOne(raw)
			}
			if e, ok := errors.AsType[*UndecodableError](d.Err); ok {
				e.Record = n
			}
			return yield(d)
		}
		for doc := range documents(trim(data)) {
			for raw, err := range records(doc) {
				if !one(raw, err) {
					return
				}
			}
		}
	}
}

// decodeLog is Decode for a log file.
func decodeLog(data []byte) ([]secgroup.Change, error) {
	const mostErrors = 100 // of a file that is all errors
	var changes []secgroup.Change
	var errs []error
	more := 0
	for d := range Each(data) {
		switch {
		case d.Err == nil:
			changes = append(changes, d.Change)
		case errors.Is(d.Err, ErrNotWatched):
		case len(errs) < mostErrors:
			errs = append(errs, d.Err)
		default:
			more++
		}
	}
	if more > 0 {
		errs = append(errs, fmt.Errorf("%w: %d more records of the file", ErrUndecodable, more))
	}
	if len(changes) == 0 && len(errs) == 0 {
		return nil, &notWatched{"CloudTrail log file", "no record"}
	}
	return changes, errors.Join(errs...)
}

// documents cuts an archive into the JSON texts that it holds. Where the first
// line is a text of its own, or nothing complete begins there, every line is
// one: a damaged line then costs itself alone.
func documents(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if _, isLog := recordsArray(data); isLog {
			if end, ok := skip(data, 0); !ok || end == len(data) {
				yield(data) // one log file, perhaps cut off
				return
			}
		}
		byLine := linesOf(data)
		for len(data) > 0 {
			end := len(data)
			if nl := bytes.IndexByte(data, '\n'); byLine && nl >= 0 {
				end = nl
			} else if stop, ok := skip(data, 0); !byLine && ok {
				end = stop
			}
			if !yield(bytes.TrimSpace(data[:end])) {
				return
			}
			data = bytes.TrimSpace(data[end:])
		}
	}
}

// linesOf reports whether an archive is one record per line.
func linesOf(data []byte) bool {
	nl := bytes.IndexByte(data, '\n')
	if nl < 0 {
		return false
	}
	end, ok := skip(data, 0)
	if ok {
		return end <= nl
	}
	// The first text never ends. It is a damaged line if a later line is
	// complete, else the whole is one damaged text.
	for line := range bytes.Lines(data[nl+1:]) {
		line = bytes.TrimSpace(line)
		if len(line) > 2 && line[0] == '{' {
			if end, ok := skip(line, 0); ok && end == len(line) {
				return true
			}
		}
	}
	return false
}

// records gives the records of one JSON text: of a log file each, else itself.
func records(doc []byte) iter.Seq2[[]byte, error] {
	if inLog, isLog := logRecords(doc); isLog {
		return inLog
	}
	return func(yield func([]byte, error) bool) { yield(doc, nil) }
}

// logRecords gives the records of a CloudTrail log file, and false where the
// text is none: an object with a member Records that is an array. The cut is
// by brackets and quotes alone, so that what is wrong within one record does
// not reach the next. Text that does not end properly is yielded as an error.
func logRecords(doc []byte) (iter.Seq2[[]byte, error], bool) {
	at, ok := recordsArray(doc)
	if !ok {
		return nil, false
	}
	return func(yield func([]byte, error) bool) {
		for i := at + 1; ; {
			for i < len(doc) && (isSpace(doc[i]) || doc[i] == ',') {
				i++
			}
			if i < len(doc) && doc[i] == ']' {
				if !bytes.Equal(bytes.TrimSpace(doc[i+1:]), []byte("}")) {
					yield(nil, &UndecodableError{Place: "end of Records", Reason: "more text than a log file has"})
				}
				return
			}
			end, ok := skip(doc, i)
			if !ok {
				yield(nil, &UndecodableError{Place: "end of Records", Reason: "the file ends within a record"})
				return
			}
			if !yield(doc[i:end], nil) {
				return
			}
			i = end
		}
	}, true
}

// recordsArray gives the place of the '[' of the member Records.
func recordsArray(doc []byte) (int, bool) {
	name := []byte(`"Records"`)
	if len(doc) == 0 || doc[0] != '{' || !bytes.Contains(doc, name) {
		return 0, false
	}
	isName, wanted := true, false
	for i := 1; i < len(doc); {
		switch c := doc[i]; {
		case isSpace(c):
			i++
		case c == ',':
			isName, wanted = true, false
			i++
		case c == ':':
			isName = false
			i++
		case c == '[' && wanted && !isName:
			return i, true
		default:
			end, ok := skip(doc, i)
			if !ok {
				return 0, false
			}
			if isName {
				wanted = bytes.Equal(doc[i:end], name)
			}
			i = end
		}
	}
	return 0, false
}

// skip gives the end of the JSON value at data[i], by brackets and quotes
// alone. It is false where data ends before the value does.
func skip(data []byte, i int) (int, bool) {
	depth := 0
	for start := i; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			end, ok := skipText(data, i)
			if !ok {
				return 0, false
			}
			i = end
		case c == '{' || c == '[':
			depth++
			i++
		case c == '}' || c == ']':
			depth--
			i++
		case depth == 0:
			for i < len(data) && !isSpace(data[i]) && bytes.IndexByte([]byte(`,:]}[{"`), data[i]) < 0 {
				i++
			}
			return max(i, start+1), true
		default:
			i++
			continue
		}
		if depth <= 0 {
			return i, true
		}
	}
	return 0, false
}

func skipText(data []byte, i int) (int, bool) {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return 0, false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
