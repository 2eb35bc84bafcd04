package conformance

import (
	"errors"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const elastic = "internal/inventory: the elastic addresses of the account, which `elastic: own` compares rules with"

// addresses are the elastic addresses of an account. One costs by the hour.
func addresses() []Case {
	return append(
		costly(
			doc("addresses/are-told-once-they-are-allocated", elastic, allocate("@address"), owns("@address", true), release("@address")),
			doc("addresses/are-not-told-once-they-are-released", elastic, allocate("@address"), release("@address"), owns("@address", false)),
			model("addresses/are-found-by-filter", elastic, allocate("@address"), func(b *Bench) error {
				return b.addresses(&ec2.DescribeAddressesInput{Filters: []types.Filter{where("allocation-id", b.ids["@address"])}}, 1)
			}, release("@address")),
			inferred("addresses/are-not-found-by-another-address", elastic, allocate("@address"), func(b *Bench) error {
				return b.addresses(&ec2.DescribeAddressesInput{Filters: []types.Filter{where("public-ip", "198.51.100.1")}}, 0)
			}, release("@address")),
			inferred("addresses/are-single-addresses", elastic, allocate("@address"), func(b *Bench) error {
				_, err := netip.ParseAddr(b.kept["@address"])
				return err
			}, release("@address")),
		),
		inferred("addresses/unknown-allocation", elastic, refusedAs("InvalidAllocationID.NotFound", func(b *Bench) error {
			_, err := b.EC2.DescribeAddresses(b.ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{"eipalloc-0fffffffffffffff0"}})
			return err
		})),
		inferred("addresses/release-of-an-unknown-one", elastic, refusedAs("InvalidAllocationID.NotFound", func(b *Bench) error {
			_, err := b.EC2.ReleaseAddress(b.ctx, &ec2.ReleaseAddressInput{AllocationId: aws.String("eipalloc-0fffffffffffffff0")})
			return err
		})),
	)
}

// allocate takes an elastic address; its text is kept under the same name.
func allocate(name string) step {
	return func(b *Bench) error {
		out, err := b.EC2.AllocateAddress(b.ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc, TagSpecifications: b.site.tagged(types.ResourceTypeElasticIp)})
		if err != nil {
			return err
		}
		b.ids[name], b.kept[name] = aws.ToString(out.AllocationId), aws.ToString(out.PublicIp)
		return nil
	}
}

func release(name string) step {
	return func(b *Bench) error {
		_, err := b.EC2.ReleaseAddress(b.ctx, &ec2.ReleaseAddressInput{AllocationId: aws.String(b.ids[name])})
		return err
	}
}

// addresses holds how many a question finds.
func (b *Bench) addresses(in *ec2.DescribeAddressesInput, want int) error {
	return b.site.eventually(b.ctx, func() error {
		out, err := b.EC2.DescribeAddresses(b.ctx, in)
		if err != nil {
			return err
		}
		return equal("number of addresses", len(out.Addresses), want)
	})
}

// owns holds whether the account has the address, by the read that guard makes.
func owns(name string, want bool) step {
	return func(b *Bench) error {
		return b.site.eventually(b.ctx, func() error {
			out, err := b.EC2.DescribeAddresses(b.ctx, &ec2.DescribeAddressesInput{})
			if err != nil {
				return err
			}
			for _, a := range out.Addresses {
				if aws.ToString(a.AllocationId) == b.ids[name] {
					if a.PublicIp == nil || *a.PublicIp != b.kept[name] {
						return errors.New("it is told with another address")
					}
					return equal("the address is told", true, want)
				}
			}
			return equal("the address is told", false, want)
		})
	}
}
