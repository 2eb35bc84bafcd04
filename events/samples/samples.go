// Package samples holds CloudTrail records of every watched call, in the
// shapes that AWS writes, each with what it must decode to, and the stories of
// the default demo.
//
// The records are the project's own: shapes were taken from real ones, ids,
// accounts and people were not. A sample is NAME.json and NAME.want.json; the
// latter is written by hand from what the call means, never from what the
// decoder said.
package samples

import (
	"embed"
	"io/fs"
	"sort"
	"strings"
)

//go:embed *.json demo.ndjson
var files embed.FS

// Sample is one record and what it must become.
type Sample struct {
	Name  string // "authorize-ingress-flat-v4"
	Event []byte // an EventBridge event, a bare record or a Judge Group message
	Want  []byte // JSON: note, shape (seen or inferred), dialect, call, and the expected Change
}

const wantSuffix = ".want.json"

// All gives every sample, sorted by name. The slices are the caller's own.
func All() []Sample {
	names, err := fs.Glob(files, "*"+wantSuffix)
	if err != nil {
		panic(err) // the pattern is constant
	}
	sort.Strings(names)
	all := make([]Sample, 0, len(names))
	for _, want := range names {
		name := strings.TrimSuffix(want, wantSuffix)
		all = append(all, Sample{Name: name, Event: read(name + ".json"), Want: read(want)})
	}
	return all
}

// Demo gives the stories of `sgwarden demo`, one record per line, in the order
// in which they are told. Ids are consistent: a record that modifies or
// revokes a rule follows the one that added it.
func Demo() []byte { return read("demo.ndjson") }

func read(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // files are part of the binary; a test reads them all
	}
	return data
}
