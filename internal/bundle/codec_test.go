package bundle

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// filler gives every field of a value something of its own, so that a field
// that is not written is missed.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value, depth int) {
	f.n++
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(int64(1_700_000_000+f.n), 0).UTC()
		return
	case *netip.Prefix:
		*p = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(f.n >> 8), byte(f.n), 0}), 24)
		return
	case *secgroup.Rule:
		*p, _ = secgroup.ParseRule(fmt.Sprintf("ingress tcp/%d from 10.0.0.0/8", f.n))
		return
	case *policy.LedgerDown:
		*p = policy.HoldBack
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", f.n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(uint64(f.n%250 + 1))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			f.fill(v.Field(i), depth)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth)
	case reflect.Slice:
		if depth == 0 {
			return // clauses hold clauses
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0), depth-1)
		f.fill(v.Index(1), depth-1)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string][]string{fmt.Sprintf("key %d", f.n): {"a", "b"}, "other": {"c"}}))
	default:
		panic("no filler for " + v.Type().String())
	}
}

func filled() Bundle {
	b := Bundle{Documents: make([]policy.Document, 1)}
	f := &filler{}
	f.fill(reflect.ValueOf(&b.Documents[0]).Elem(), 4)
	f.fill(reflect.ValueOf(&b.Deployment).Elem(), 4)
	return b
}

func TestEveryFieldIsWrittenAndRead(t *testing.T) {
	want := filled()
	got, err := decode(want.encode())
	require.NoError(t, err)
	require.Equal(t, want.Documents, got.Documents)
	require.Equal(t, want.Deployment, got.Deployment)
}

// places are the fields that say where something stands, not what it means.
var places = map[string]bool{"File": true, "Line": true, "Text": true}

// TestEveryFieldCountsInTheDigest clears one field at a time.
func TestEveryFieldCountsInTheDigest(t *testing.T) {
	b := filled()
	whole, _ := b.streams()
	checked := 0
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		_, rule := v.Interface().(secgroup.Rule)
		_, prefix := v.Interface().(netip.Prefix)
		_, instant := v.Interface().(time.Time)
		switch {
		case v.Kind() == reflect.Struct && !rule && !prefix && !instant:
			for i := range v.NumField() {
				walk(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
			return
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		case v.Kind() == reflect.Pointer && !v.IsNil():
			walk(v.Elem(), path)
		}
		if v.IsZero() || rule || prefix {
			return // the empty tail of clauses in clauses; what has no zero value
		}
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		v.SetZero()
		changed, _ := b.streams()
		v.Set(before)
		field := path[len(path)-4:]
		require.Equal(t, places[field], string(whole) == string(changed), path)
		checked++
	}
	walk(reflect.ValueOf(&b.Documents).Elem(), "Docs")
	walk(reflect.ValueOf(&b.Deployment).Elem(), "Deployment")
	require.Greater(t, checked, 100)
}

func TestCanonicalIsTheSameTwice(t *testing.T) {
	b, err := Embedded()
	require.NoError(t, err)
	once := b.encode()
	b.canonical()
	require.Equal(t, once, b.encode())
}

// FuzzDecode holds that no bytes make the reader panic or allocate without
// bound, and that what it accepts is written again as it was.
func FuzzDecode(f *testing.F) {
	b, err := Embedded()
	require.NoError(f, err)
	for _, seed := range []Bundle{b, filled(), {}} {
		data := seed.encode()
		f.Add(data[len(magic) : len(data)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append([]byte(magic), body...)
		data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
		b, err := decode(data)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		again, err := decode(b.encode())
		require.NoError(t, err)
		require.Equal(t, b.Digest == again.Digest, string(b.encode()) == string(data) || b.Digest == again.Digest)
		require.Equal(t, again.encode(), b.encode())
	})
}
