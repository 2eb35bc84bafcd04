package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Tag is on all that a site makes; its value is the run.
const Tag = "sgwarden:conformance"

// The blocks of a site's VPCs, and of those of single cases. Nothing is ever
// started in them.
const (
	OwnBlock  = "10.213.0.0/24"
	FarBlock  = "10.214.0.0/24"
	LateBlock = "10.215.0.0/24"
)

// Site is where cases run: one VPC for their groups, and a second one with IPv6
// for what needs another. Not for concurrent use.
type Site struct {
	EC2 *ec2.Client
	// Run names the site: lower-case letters and digits, at least one. Two sites of one
	// account must not have the same.
	Run string
	// Patience is how long a look is repeated until it is as it should be, for
	// endpoints whose reads are eventually consistent; 0 = one look.
	Patience time.Duration
	// Stage is nil where the endpoint's limits, lag and time are not ours to set:
	// there, cases that are Staged cannot be tried.
	Stage *Stage

	own, far  string
	subnetID  string // of the first VPC, made at its first use
	defaultID string // the default VPC, read at its first use
	count     int
}

// Stage is an endpoint in our hands.
type Stage struct {
	Limit func(on bool)              // makes the request limits hold, with full buckets, or not
	Lag   func(by time.Duration)     // makes reads show what was then; 0 = what is
	Slow  func(by time.Duration)     // makes changes of prefix lists take so long
	Pass  func(passed time.Duration) // lets time pass
}

// reset makes the endpoint as it was, with nothing under way.
func (s *Stage) reset() {
	s.Limit(false)
	s.Lag(0)
	s.Slow(0)
	s.Pass(time.Hour)
}

// errNoRun keeps a site without a name from taking untagged things for its own.
var errNoRun = errors.New("the site has no name")

// Open makes the VPCs. Where it fails, Remove takes away what it made.
func (s *Site) Open(ctx context.Context) (accountID string, err error) {
	if s.Run == "" {
		return "", errNoRun
	}
	own, err := s.newVPC(ctx, OwnBlock, false)
	if err != nil {
		return "", err
	}
	s.own = aws.ToString(own.VpcId)
	far, err := s.newVPC(ctx, FarBlock, true)
	if err != nil {
		return "", err
	}
	s.far = aws.ToString(far.VpcId)
	return aws.ToString(own.OwnerId), nil
}

func (s *Site) newVPC(ctx context.Context, block string, withIPv6 bool) (*types.Vpc, error) {
	in := &ec2.CreateVpcInput{CidrBlock: &block, TagSpecifications: s.tagged(types.ResourceTypeVpc)}
	if withIPv6 {
		in.AmazonProvidedIpv6CidrBlock = aws.Bool(true)
	}
	out, err := s.EC2.CreateVpc(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("make vpc %s: %w", block, err)
	}
	return out.Vpc, s.eventually(ctx, func() error { return s.vpcReady(ctx, *out.Vpc.VpcId, withIPv6) })
}

// subnet is where interfaces are made.
func (s *Site) subnet(ctx context.Context) (string, error) {
	if s.subnetID != "" {
		return s.subnetID, nil
	}
	out, err := s.EC2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.own, CidrBlock: aws.String(OwnBlock), TagSpecifications: s.tagged(types.ResourceTypeSubnet)})
	if err != nil {
		return "", fmt.Errorf("make subnet: %w", err)
	}
	s.subnetID = aws.ToString(out.Subnet.SubnetId)
	return s.subnetID, nil
}

func (s *Site) vpcReady(ctx context.Context, id string, withIPv6 bool) error {
	now, err := s.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{id}})
	if err != nil {
		return err
	}
	if len(now.Vpcs) != 1 || now.Vpcs[0].State != types.VpcStateAvailable {
		return fmt.Errorf("vpc %s is not available", id)
	}
	if !withIPv6 {
		return nil
	}
	for _, a := range now.Vpcs[0].Ipv6CidrBlockAssociationSet {
		if a.Ipv6CidrBlockState != nil && a.Ipv6CidrBlockState.State == types.VpcCidrBlockStateCodeAssociated {
			return nil
		}
	}
	return fmt.Errorf("vpc %s has no IPv6 block", id)
}

// Try runs a case on a fresh bench: nil if the claim holds.
func (s *Site) Try(ctx context.Context, c Case) error {
	b := &Bench{
		EC2: s.EC2, ctx: ctx, site: s, vpc: s.own, kept: map[string]string{},
		ids: map[string]string{"@vpc": s.own, "@farvpc": s.far},
	}
	if c.InDefaultVPC {
		var err error
		if b.vpc, err = s.defaultVPC(ctx); err != nil {
			return err
		}
	}
	id, err := b.newGroup(b.vpc)
	if err != nil {
		return err
	}
	b.ids["@self"] = id
	if c.Staged {
		if s.Stage == nil {
			return errNoStage
		}
		defer s.Stage.reset()
	}
	failed := c.Run(b)
	if id, made := b.ids["@latevpc"]; made { // what it became is no other case's to meet
		return errors.Join(failed, s.removeVPC(ctx, id))
	}
	return failed
}

var errNoStage = errors.New("the case needs a stage")

func (s *Site) defaultVPC(ctx context.Context) (string, error) {
	if s.defaultID != "" {
		return s.defaultID, nil
	}
	out, err := s.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{where("is-default", "true")}})
	if err != nil {
		return "", fmt.Errorf("find default vpc: %w", err)
	}
	if len(out.Vpcs) != 1 {
		return "", errors.New("find default vpc: there is none")
	}
	s.defaultID = aws.ToString(out.Vpcs[0].VpcId)
	return s.defaultID, nil
}

// name is the next name of a group or list.
func (s *Site) name() string {
	s.count++
	return fmt.Sprintf("sgwarden-conformance-%s-%d", s.Run, s.count)
}

func (s *Site) tagged(kind types.ResourceType) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: aws.String(Tag), Value: &s.Run}}}}
}
