package bundle

import (
	"encoding/binary"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// ErrDamaged is returned for a file that is no compiled bundle, or not all of
// one, or one of another version of sgwarden.
var ErrDamaged = errors.New("not a whole compiled bundle of this version")

// wire writes values to a compiled bundle, or reads them back: each type has
// one function for both ways, so that they cannot differ.
//
// What policies mean goes to one stream, where it stands in files to another:
// the digest is over the first.
type wire struct {
	writing         bool
	folder          string // that files are named by
	meaning, places stream
	damaged         bool
}

// stream is bytes that are written at the end, or read from at.
type stream struct {
	bytes []byte
	text  string // the same, for reading: strings of the bundle share it
	at    int
}

func (w *wire) uvarint(s *stream, v *uint64) {
	if w.writing {
		s.bytes = binary.AppendUvarint(s.bytes, *v)
		return
	}
	n := 0
	if *v, n = binary.Uvarint(s.bytes[s.at:]); n <= 0 {
		w.damaged, *v = true, 0
		return
	}
	s.at += n
}

func (w *wire) string(s *stream, v *string) {
	size := uint64(len(*v))
	w.uvarint(s, &size)
	if w.writing {
		s.bytes = append(s.bytes, *v...)
		return
	}
	if size > uint64(len(s.bytes)-s.at) {
		w.damaged, *v = true, ""
		return
	}
	*v = s.text[s.at : s.at+int(size)]
	s.at += int(size)
}

func (w *wire) int(s *stream, v *int) {
	u := uint64(*v)<<1 ^ uint64(*v>>63) // small numbers of either sign stay short
	w.uvarint(s, &u)
	*v = int(u>>1) ^ -int(u&1)
}

func (w *wire) text(v *string)      { w.string(&w.meaning, v) }
func (w *wire) number(v *int)       { w.int(&w.meaning, v) }
func (w *wire) placeText(v *string) { w.string(&w.places, v) }
func (w *wire) line(v *int)         { w.int(&w.places, v) }

func (w *wire) flag(v *bool) {
	u := uint64(0)
	if *v {
		u = 1
	}
	w.uvarint(&w.meaning, &u)
	*v = u != 0
}

func (w *wire) duration(v *time.Duration) {
	u := uint64(*v)
	w.uvarint(&w.meaning, &u)
	*v = time.Duration(u)
}

// instant keeps whole seconds, UTC, after 1970; the zero time is 0.
func (w *wire) instant(v *time.Time) {
	u := uint64(0)
	if !v.IsZero() {
		u = uint64(v.Unix())
	}
	w.uvarint(&w.meaning, &u)
	if !w.writing && u != 0 {
		*v = time.Unix(int64(u), 0).UTC()
	}
}

func (w *wire) prefix(v *netip.Prefix) {
	text := ""
	if w.writing {
		b, err := v.MarshalBinary()
		w.damaged = w.damaged || err != nil
		text = string(b)
	}
	w.text(&text)
	if !w.writing && v.UnmarshalBinary([]byte(text)) != nil {
		w.damaged = true
	}
}

func code[T ~uint8 | ~uint16](w *wire, v *T) {
	u := uint64(*v)
	w.uvarint(&w.meaning, &u)
	*v = T(u)
}

// list keeps nil and empty alike: an empty list is read as nil.
func list[T any](w *wire, v *[]T, each func(*wire, *T)) {
	size := uint64(len(*v))
	w.uvarint(&w.meaning, &size)
	if !w.writing {
		// An element takes a byte or more: a larger size is damage, not a
		// reason to allocate.
		if size > uint64(len(w.meaning.bytes)-w.meaning.at) {
			w.damaged = true
			return
		}
		if *v = nil; size > 0 {
			*v = make([]T, size)
		}
	}
	for i := range *v {
		if each(w, &(*v)[i]); w.damaged {
			return
		}
	}
}

func texts(w *wire, v *[]string) { list(w, v, (*wire).text) }

// dictionary writes its keys in order.
func dictionary(w *wire, v *map[string][]string) {
	type pair struct {
		key    string
		values []string
	}
	var pairs []pair
	if w.writing {
		for _, k := range slices.Sorted(maps.Keys(*v)) {
			pairs = append(pairs, pair{k, (*v)[k]})
		}
	}
	list(w, &pairs, func(w *wire, p *pair) {
		w.text(&p.key)
		texts(w, &p.values)
	})
	if w.writing || len(pairs) == 0 {
		return
	}
	*v = make(map[string][]string, len(pairs))
	for _, p := range pairs {
		(*v)[p.key] = p.values
	}
}

func optional[T any](w *wire, v **T, each func(*wire, *T)) {
	there := *v != nil
	w.flag(&there)
	if !there {
		return
	}
	if !w.writing {
		*v = new(T)
	}
	each(w, *v)
}
