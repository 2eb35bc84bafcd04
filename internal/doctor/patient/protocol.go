package patient

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

var lambdaPaths = []struct {
	operation string
	path      *regexp.Regexp // of method and path
}{
	{"GetAccountSettings", regexp.MustCompile(`^GET /2016-08-19/account-settings/?$`)},
	{"GetFunctionConfiguration", regexp.MustCompile(`^GET /2015-03-31/functions/([^/]+)/configuration$`)},
	{"GetFunctionConcurrency", regexp.MustCompile(`^GET /2019-09-30/functions/([^/]+)/concurrency$`)},
	{"GetEventSourceMapping", regexp.MustCompile(`^GET /2015-03-31/event-source-mappings/([^/]+)$`)},
	{"UpdateEventSourceMapping", regexp.MustCompile(`^PUT /2015-03-31/event-source-mappings/([^/]+)$`)},
	{"ListEventSourceMappings", regexp.MustCompile(`^GET /2015-03-31/event-source-mappings/?$`)},
	{"ListFunctions", regexp.MustCompile(`^GET /2015-03-31/functions/?$`)},
}

// read finds out what a request asks, by the protocol of its service.
func read(service string, r *http.Request, body []byte) (operation string, in Object) {
	in = Object{}
	if _, target, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		_ = json.Unmarshal(body, &in) // an empty one asks for nothing
		return target, in
	}
	switch service {
	case "monitoring":
		return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], in
	case "lambda":
		for _, l := range lambdaPaths {
			if m := l.path.FindStringSubmatch(r.Method + " " + r.URL.Path); m != nil {
				_ = json.Unmarshal(body, &in) // a read has none
				for name := range r.URL.Query() {
					in[name] = r.URL.Query().Get(name)
				}
				if len(m) > 1 {
					in["Name"] = m[1]
				}
				return l.operation, in
			}
		}
		return r.URL.Path, in
	}
	form, _ := url.ParseQuery(string(body))
	for name := range form {
		in[name] = form.Get(name)
	}
	return form.Get("Action"), in
}

// write writes an answer by the protocol of its service.
func write(w http.ResponseWriter, service, operation string, answer any) {
	status, refused := http.StatusOK, false
	r, refused := answer.(Refusal)
	if refused {
		status = http.StatusBadRequest
		answer = Object{"__type": r.Code, "message": r.Message}
		w.Header().Set("X-Amzn-Errortype", r.Code)
	}
	var body []byte
	switch service {
	case "monitoring":
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		body = cbor.Encode(binary(answer))
	case "sts", "cloudformation", "iam", "sns":
		w.Header().Set("Content-Type", "text/xml")
		if refused {
			body = fmt.Appendf(nil, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, r.Code, r.Message)
			break
		}
		body = fmt.Appendf(nil, `<%sResponse><%sResult>%s</%sResult></%sResponse>`, operation, operation, markup(answer), operation, operation)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		body, _ = json.Marshal(answer)
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// markup is an answer in the query protocol: lists have <member>.
func markup(v any) string {
	var out strings.Builder
	switch v := v.(type) {
	case Object:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(&out, "<%s>%s</%s>", name, markup(v[name]), name)
		}
	case []any:
		for _, one := range v {
			fmt.Fprintf(&out, "<member>%s</member>", markup(one))
		}
	default:
		_ = xml.EscapeText(&out, []byte(fmt.Sprint(v))) // a Builder takes everything
	}
	return out.String()
}

func binary(v any) cbor.Value {
	switch v := v.(type) {
	case Object:
		m := cbor.Map{}
		for name, one := range v {
			m[name] = binary(one)
		}
		return m
	case []any:
		l := cbor.List{}
		for _, one := range v {
			l = append(l, binary(one))
		}
		return l
	case bool:
		return cbor.Bool(v)
	case float64:
		return cbor.Float64(v)
	case time.Time:
		return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(v.Unix()))}
	}
	return cbor.String(fmt.Sprint(v))
}
