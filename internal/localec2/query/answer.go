package query

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// Object is an answer, or a part of it: named values in the order in which
// EC2 writes them. A value is a string, int, int64, bool, Object or List.
type Object []Field

// Field is one named value of an Object.
type Field struct {
	Name  string
	Value any
}

// List is a list of values; its members are called "item" in XML.
type List []any

// With gives the object with one more value.
func (o Object) With(name string, value any) Object {
	return append(o[:len(o):len(o)], Field{Name: name, Value: value})
}

// WithText gives the object with one more text, or as it is for an empty one.
func (o Object) WithText(name, text string) Object {
	if text == "" {
		return o
	}
	return o.With(name, text)
}

// Get is the value of that name, nil if there is none.
func (o Object) Get(name string) any {
	for _, f := range o {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Namespace of the EC2 API, in every answer and in some CloudTrail records.
const Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

// XML renders an answer of EC2: <ACTIONResponse xmlns=...> with the request id first.
func XML(action, requestID string, answer Object) []byte {
	var b strings.Builder
	b.WriteString(xml.Header)
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, action, Namespace)
	write(&b, Object{}.With("requestId", requestID))
	write(&b, answer)
	fmt.Fprintf(&b, "</%sResponse>", action)
	return []byte(b.String())
}

// StsXML renders an answer of STS, which wraps the result.
func StsXML(action, requestID string, result Object) []byte {
	var b strings.Builder
	b.WriteString(xml.Header)
	fmt.Fprintf(&b, `<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`, action)
	write(&b, Object{}.With(action+"Result", result).With("ResponseMetadata", Object{}.With("RequestId", requestID)))
	fmt.Fprintf(&b, "</%sResponse>", action)
	return []byte(b.String())
}

func write(b *strings.Builder, value any) {
	switch v := value.(type) {
	case Object:
		for _, f := range v {
			fmt.Fprintf(b, "<%s>", f.Name)
			write(b, f.Value)
			fmt.Fprintf(b, "</%s>", f.Name)
		}
	case List:
		for _, item := range v {
			b.WriteString("<item>")
			write(b, item)
			b.WriteString("</item>")
		}
	default:
		// A strings.Builder never refuses a write.
		_ = xml.EscapeText(b, []byte(Scalar(v)))
	}
}

// Scalar is a string, int, int64 or bool as EC2 writes it in XML.
func Scalar(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	default:
		return fmt.Sprint(v)
	}
}
