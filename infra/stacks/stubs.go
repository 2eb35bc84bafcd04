package stacks

// Stand-ins until the packages exist.

type pattern struct {
	id, title, source, detailType string
	detail                        map[string]any
}

func watched() []pattern {
	return []pattern{{
		id: "Ec2", title: "EC2", source: "aws.ec2", detailType: "AWS API Call via CloudTrail",
		detail: map[string]any{"eventSource": []any{"ec2.amazonaws.com"}, "eventName": []any{"AuthorizeSecurityGroupIngress"}},
	}}
}

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
