package apply

// Needs say what a deployment may do to EC2. The zero value is observe mode:
// nothing.
type Needs struct {
	Revert bool // remedy revert, and every fallback to it
	// Modify is remedy narrow, and putting an old value back in place.
	Modify bool
	// Authorize is narrow in more than one part: the one right that can open
	// something, so it stays out unless a policy asks for it.
	Authorize bool
	Tag       bool // remedy tag
	// Lists is taking entries out of prefix lists of the account again.
	Lists bool
}

// Permission is one statement that the role needs.
type Permission struct {
	Action string // ec2:...
	// Resources are what stands after arn:PARTITION:ec2:REGION:ACCOUNT: in the
	// resources of the statement.
	Resources []string
	// TagKeys are patterns that every tag key of the call must match
	// (condition ForAllValues:StringLike aws:TagKeys); empty = no condition.
	TagKeys []string
	// CreateAction limits the action to tags given by these calls (condition
	// StringEquals ec2:CreateAction); empty = no condition.
	CreateAction []string
}

const (
	anyGroup = "security-group/*"
	anyRule  = "security-group-rule/*"
	// anyList: a rule may refer to a list, and Authorize and Modify are
	// authorized on it as well.
	anyList = "prefix-list/*"
)

// Permissions are the IAM statements for what is needed, in a fixed order;
// none for observe mode. (Resource types: Service Authorization Reference for
// Amazon EC2; IAM user guide, example policies for security groups.)
func Permissions(n Needs) []Permission {
	var list []Permission
	if n.Revert {
		list = append(list,
			Permission{Action: "ec2:RevokeSecurityGroupIngress", Resources: []string{anyGroup}},
			Permission{Action: "ec2:RevokeSecurityGroupEgress", Resources: []string{anyGroup}})
	}
	if n.Modify {
		list = append(list, Permission{Action: "ec2:ModifySecurityGroupRules", Resources: []string{anyGroup, anyRule, anyList}})
	}
	if n.Authorize {
		calls := []string{"AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"}
		for _, call := range calls {
			list = append(list, Permission{Action: "ec2:" + call, Resources: []string{anyGroup, anyRule, anyList}})
		}
		// The parts of a rule keep its tags.
		list = append(list, Permission{Action: "ec2:CreateTags", Resources: []string{anyRule}, CreateAction: calls})
	}
	if n.Lists {
		list = append(list, Permission{Action: "ec2:ModifyManagedPrefixList", Resources: []string{anyList}})
	}
	if n.Tag {
		list = append(list, Permission{Action: "ec2:CreateTags", Resources: []string{anyGroup, anyRule}, TagKeys: []string{"sgwarden:*"}})
	}
	return list
}
