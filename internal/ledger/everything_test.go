package ledger_test

import (
	"net/netip"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/policy"
	"github.com/sgwarden/sgwarden/internal/secgroup"
)

// everything is a Known in which every field of every type is set, so that a
// field which somebody adds later, and the ledger forgets, fails the suite.
func everything(t *testing.T) policy.Known {
	var known policy.Known
	n := 0
	fill(t, reflect.ValueOf(&known).Elem(), &n)
	known.Rules, known.Removed = map[string]policy.KnownRule{}, map[string]policy.RemovedRule{}
	for i, peer := range peers() {
		id := "sgr-" + strconv.Itoa(i)
		var k policy.KnownRule
		fill(t, reflect.ValueOf(&k).Elem(), &n)
		var gone policy.RemovedRule
		fill(t, reflect.ValueOf(&gone).Elem(), &n)
		for _, k := range []*policy.KnownRule{&k, gone.Was} {
			for _, r := range []*secgroup.Rule{&k.Rule, k.Before, k.LeftOf} {
				r.ID, r.Direction, r.Protocol, r.Peer = id, secgroup.Egress, secgroup.TCP, peer
			}
			k.LeftOf.ID = "sgr-whole"
		}
		known.Rules[id], known.Removed[id] = k, gone
	}
	plain := known.Rules["sgr-0"]
	plain.Before, plain.By, plain.Under, plain.LeftOf = nil, nil, []string{}, nil
	plain.Rule.ID, plain.Rule.Tags = "", nil
	known.Rules["sgr-plain"] = plain
	strange := known.Rules["sgr-1"]
	strange.Rule = secgroup.Rule{ID: "sgr-strange", Direction: secgroup.Ingress, Protocol: secgroup.UDP, Ports: secgroup.AllPorts}
	known.Rules["sgr-strange"] = strange
	return known
}

func peers() []secgroup.Peer {
	return []secgroup.Peer{
		secgroup.NewCIDR(netip.MustParsePrefix("8.8.8.0/29")),
		secgroup.NewCIDR(netip.MustParsePrefix("2606:4700::/32")),
		secgroup.PrefixList{ID: "pl-0123456789abcdef0"},
		secgroup.PrefixList{ID: "pl-0123456789abcdef0", Name: "list", OwnerID: "123456789012", Version: 3, Refused: "denied"},
		secgroup.GroupReference{GroupID: "sg-0123456789abcdef1"},
		secgroup.GroupReference{GroupID: "sg-0123456789abcdef1", AccountID: "123456789012", PeeringID: "pcx-1"},
	}
}

// fill sets v and all below it to something that is not zero, each time
// something else. Peers stay nil.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon.Add(time.Duration(*n) * time.Nanosecond)))
			return
		}
		for i := range v.NumField() {
			require.True(t, v.Field(i).CanSet(), "%s has a hidden field", v.Type())
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), n)
	case reflect.Map:
		if v.Type().Elem().Kind() != reflect.String {
			return // filled by hand
		}
		v.Set(reflect.ValueOf(map[string]string{"k" + strconv.Itoa(*n): "v"}))
	case reflect.String:
		v.SetString("s" + strconv.Itoa(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8:
		v.SetUint(1)
	case reflect.Interface:
	default:
		t.Fatalf("fill cannot set a %s", v.Type())
	}
}
