package alert

// Limits of the AWS Security Finding Format, in characters or members (API
// reference of Security Hub CSPM, AwsSecurityFinding and the types below it;
// user guide, "Required attributes", "Compliance"; read 2026-11). They are
// held in bytes, which are never fewer.
const (
	findingTitle       = 256
	findingDescription = 1024
	findingNote        = 512
	findingFix         = 512
	findingValue       = 1024 // of a field of the product: 2,048 are allowed
	findingFields      = 50
	findingControls    = 32
	findingControl     = 64
	findingTags        = 50
	// findingPermissions bounds the rules of the group that are listed: with
	// them a finding stays far below the 240 KB that it may have.
	findingPermissions = 100
)

// Finding is an incident in the AWS Security Finding Format, as
// BatchImportFindings takes it. Its id is that of the incident: what is told
// later replaces what was told before.
type Finding struct {
	SchemaVersion         string
	ID                    string `json:"Id"`
	ProductARN            string `json:"ProductArn"`
	ProductName           string
	CompanyName           string
	Region                string
	GeneratorID           string `json:"GeneratorId"`
	AWSAccountID          string `json:"AwsAccountId"`
	Types                 []string
	FirstObservedAt       string
	LastObservedAt        string
	CreatedAt             string
	UpdatedAt             string
	Severity              FindingSeverity
	FindingProviderFields FindingProvider
	Title                 string
	Description           string
	Remediation           *FindingRemediation `json:",omitempty"`
	ProductFields         map[string]string
	Resources             []FindingResource
	Compliance            FindingCompliance
	Workflow              FindingWorkflow
	RecordState           string // ACTIVE or ARCHIVED
	Note                  FindingNote
	Action                *FindingAction `json:",omitempty"`
}

// FindingSeverity is how bad it is. Normalized is from 0 to 100.
type FindingSeverity struct {
	Label      string
	Normalized *int `json:",omitempty"` // not in FindingProviderFields
	Original   string
}

// FindingProvider is what a provider says for itself, and may change later.
type FindingProvider struct {
	Severity FindingSeverity
	Types    []string
}

// FindingRemediation is what to do about it.
type FindingRemediation struct{ Recommendation struct{ Text string } }

// FindingResource is what it is about.
type FindingResource struct {
	Type      string
	ID        string `json:"Id"`
	Partition string
	Region    string
	Tags      map[string]string `json:",omitempty"`
	Details   *FindingDetails   `json:",omitempty"`
}

// FindingDetails of a security group.
type FindingDetails struct {
	Group FindingGroup `json:"AwsEc2SecurityGroup"`
}

// FindingGroup is a security group: of its rules, those of the incident that
// it has now, as far as they were read.
type FindingGroup struct {
	GroupName           string              `json:",omitempty"`
	GroupID             string              `json:"GroupId"`
	OwnerID             string              `json:"OwnerId"`
	VPCID               string              `json:"VpcId,omitempty"`
	IPPermissions       []FindingPermission `json:"IpPermissions,omitempty"`
	IPPermissionsEgress []FindingPermission `json:"IpPermissionsEgress,omitempty"`
}

// FindingPermission is a rule, as EC2's IpPermission.
type FindingPermission struct {
	IPProtocol       string        `json:"IpProtocol"`
	FromPort         *int32        `json:",omitempty"`
	ToPort           *int32        `json:",omitempty"`
	IPRanges         []FindingPeer `json:"IpRanges,omitempty"`
	IPv6Ranges       []FindingPeer `json:"Ipv6Ranges,omitempty"`
	PrefixListIDs    []FindingPeer `json:"PrefixListIds,omitempty"`
	UserIDGroupPairs []FindingPeer `json:"UserIdGroupPairs,omitempty"`
}

// FindingPeer is one peer of a rule: what its list holds.
type FindingPeer struct {
	CIDRIPv4     string `json:"CidrIp,omitempty"`
	CIDRIPv6     string `json:"CidrIpv6,omitempty"`
	PrefixListID string `json:"PrefixListId,omitempty"`
	GroupID      string `json:"GroupId,omitempty"`
	UserID       string `json:"UserId,omitempty"`
	PeeringID    string `json:"VpcPeeringConnectionId,omitempty"`
}

// FindingCompliance is the result of the check. PASSED has Security Hub set
// the workflow status to RESOLVED by itself.
type FindingCompliance struct {
	Status              string
	RelatedRequirements []string `json:",omitempty"`
}

// FindingWorkflow is taken when the finding is made, and ignored later: from
// then on the workflow is its readers'.
type FindingWorkflow struct{ Status string }

// FindingNote likewise.
type FindingNote struct{ Text, UpdatedBy, UpdatedAt string }

// FindingAction is the call that a record tells of.
type FindingAction struct {
	ActionType string
	Call       FindingCall `json:"AwsApiCallAction"`
}

// FindingCall is that call.
type FindingCall struct {
	API         string `json:"Api"`
	ServiceName string
	CallerType  string         `json:",omitempty"`
	Remote      *FindingRemote `json:"RemoteIpDetails,omitempty"`
	FirstSeen   string
	LastSeen    string
}

// FindingRemote is where it came from.
type FindingRemote struct {
	IPv4 string `json:"IpAddressV4"`
}
