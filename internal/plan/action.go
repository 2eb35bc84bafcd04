package plan

import "github.com/sgwarden/sgwarden/internal/secgroup"

// Action is one call to EC2: a closed sum of Revoke, Modify, Authorize,
// Tag and EditList.
type Action interface {
	// Call is the name of the EC2 operation.
	Call() string
	// RuleIDs are the rules that the action changes or removes; none for Authorize.
	RuleIDs() []string
	action()
}

// Revoke removes rules of one direction by id, all in one call.
type Revoke struct {
	GroupID   string
	Direction secgroup.Direction
	Rules     []secgroup.Rule // with the values they were judged on
}

// Modify changes a rule in place; id, description and tags stay.
type Modify struct {
	GroupID  string
	From, To secgroup.Rule // To.ID equals From.ID
}

// Authorize adds rules of one direction, all in one call. A rule that exists
// already is no fault.
type Authorize struct {
	GroupID   string
	Direction secgroup.Direction
	Rules     []secgroup.Rule // without ids; with the descriptions and tags to give
}

// Tag puts tags on rules of a group, and, OfGroup, on the group itself. Entries
// of Rules that are the group itself (secgroup.IsGroupEntry) say what its tag is
// for.
type Tag struct {
	GroupID string
	OfGroup bool
	Rules   []secgroup.Rule
	Tags    map[string]string
}

func (Revoke) action()    {}
func (Modify) action()    {}
func (Authorize) action() {}
func (Tag) action()       {}

// Plan is what shall be done to one group. No actions = nothing is to change.
type Plan struct {
	GroupID string
	Actions []Action // in order
	Rules   []RulePlan
}

// RulePlan says what the plan means for one due rule.
type RulePlan struct {
	Before secgroup.Rule
	// After is what shall be left of it: empty = removed. The first may carry
	// Before.ID (modified in place).
	After    []secgroup.Rule
	Goal     Goal
	Tag      string // Tagged: the ids of policies that its tag shall name, with spaces between them
	Fallback string // why it is removed although it was to be narrowed or restored; "" = it was not
	Restored bool   // After is the rule's old value
}

// Goal is what a rule plan aims at. The zero value is invalid.
type Goal uint8

const (
	Removed Goal = 1 + iota
	Restored
	Narrowed
	Tagged
)

// Limits bound what a plan may do.
type Limits struct {
	MayModify     bool // the role has ModifySecurityGroupRules
	MayAuthorize  bool // the role has AuthorizeSecurityGroup*
	MayEditLists  bool // the role has ModifyManagedPrefixList
	RulesPerGroup int  // per direction and family; 0 = not known (60 is EC2's default)
}
