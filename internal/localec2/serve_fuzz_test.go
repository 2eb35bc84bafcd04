package localec2_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/localec2"
)

// FuzzServe holds that whatever is sent gets an answer, which is well-formed
// and no failure of the server, and that the account works afterwards. Lines
// of the text are calls, one after the other.
func FuzzServe(f *testing.F) {
	const version = "&Version=2016-11-15"
	f.Add("Action=CreateSecurityGroup&GroupName=web&GroupDescription=x"+version+"\n"+
		"Action=AuthorizeSecurityGroupIngress&GroupName=web&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"+version+"\n"+
		"Action=DescribeSecurityGroups&GroupName.1=web"+version, "")
	f.Add("Action=AuthorizeSecurityGroupIngress&GroupName=default&IpProtocol=-1&FromPort=-1&ToPort=-1&CidrIp=::/0"+version, signed("AKID", "eu-west-1", "ec2"))
	f.Add("Action=ModifySecurityGroupRules&GroupId=sg-1&SecurityGroupRule.1.SecurityGroupRuleId=sgr-1&SecurityGroupRule.1.SecurityGroupRule.IpProtocol=icmp"+version, "AWS4-HMAC-SHA256 Credential=x")
	f.Add("Action=CreateManagedPrefixList&PrefixListName=l&MaxEntries=5&AddressFamily=IPv4&Entry.1.Cidr=10.0.0.0/8"+version+"\nAction=DescribeManagedPrefixLists&MaxResults=5&NextToken=x"+version, "")
	f.Add("Action=CreateTags&ResourceId.1=sg-1&Tag.1.Key=k&Tag.1.Value=v"+version+"\nAction=DescribeSecurityGroupRules&Filter.1.Name=group-id&Filter.1.Value.1=*"+version, "")
	f.Add("Action=AssociateVpcCidrBlock&VpcId=vpc-1&CidrBlock=10.1.0.0/16"+version+"\nAction=GetCallerIdentity&Version=2011-06-15\nAction=CreateVpc&CidrBlock=10.0.0.0/16"+version, "")
	f.Fuzz(func(t *testing.T, calls, authorization string) {
		at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		cloud := localec2.New(localec2.Options{IDs: localec2.CountedIDs("f"), Clock: func() time.Time { return at }})
		send := func(body, authorization string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", authorization)
			w := httptest.NewRecorder()
			cloud.Handler().ServeHTTP(w, r)
			require.NotEmpty(t, w.Header().Get("X-Amzn-Requestid"))
			return w
		}
		for _, call := range strings.SplitN(calls, "\n", 6) {
			w := send(call, authorization)
			require.Less(t, w.Code, 500, "%s\n%s", call, w.Body)
			requireXML(t, w.Body.String())
		}
		w := send("Action=DescribeSecurityGroups"+version, "")
		require.Equal(t, http.StatusOK, w.Code)
		require.Contains(t, w.Body.String(), "<groupName>default</groupName>")
	})
}

func requireXML(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, text)
	}
}
