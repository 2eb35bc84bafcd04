//go:build !race

package stacks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sgwarden/sgwarden/internal/canary"
	"github.com/sgwarden/sgwarden/internal/guard"
)

func TestTheCanaryOpensItsOwnGroupAlone(t *testing.T) {
	id, _ := plain.one(t, "AWS::EC2::SecurityGroup", "CanaryGroup")
	vpc, _ := plain.only(t, "AWS::EC2::VPC")
	for _, tpl := range []template{plain, full} {
		all := tpl.roleStatements(t, "Canary")
		require.Equal(t, []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"}, actions(t, all, "ec2"))
		require.Equal(t, []string{"dynamodb:BatchGetItem"}, actions(t, all, "dynamodb"))
		require.Empty(t, actions(t, all, "sqs"))
		require.Empty(t, actions(t, all, "sns"))
		for _, s := range all {
			switch s.Sid {
			case "Open", "Close":
				require.Len(t, s.Resource, map[string]int{"Open": 2, "Close": 1}[s.Sid])
				require.Contains(t, jsonText(t, s.Resource), id, "the group's own ARN")
				require.NotContains(t, jsonText(t, s.Resource), ":security-group/*")
			case "EmptyDefault":
				require.Len(t, s.Resource, 1)
				require.Contains(t, jsonText(t, s.Resource), `{"Fn::GetAtt":["`+vpc+`","DefaultSecurityGroup"]}`, "what EC2 made with the VPC, open to itself and to everywhere")
				require.NotContains(t, jsonText(t, s.Resource), ":security-group/*")
			case "ReadLedger":
				require.Contains(t, jsonText(t, s.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]), id)
			}
		}
	}
}

// TestNothingCanBeInTheCanarysGroup: it has a VPC without subnets, and lets
// nothing out.
func TestNothingCanBeInTheCanarysGroup(t *testing.T) {
	vpc, _ := plain.only(t, "AWS::EC2::VPC")
	_, group := plain.only(t, "AWS::EC2::SecurityGroup")
	require.Equal(t, map[string]any{"Fn::GetAtt": []any{vpc, "VpcId"}}, group.Properties["VpcId"])
	require.NotContains(t, group.Properties, "SecurityGroupIngress")
	require.Equal(t, []any{map[string]any{"CidrIp": "127.0.0.1/32", "Description": "nowhere", "IpProtocol": "-1"}}, group.Properties["SecurityGroupEgress"])
	for id, r := range plain.Resources {
		if strings.HasPrefix(r.Type, "AWS::EC2::") {
			require.Contains(t, []string{"AWS::EC2::VPC", "AWS::EC2::SecurityGroup"}, r.Type, id)
		}
	}
}

func TestTheCanaryExpectsWhatGuardMayDo(t *testing.T) {
	for _, c := range []struct {
		template template
		want     canary.Expect
	}{{plain, canary.Observed}, {full, canary.Reverted}} {
		_, f := c.template.one(t, "AWS::Lambda::Function", "Canary")
		env := as[struct{ Variables map[string]any }](t, f.Properties["Environment"]).Variables
		require.Equal(t, string(c.want), env["SGWARDEN_CANARY_EXPECT"])
		require.Len(t, env, len(canary.Names()))
		for _, name := range canary.Names() {
			require.Contains(t, env, name)
		}
		for _, judging := range []string{"Guard", "Sweep"} {
			_, f := c.template.one(t, "AWS::Lambda::Function", judging)
			require.Equal(t, env["SGWARDEN_CANARY_GROUP"], as[struct{ Variables map[string]any }](t, f.Properties["Environment"]).Variables["SGWARDEN_CANARY_GROUP"])
		}
		require.Greater(t, f.Properties["Timeout"], canary.Bound.Seconds()+30, "there is time to close what guard did not")
	}
}

func TestWithoutTheCanaryNothingIsLeftOfIt(t *testing.T) {
	bare := synthesize(map[string]any{"dist": dist, "canary": "no"}, "")
	for id := range bare.Resources {
		require.NotContains(t, id, "Canary")
	}
	_, f := bare.one(t, "AWS::Lambda::Function", "Guard")
	require.NotContains(t, as[struct{ Variables map[string]any }](t, f.Properties["Environment"]).Variables, "SGWARDEN_CANARY_GROUP")
	require.Contains(t, guard.Names(), "SGWARDEN_CANARY_GROUP")
}
