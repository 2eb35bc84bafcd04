package cloudtrail

import (
	"strconv"
	"strings"
	"time"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// classicResponse writes an answer: true or false is _return there.
func classicResponse(requestID string, answer query.Object) object {
	o := object{}.with("requestId", requestID)
	for _, f := range answer {
		name := f.Name
		if name == "return" {
			name = "_return"
		}
		o = o.with(name, classicValue(name, f.Value))
	}
	return o
}

// classicValue writes a value by its name, since the wire has texts alone.
func classicValue(name string, value any) any {
	switch v := value.(type) {
	case query.Object:
		o := object{}
		for _, f := range v {
			o = o.with(f.Name, classicValue(f.Name, f.Value))
		}
		return o
	case query.List:
		items := []any{}
		for _, item := range v {
			items = append(items, classicValue("", item))
		}
		if name == "privateIpAddressesSet" && len(items) > 0 {
			return object{}.with("item", items) // as no other list
		}
		return itemsOf(items)
	}
	return classicScalar(name, query.Scalar(value))
}

// The members of answers that are no texts in the classic dialect. A real
// record of each was read, but for those of unknownIpPermissionSet.
var (
	numbers = map[string]bool{
		"fromPort": true, "toPort": true, "code": true, "amiLaunchIndex": true, "deviceIndex": true, "availableIpAddressCount": true,
	}
	flags = map[string]bool{
		"_return": true, "isEgress": true, "isDefault": true, "requesterManaged": true, "sourceDestCheck": true, "primary": true,
		"deleteOnTermination": true, "defaultForAz": true, "mapPublicIpOnLaunch": true, "assignIpv6AddressOnCreation": true,
	}
	instants = map[string]bool{"launchTime": true, "attachTime": true} // in milliseconds
	lists    = map[string]bool{"groups": true, "ipRanges": true, "ipv6Ranges": true, "prefixListIds": true}
)

func classicScalar(name, text string) any {
	switch {
	case text == "" && (lists[name] || strings.HasSuffix(name, "Set")):
		return object{}
	case numbers[name]:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case instants[name]:
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return at.UnixMilli()
		}
	case flags[name]:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}
