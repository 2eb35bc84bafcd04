package query

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Fault is an error of the API: what the client is told.
type Fault struct {
	Status  int // of HTTP
	Code    string
	Message string
}

// Error gives "CODE: MESSAGE".
func (f *Fault) Error() string { return f.Code + ": " + f.Message }

// Refuse makes the usual fault of a wrong request: status 400.
func Refuse(code, format string, args ...any) *Fault {
	return &Fault{Status: 400, Code: code, Message: fmt.Sprintf(format, args...)}
}

// FaultXML renders a fault as EC2 does.
func FaultXML(requestID string, f *Fault) []byte {
	var b strings.Builder
	b.WriteString(xml.Header)
	b.WriteString("<Response><Errors><Error>")
	write(&b, Object{}.With("Code", f.Code).With("Message", f.Message))
	b.WriteString("</Error></Errors>")
	write(&b, Object{}.With("RequestID", requestID))
	b.WriteString("</Response>")
	return []byte(b.String())
}
