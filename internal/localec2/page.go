package localec2

import (
	"encoding/base64"
	"sort"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// paging bounds MaxResults; inclusive. usual is the size of a page where the
// request says none, 0 = everything.
type paging struct{ least, most, usual int32 }

var (
	mostReads = paging{5, 1000, 0}
	listReads = paging{1, 100, 100}
	staleRead = paging{5, 255, 0}
)

// pageOrIDs is page for calls that take ids or a page size, but not both.
func (s *session) pageOrIDs(idName, name string, ids []string, show func(id string) query.Object) (query.Object, *query.Fault) {
	if s.params.Has(idName) && s.params.Has("MaxResults") {
		return nil, together("MaxResults", idName)
	}
	return s.page(mostReads, name, ids, show)
}

// page answers the resources of those sorted ids, or a page of them: those
// after NextToken. A page never skips or repeats what exists throughout.
func (s *session) page(p paging, name string, ids []string, show func(id string) query.Object) (query.Object, *query.Fault) {
	limit, fault := integer(s.params, "MaxResults", p.usual)
	if fault != nil {
		return nil, fault
	}
	if s.params.Has("MaxResults") && (limit < p.least || limit > p.most) {
		return nil, wrongValue("MaxResults", s.params.Text("MaxResults"), "It is out of range.")
	}
	if token, ok := s.params.Get("NextToken").Value(); ok {
		after, err := base64.RawURLEncoding.DecodeString(token)
		last, mine := strings.CutPrefix(string(after), s.call.Action+" ")
		if err != nil || !mine {
			return nil, query.Refuse("InvalidNextToken", "The token '%s' is invalid", token)
		}
		ids = ids[sort.Search(len(ids), func(i int) bool { return ids[i] > last }):]
	}
	answer := query.Object{}
	if limit > 0 && len(ids) > int(limit) {
		ids = ids[:limit]
		answer = answer.With("nextToken", base64.RawURLEncoding.EncodeToString([]byte(s.call.Action+" "+ids[limit-1])))
	}
	list := query.List{}
	for _, id := range ids {
		list = append(list, show(id))
	}
	return answer.With(name, list), nil
}
