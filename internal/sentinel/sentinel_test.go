package sentinel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/events"
)

const ec2Source = "ec2.amazonaws.com"

// watchedCalls gives the names of the calls of EC2 that package events has.
func watchedCalls() []string {
	var names []string
	for _, c := range events.Calls() {
		if c.EventSource == ec2Source {
			names = append(names, c.EventName)
		}
	}
	return names
}

// complaints says where the judgements, the SDK and the watched calls differ.
// Each names what has to be judged; none means that all three agree.
func complaints(s *sdk, rows []operation, watched []string) []string {
	judged := map[string]operation{}
	var found []string
	complain := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, r := range rows {
		if _, twice := judged[r.name]; twice {
			complain("%s is judged twice", r.name)
		}
		judged[r.name] = r
		if !slices.Contains(s.operations, r.name) {
			complain("%s is judged, but the SDK has no such operation", r.name)
		}
		if inTable := slices.Contains(watched, r.name); r.class == "watched" && !inTable {
			complain("%s is judged watched, but is not in the table of package events", r.name)
		} else if r.class != "watched" && inTable {
			complain("%s is in the table of package events, but is judged %s", r.name, r.class)
		}
	}
	for _, name := range watched {
		if _, ok := judged[name]; !ok {
			complain("%s is in the table of package events, but not judged", name)
		}
	}
	for _, name := range s.operations {
		is := s.membersTouching(name)
		switch r, ok := judged[name]; {
		case !ok && is != unseen:
			complain("%s touches groups (%s) and is not judged: can it widen?", name, is)
		case !ok && s.speak[name]:
			complain("%s speaks of groups and is not judged: can it widen?", name)
		case ok && is != r.members:
			complain("%s touches groups by %q, it was judged with %q: can it widen now?", name, is, r.members)
		}
	}
	return found
}

// membersTouching gives what column members of ec2.tsv says of an operation.
func (s *sdk) membersTouching(operation string) string {
	if in := s.touching(operation + "Input"); len(in) > 0 {
		return strings.Join(in, " ")
	}
	if len(s.touching(operation+"Output")) > 0 {
		return outputOnly
	}
	return unseen
}

func TestEveryOperationThatTouchesGroupsIsJudged(t *testing.T) {
	s := readSDK(t)
	require.Greater(t, len(s.operations), 700, "the scan of the SDK looks in the wrong place")
	require.Empty(t, s.opaque(), "members that the scan cannot look into")
	for _, c := range complaints(s, readOperations(t), watchedCalls()) {
		t.Error(c)
	}
}

