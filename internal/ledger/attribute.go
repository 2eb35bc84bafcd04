package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// attributes is one item of the table, keys included. Structured values are
// JSON texts: a whole rule can so be set with if_not_exists in one expression,
// without its parents having to exist.
type attributes map[string]types.AttributeValue

// key names an item.
type key struct{ pk, sk string }

func (k key) attributes() attributes {
	return attributes{"pk": text(k.pk), "sk": text(k.sk)}
}

func (a attributes) key() key { return key{a.text("pk"), a.text("sk")} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func flag(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// setText leaves an empty text out.
func (a attributes) setText(name, s string) {
	if s != "" {
		a[name] = text(s)
	}
}

func (a attributes) setJSON(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	a[name] = text(string(b))
	return nil
}

// text is "" where there is none.
func (a attributes) text(name string) string {
	if s, ok := a[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// number is 0 where there is none.
func (a attributes) number(name string) (int64, error) {
	v, ok := a[name]
	if !ok {
		return 0, nil
	}
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, fmt.Errorf("decode %s: not a number", name)
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("decode %s: %w", name, err)
	}
	return i, nil
}

// flag is nil where there is none.
func (a attributes) flag(name string) *bool {
	if b, ok := a[name].(*types.AttributeValueMemberBOOL); ok {
		return &b.Value
	}
	return nil
}

// readJSON leaves v alone where there is none.
func (a attributes) readJSON(name string, v any) error {
	s := a.text(name)
	if s == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(s), v); err != nil {
		return fmt.Errorf("decode %s: %w", name, err)
	}
	return nil
}

// time is zero where there is none.
func (a attributes) time(name string) (time.Time, error) {
	s := a.text(name)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("decode %s: %w", name, err)
	}
	return t.UTC(), nil
}

// each calls f for the attributes whose names begin with prefix, in order,
// with the rest of the name.
func (a attributes) each(prefix string, f func(rest string) error) error {
	for _, name := range a.names() {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if err := f(rest); err != nil {
			return err
		}
	}
	return nil
}

func (a attributes) names() []string { return slices.Sorted(maps.Keys(a)) }

// size is what DynamoDB counts for the item: names and values in bytes.
func (a attributes) size() int {
	total := 0
	for name, v := range a {
		total += len(name)
		if b, ok := v.(*types.AttributeValueMemberB); ok {
			total += len(b.Value)
			continue
		}
		total += len(valueText(v))
	}
	return total
}

// valueText is the value's content, for sizes and digests.
func valueText(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return string(v.Value)
	case *types.AttributeValueMemberBOOL:
		return strconv.FormatBool(v.Value)
	}
	return ""
}
