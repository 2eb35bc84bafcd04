// Package trigger turns on and off what feeds a function from a queue: the
// function's event source mappings.
package trigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Client is what of *lambda.Client is used.
type Client interface {
	ListEventSourceMappings(context.Context, *lambda.ListEventSourceMappingsInput, ...func(*lambda.Options)) (*lambda.ListEventSourceMappingsOutput, error)
	GetEventSourceMapping(context.Context, *lambda.GetEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error)
	UpdateEventSourceMapping(context.Context, *lambda.UpdateEventSourceMappingInput, ...func(*lambda.Options)) (*lambda.UpdateEventSourceMappingOutput, error)
}

// ErrNone says that a function has no mapping: nothing feeds it.
var ErrNone = errors.New("it has no event source mapping: nothing feeds it")

// Interval is the time between two looks at a mapping that changes.
const Interval = 2 * time.Second

// States that a mapping rests in (API reference, EventSourceMappingConfiguration).
// It passes through Creating, Enabling, Disabling and Updating, and is gone
// after Deleting.
const (
	Enabled  = "Enabled"
	Disabled = "Disabled"
	deleting = "Deleting"
)

// Mapping is one of a function's, as it was seen last.
type Mapping struct {
	UUID, State string
	// Asked = a change of it was asked for; false where it was as wanted.
	Asked bool
}

// Switch turns the mappings of one function.
type Switch struct {
	Client   Client
	Function string // name or ARN
	// Sleep waits, or returns the error of an ended context.
	Sleep func(context.Context, time.Duration) error
}

// Mappings are all of the function's. Errors: ErrNone; those of
// lambda:ListEventSourceMappings.
func (s Switch) Mappings(ctx context.Context) ([]Mapping, error) {
	var all []Mapping
	for pages := lambda.NewListEventSourceMappingsPaginator(s.Client, &lambda.ListEventSourceMappingsInput{FunctionName: &s.Function}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the triggers of %s: %w", s.Function, err)
		}
		for _, m := range page.EventSourceMappings {
			all = append(all, Mapping{UUID: aws.ToString(m.UUID), State: aws.ToString(m.State)})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("find the triggers of %s: %w", s.Function, ErrNone)
	}
	return all, nil
}

// Turn brings every mapping to a state, Enabled or Disabled: it asks for all of
// them, and then looks until they are there, up to looks times, an Interval
// before each. A mapping whose State is another one afterwards was still changing
// at the last look. The error joins those of single mappings; the others are
// turned all the same.
func (s Switch) Turn(ctx context.Context, state string, looks int) ([]Mapping, error) {
	all, err := s.Mappings(ctx)
	if err != nil {
		return nil, err
	}
	var faults []error
	failed := make([]bool, len(all))
	none := 0
	for _, left := range []*int{&none, &looks} {
		for i := range all {
			if failed[i] {
				continue
			}
			if err := s.turn(ctx, &all[i], state, left); err != nil {
				failed[i] = true
				faults = append(faults, fmt.Errorf("turn the trigger %s of %s: %w", all[i].UUID, s.Function, err))
			}
		}
	}
	return all, errors.Join(faults...)
}

// turn asks for the state once the mapping rests in the other one: while it
// changes it takes no other change.
func (s Switch) turn(ctx context.Context, m *Mapping, state string, looks *int) error {
	for {
		if !m.Asked && m.State != state && (m.State == Enabled || m.State == Disabled) {
			if err := s.ask(ctx, m, state); err != nil {
				return err
			}
		}
		switch {
		case m.State == state:
			return nil
		case m.State == deleting:
			return errors.New("it is being deleted")
		case *looks <= 0:
			return nil
		}
		*looks--
		if err := s.Sleep(ctx, Interval); err != nil {
			return err
		}
		out, err := s.Client.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: &m.UUID})
		if err != nil {
			return err
		}
		m.State = aws.ToString(out.State)
	}
}

func (s Switch) ask(ctx context.Context, m *Mapping, state string) error {
	out, err := s.Client.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: &m.UUID, Enabled: aws.Bool(state == Enabled)})
	var busy *types.ResourceInUseException
	switch {
	case errors.As(err, &busy): // a change began after the last look
		m.State = "changing"
		return nil
	case err != nil:
		return err
	}
	m.State, m.Asked = aws.ToString(out.State), true
	return nil
}
