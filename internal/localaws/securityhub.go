package localaws

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/sgwarden/sgwarden/internal/localec2/query"
)

// maxFinding is what a finding may have, in bytes, and maxFindings how many a
// call may bring (API reference, BatchImportFindings, read 2026-11).
const (
	maxFinding  = 240 * 1000
	maxFindings = 100
)

// findings is the Security Hub of the account and region.
type findings struct {
	enabled bool
	byID    map[string]map[string]any
}

// EnableSecurityHub turns Security Hub on: before, it takes no finding.
func (a *AWS) EnableSecurityHub() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.findings = findings{enabled: true, byID: map[string]map[string]any{}}
}

// DisableSecurityHub turns it off, and forgets the findings.
func (a *AWS) DisableSecurityHub() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.findings = findings{}
}

// Findings are those of Security Hub, by their ids, as it has them now.
func (a *AWS) Findings() []map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []map[string]any
	for _, id := range slices.Sorted(maps.Keys(a.findings.byID)) {
		all = append(all, maps.Clone(a.findings.byID[id]))
	}
	return all
}

// findingsOperation reads the operation from the path.
func findingsOperation(r *http.Request) string {
	if r.Method == http.MethodPost && r.URL.Path == "/findings/import" {
		return "BatchImportFindings"
	}
	return r.Method + " " + r.URL.Path
}

// restFailure is an error in the form of Security Hub.
func restFailure(f query.Fault) result {
	return result{status: f.Status, code: f.Code, header: map[string]string{"X-Amzn-ErrorType": f.Code}, body: encode(map[string]string{"Message": f.Message, "Code": f.Code})}
}

func (a *AWS) securityHub(c Call) result {
	var in struct{ Findings []json.RawMessage }
	switch {
	case c.Operation != "BatchImportFindings":
		return failure(c, *query.Refuse("UnknownOperationException", "%s is not supported here", c.Operation))
	case json.Unmarshal(c.Body, &in) != nil || len(in.Findings) == 0 || len(in.Findings) > maxFindings:
		return failure(c, *query.Refuse("InvalidInputException", "Invalid parameter 'Findings'."))
	}
	type failed struct{ Id, ErrorCode, ErrorMessage string } //nolint:revive // Security Hub's own names
	var out struct {
		FailedCount, SuccessCount int
		FailedFindings            []failed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range in.Findings {
		var f map[string]any
		if json.Unmarshal(text, &f) != nil {
			return failure(c, *query.Refuse("InvalidInputException", "Invalid parameter 'Findings'."))
		}
		if code, message := a.refusesFinding(f, len(text)); code != "" {
			out.FailedCount++
			id, _ := f["Id"].(string)
			out.FailedFindings = append(out.FailedFindings, failed{id, code, message})
			continue
		}
		a.importFinding(f)
		out.SuccessCount++
	}
	return result{status: 200, body: encode(out)}
}

// requiredOfFindings are the texts that every finding has.
var requiredOfFindings = []string{"SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description"}

// refusesFinding says why a finding is not taken; "" = it is.
func (a *AWS) refusesFinding(f map[string]any, size int) (code, message string) {
	if !a.findings.enabled {
		return "InvalidAccess", "Account " + a.account + " is not subscribed to AWS Security Hub"
	}
	for _, name := range requiredOfFindings {
		if text, ok := f[name].(string); !ok || text == "" {
			return "InvalidInput", "Finding does not adhere to Amazon Finding Format. data should have required property '" + name + "'"
		}
	}
	resources, _ := f["Resources"].([]any)
	switch {
	case len(resources) == 0:
		return "InvalidInput", "Finding does not adhere to Amazon Finding Format. data should have required property 'Resources'"
	case f["AwsAccountId"] != a.account || f["ProductArn"] != "arn:aws:securityhub:"+a.home+":"+a.account+":product/"+a.account+"/default":
		return "InvalidAccess", "The finding is of another account or product"
	case size > maxFinding:
		return "InvalidInput", "Finding size exceeded 240 KB"
	}
	return "", ""
}

// importFinding makes or updates a finding: what is older is passed over, note
// and workflow are the reader's, and a check that passes is resolved (user
// guide, "BatchImportFindings" and "Compliance", read 2026-11).
func (a *AWS) importFinding(f map[string]any) {
	id, _ := f["Id"].(string)
	status := func(f map[string]any, name string) string {
		part, _ := f[name].(map[string]any)
		text, _ := part["Status"].(string)
		return text
	}
	was, exists := a.findings.byID[id]
	if exists {
		if was["UpdatedAt"].(string) >= f["UpdatedAt"].(string) {
			return
		}
		workflow := status(was, "Workflow")
		if status(was, "Compliance") == "PASSED" && status(f, "Compliance") != "PASSED" && workflow != "SUPPRESSED" {
			workflow = "NEW"
		}
		f["Note"], f["Workflow"] = was["Note"], map[string]any{"Status": workflow}
	}
	if status(f, "Compliance") == "PASSED" && status(f, "Workflow") != "SUPPRESSED" {
		f["Workflow"] = map[string]any{"Status": "RESOLVED"}
	}
	a.findings.byID[id] = f
}
