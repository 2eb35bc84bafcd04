package conformance

import "slices"

// Source is where a claim about EC2 comes from.
type Source string

// The sources, the most trusted first. None of them is EC2 itself: that is
// what `make conformance-aws` is for.
const (
	Doc      Source = "doc"      // a guide or the API reference says so in words
	Model    Source = "model"    // the description of a member or operation in the API model says so
	Moto     Source = "moto"     // the emulator does so, and nothing else was found
	Inferred Source = "inferred" // it follows from something else, or is known from use
)

// Case is one claim about EC2.
type Case struct {
	// Name is TOPIC/CLAIM, unique.
	Name   string
	Source Source
	// Rests is "PACKAGE: what of it would be wrong if the claim were".
	Rests string
	// InDefaultVPC is true for claims about default VPCs: an account that is
	// not an emulator is not asked, since nothing is made in a VPC of others.
	InDefaultVPC bool
	// Staged is true for claims that need a Stage: they run on the embedded EC2
	// alone. Nobody's account is throttled to see whether it can be.
	Staged bool
	// Costs is true for claims that launch something: an account that is not an
	// emulator is not asked.
	Costs bool

	run []step
}

// OnAWS is true for what an account that is not an emulator is asked.
func (c Case) OnAWS() bool { return !c.InDefaultVPC && !c.Staged && !c.Costs }

// Run tries the claim on a fresh bench: nil if it holds.
func (c Case) Run(b *Bench) error {
	for _, s := range c.run {
		if err := s(b); err != nil {
			return err
		}
	}
	return nil
}

// step is one call or one look. A call gives EC2's error as it came.
type step func(*Bench) error

func doc(name, rests string, run ...step) Case {
	return Case{Name: name, Source: Doc, Rests: rests, run: run}
}
func model(name, rests string, run ...step) Case {
	return Case{Name: name, Source: Model, Rests: rests, run: run}
}
func moto(name, rests string, run ...step) Case {
	return Case{Name: name, Source: Moto, Rests: rests, run: run}
}
func inferred(name, rests string, run ...step) Case {
	return Case{Name: name, Source: Inferred, Rests: rests, run: run}
}

// inDefaultVPC marks claims about default VPCs.
func inDefaultVPC(cases ...Case) []Case {
	for i := range cases {
		cases[i].InDefaultVPC = true
	}
	return cases
}

// staged marks claims that need a Stage.
func staged(cases ...Case) []Case {
	for i := range cases {
		cases[i].Staged = true
	}
	return cases
}

// costly marks claims that launch something.
func costly(cases ...Case) []Case {
	for i := range cases {
		cases[i].Costs = true
	}
	return cases
}

// Cases are all claims, by topic.
func Cases() []Case {
	return slices.Concat(
		protocols(), cidrs(), authorize(), revoke(), modify(), describe(), pages(), names(), quotas(), lists(),
		references(), egress(), defaultGroup(), descriptions(), tags(), dryRun(), associations(), answers(), byName(),
		vpcs(), defaultVPCs(), limits(), consistency(), largeLists(), listEdits(), slowLists(), interfaces(), instances(),
		addresses(), peerings(), awsLists(),
	)
}
