package doctor

import "fmt"

// State is how a check ended.
type State string

// The states, from the best to the worst.
const (
	OK       State = "ok"
	Warning  State = "warning"   // it works, and something about it is worth a decision
	NotKnown State = "not known" // it could not be asked; Says tells why
	Problem  State = "problem"   // something that sgwarden needs is missing or broken
)

// Finding is one thing that a check found out.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"` // what to do about it; "" = nothing
}

// About is what was examined.
type About string

// The examinations that there are.
const (
	AboutAccount    About = "account"    // before the first deployment
	AboutDeployment About = "deployment" // that is there
	AboutLeftovers  About = "leftovers"  // of one that was destroyed
)

// Report is what one examination found.
type Report struct {
	About    About     `json:"about"`
	Account  string    `json:"accountId"` // "" = not known
	Region   string    `json:"region"`
	Caller   string    `json:"caller"` // ARN of whoever asked; "" = not known
	Stack    string    `json:"stack"`
	Mode     string    `json:"mode,omitempty"` // of the deployment; "" = there is none, or it was not found
	Findings []Finding `json:"findings"`       // in the order of the checks
}

// Count is how many findings are in a state.
func (r Report) Count(s State) int {
	n := 0
	for _, f := range r.Findings {
		if f.State == s {
			n++
		}
	}
	return n
}

// findings collects those of one check.
type findings struct {
	check string
	all   []Finding
}

func (f *findings) add(s State, do, format string, args ...any) {
	f.all = append(f.all, Finding{Check: f.check, State: s, Says: fmt.Sprintf(format, args...), Do: do})
}

func (f *findings) ok(format string, args ...any)          { f.add(OK, "", format, args...) }
func (f *findings) warn(do, format string, args ...any)    { f.add(Warning, do, format, args...) }
func (f *findings) problem(do, format string, args ...any) { f.add(Problem, do, format, args...) }

// unknown says that a call failed, and which right it takes if it was denied.
func (f *findings) unknown(what string, err error) {
	if action := deniedAction(err); action != "" {
		f.add(NotKnown, "let your role call "+action, "%s: you may not call %s", what, action)
		return
	}
	f.add(NotKnown, "", "%s: %v", what, shorten(err))
}
