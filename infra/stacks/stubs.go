package stacks

// Stand-ins until the packages exist.

type right struct {
	sid        string
	actions    []string
	resources  []string
	conditions *map[string]any
}

func rights(m Mode) []right {
	r := []right{{sid: "Look", actions: []string{"ec2:DescribeSecurityGroups"}, resources: []string{"*"}}}
	if m == Enforce {
		r = append(r, right{sid: "TakeBack", actions: []string{"ec2:RevokeSecurityGroupIngress"}, resources: []string{"security-group/*"}})
	}
	return r
}
