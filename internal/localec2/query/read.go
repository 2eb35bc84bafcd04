package query

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// element is one element of an answer, as it was written.
type element struct {
	name     string
	text     strings.Builder
	children []*element
}

// Read reads an answer of EC2, back from what XML or FaultXML wrote or from
// another endpoint's: its values as text, without the request id, which it
// gives apart. An empty element is an empty text, since nothing tells it from
// an empty list. A fault has the status 0: the body does not tell it.
func Read(body []byte) (answer Object, fault *Fault, requestID string, err error) {
	root, err := readElements(body)
	if err != nil {
		return nil, nil, "", fmt.Errorf("read answer: %w", err)
	}
	whole, _ := root.value().(Object)
	if root.name == "Response" {
		fault, requestID = readFault(whole)
		return nil, fault, requestID, nil
	}
	for _, f := range whole {
		if id, ok := f.Value.(string); ok && f.Name == "requestId" {
			requestID = id
			continue
		}
		answer = append(answer, f)
	}
	return answer, nil, requestID, nil
}

// readFault reads <Errors><Error><Code/><Message/></Error></Errors><RequestID/>.
func readFault(whole Object) (*Fault, string) {
	errs, _ := whole.Get("Errors").(Object)
	first, _ := errs.Get("Error").(Object)
	code, _ := first.Get("Code").(string)
	message, _ := first.Get("Message").(string)
	id, _ := whole.Get("RequestID").(string)
	return &Fault{Code: code, Message: message}, id
}

func readElements(body []byte) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(string(body)))
	top := &element{}
	open := []*element{top}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			at.children = append(at.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			at.text.Write(t)
		}
	}
	if len(top.children) != 1 {
		return nil, fmt.Errorf("%d root elements", len(top.children))
	}
	return top.children[0], nil
}

// value is an Object, a List where every child is an item, or a text.
func (e *element) value() any {
	if len(e.children) == 0 {
		return e.text.String()
	}
	list, o := List{}, Object{}
	for _, c := range e.children {
		v := c.value()
		if c.name == "item" {
			list = append(list, v)
		}
		o = o.With(c.name, v)
	}
	if len(list) == len(e.children) {
		return list
	}
	return o
}
