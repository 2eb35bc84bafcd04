package cloudtrail

// Identity is who made a call: userIdentity of the record. Empty fields are
// left out.
type Identity struct {
	Type        string // IAMUser, AssumedRole, Root, AWSService
	PrincipalID string
	ARN         string
	AccountID   string
	AccessKeyID string
	UserName    string
	Issuer      *Issuer // of an assumed role's session
	InvokedBy   string
}

// Issuer is the role behind a session.
type Issuer struct{ PrincipalID, ARN, AccountID, UserName string }

// User is an IAM user of an account. Without an access key the call was not
// signed, which EC2 itself would refuse: the user is still named, so that the
// record has an actor.
func User(accountID, name, accessKeyID string) Identity {
	return Identity{
		Type: "IAMUser", PrincipalID: "AIDA0LOCALEC2DEMOUSER", ARN: "arn:aws:iam::" + accountID + ":user/" + name,
		AccountID: accountID, AccessKeyID: accessKeyID, UserName: name,
	}
}

// Session is a session of a role of an account; path is like "/" or "/ops/".
func Session(accountID, path, role, session, accessKeyID string) Identity {
	const principal = "AROA0LOCALEC2DEMOROLE"
	return Identity{
		Type: "AssumedRole", PrincipalID: principal + ":" + session,
		ARN:       "arn:aws:sts::" + accountID + ":assumed-role/" + role + "/" + session,
		AccountID: accountID, AccessKeyID: accessKeyID,
		Issuer: &Issuer{PrincipalID: principal, ARN: "arn:aws:iam::" + accountID + ":role" + path + role, AccountID: accountID, UserName: role},
	}
}

func (i Identity) object() object {
	o := object{}.text("type", i.Type).text("principalId", i.PrincipalID).text("arn", i.ARN).
		text("accountId", i.AccountID).text("accessKeyId", i.AccessKeyID).text("userName", i.UserName)
	if i.Issuer != nil {
		issuer := object{}.text("type", "Role").text("principalId", i.Issuer.PrincipalID).text("arn", i.Issuer.ARN).
			text("accountId", i.Issuer.AccountID).text("userName", i.Issuer.UserName)
		attributes := object{}.with("creationDate", "2026-01-01T00:00:00Z").with("mfaAuthenticated", "false")
		o = o.with("sessionContext", object{}.with("sessionIssuer", issuer).with("webIdFederationData", object{}).with("attributes", attributes))
	}
	return o.text("invokedBy", i.InvokedBy)
}
