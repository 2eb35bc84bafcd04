package localaws

import (
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// dynamoDB answers in the account and region of the table; elsewhere there is
// none.
func (a *AWS) dynamoDB(c Call, stale bool) result {
	if !a.isHome(c) {
		return failure(c, query.Fault{Status: 400, Code: "ResourceNotFoundException", Message: "Requested resource not found"})
	}
	body, fault := a.db.Do(c.Operation, c.Body, stale)
	if fault == nil {
		return checked(result{status: 200, body: body})
	}
	_, code, _ := strings.Cut(fault.Type, "#")
	return checked(result{status: fault.Status, code: code, body: fault.Body()})
}

func (a *AWS) isHome(c Call) bool { return c.AccountID == a.account && c.Region == a.home }

// checked adds the checksum that DynamoDB sends and the SDK compares.
func checked(res result) result {
	res.header = map[string]string{"X-Amz-Crc32": strconv.FormatUint(uint64(crc32.ChecksumIEEE(res.body)), 10)}
	return res
}