// TestTheSentinelWakes holds that each kind of difference is told: a test that
// never fails is no sentinel.
func TestTheSentinelWakes(t *testing.T) {
	base := readSDK(t)
	for name, tc := range map[string]struct {
		sdk     func(*sdk)
		rows    func([]operation) []operation
		watched func([]string) []string
		want    string
	}{
		"a new operation with groups in its input": {
			sdk:  func(s *sdk) { s.add("WidenSecurityGroup", member{"Permissions", "IpPermission"}) },
			want: "WidenSecurityGroup touches groups (Permissions) and is not judged",
		},
		"a new operation with groups deep in its input": {
			sdk: func(s *sdk) {
				s.structures["Inner"] = []member{{"Groups", "string"}}
				s.structures["Outer"] = []member{{"Self", "Outer"}, {"Inner", "Inner"}}
				s.add("LaunchEverything", member{"Outer", "Outer"})
			},
			want: "LaunchEverything touches groups (Outer.Inner.Groups) and is not judged",
		},
		"a new operation with groups in its output only": {
			sdk: func(s *sdk) {
				s.add("CreateEverything", member{"Name", "string"})
				s.structures["CreateEverythingOutput"] = []member{{"Created", "SecurityGroup"}}
			},
			want: "CreateEverything touches groups (-) and is not judged",
		},
		"a new operation that tags by id": {
			sdk:  func(s *sdk) { s.add("TagThings", member{"ResourceArns", "string"}, member{"Tags", "Tag"}) },
			want: "TagThings touches groups (ResourceArns) and is not judged",
		},
		"a new operation that shows nothing but speaks of groups": {
			sdk: func(s *sdk) {
				s.add("OpenUp")
				s.speak["OpenUp"] = speaksOfGroups("// Adds rules to all security\n// groups of a VPC.\n")
			},
			want: "OpenUp speaks of groups and is not judged",
		},
		"a new member of a judged operation": {
			sdk: func(s *sdk) {
				s.structures["ModifyVerifiedAccessEndpointInput"] = append(s.structures["ModifyVerifiedAccessEndpointInput"], member{"SecurityGroupIds", "string"})
			},
			want: `ModifyVerifiedAccessEndpoint touches groups by "SecurityGroupIds", it was judged with "-"`,
		},
		"a member that is gone": {
			sdk:  func(s *sdk) { s.structures["RunInstancesInput"] = nil },
			want: "RunInstances touches groups by",
		},
		"an operation that is gone": {
			sdk: func(s *sdk) {
				s.operations = slices.DeleteFunc(s.operations, func(n string) bool { return n == "CreateRoute" })
			},
			want: "CreateRoute is judged, but the SDK has no such operation",
		},
		"a watched call that is not judged": {
			rows: func(rows []operation) []operation {
				return slices.DeleteFunc(rows, func(r operation) bool { return r.name == "AssociateVpcCidrBlock" })
			},
			want: "AssociateVpcCidrBlock is in the table of package events, but not judged",
		},
		"a call that is watched no more": {
			watched: func(names []string) []string { return names[1:] },
			want:    "is judged watched, but is not in the table of package events",
		},
		"a call that is watched and judged otherwise": {
			watched: func(names []string) []string { return append(names, "RequestSpotInstances") },
			want:    "RequestSpotInstances is in the table of package events, but is judged attach",
		},
		"an operation judged twice": {
			rows: func(rows []operation) []operation { return append(rows, rows[0]) },
			want: "is judged twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sdk{operations: slices.Clone(base.operations), structures: maps.Clone(base.structures), speak: maps.Clone(base.speak)}
			rows, watched := readOperations(t), watchedCalls()
			if tc.sdk != nil {
				tc.sdk(s)
			}
			if tc.rows != nil {
				rows = tc.rows(rows)
			}
			if tc.watched != nil {
				watched = tc.watched(watched)
			}
			require.Contains(t, strings.Join(complaints(s, rows, watched), "\n"), tc.want)
		})
	}
}

// add gives the SDK one more operation with these members in its input.
func (s *sdk) add(name string, input ...member) {
	s.operations = append(s.operations, name)
	s.structures[name+"Input"] = input
}

func TestNamesakesHaveGroupsOfAnotherKind(t *testing.T) {
	s := readSDK(t)
	for structure, what := range namesakes {
		assert.NotEmpty(t, what, structure)
		found := slices.ContainsFunc(s.structures[structure], func(m member) bool { return slices.Contains(groupNames, m.name) })
		assert.True(t, found, "%s of the SDK has no groups to be told apart", structure)
	}
}

func TestTheTablesAreInOrder(t *testing.T) {
	rows := readOperations(t)
	place := func(r operation) string {
		i := slices.IndexFunc(ec2Classes, func(c class) bool { return c.name == r.class })
		assert.GreaterOrEqual(t, i, 0, "%s: class %q", r.name, r.class)
		return fmt.Sprintf("%d %s", i, r.name)
	}
	for i := 1; i < len(rows); i++ {
		assert.Less(t, place(rows[i-1]), place(rows[i]), "ec2.tsv is sorted by class and name")
	}
	calls := readCalls(t)
	for i, c := range calls {
		assert.True(t, has(serviceClasses, c.class), "%s %s: class %q", c.source, c.name, c.class)
		assert.True(t, has(evidences, c.evidence), "%s %s: evidence %q", c.source, c.name, c.evidence)
		assert.Regexp(t, `^[a-z0-9-]+\.amazonaws\.com$`, c.source)
		assert.NotEqual(t, ec2Source, c.source, "%s belongs in ec2.tsv", c.name)
		if i > 0 {
			assert.Less(t, calls[i-1].source+" "+calls[i-1].name, c.source+" "+c.name, "services.tsv is sorted, each call once")
		}
	}
}

// TestOtherServicesAreNotWatchedYet: the list says so of every call in it.
func TestOtherServicesAreNotWatchedYet(t *testing.T) {
	for _, c := range events.Calls() {
		assert.Equal(t, ec2Source, c.EventSource, "%s is watched: services.tsv and the page need a class for it", c.EventName)
	}
}
