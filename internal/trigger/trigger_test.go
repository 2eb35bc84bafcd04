package trigger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"
)

// service has mappings that change by one step with every look.
type service struct {
	states  map[string][]string // what is next, by UUID; the last one stays
	refuses map[string][]error  // of updates, likewise; none = it is done
	pages   [][]string          // UUIDs
	asked   []string            // "UUID on", "UUID off"
	sleeps  int
	denied  error // of the list
}

func (s *service) next(uuid string) *string {
	state := s.states[uuid][0]
	if len(s.states[uuid]) > 1 {
		s.states[uuid] = s.states[uuid][1:]
	}
	return &state
}

func (s *service) ListEventSourceMappings(_ context.Context, in *lambda.ListEventSourceMappingsInput, _ ...func(*lambda.Options)) (*lambda.ListEventSourceMappingsOutput, error) {
	if s.denied != nil {
		return nil, s.denied
	}
	if *in.FunctionName != "guard" {
		return &lambda.ListEventSourceMappingsOutput{}, nil
	}
	page, out := 0, &lambda.ListEventSourceMappingsOutput{}
	if in.Marker != nil {
		page = 1
	}
	for _, uuid := range s.pages[page] {
		out.EventSourceMappings = append(out.EventSourceMappings, types.EventSourceMappingConfiguration{UUID: &uuid, State: s.next(uuid)})
	}
	if page+1 < len(s.pages) {
		out.NextMarker = aws.String("more")
	}
	return out, nil
}

func (s *service) GetEventSourceMapping(_ context.Context, in *lambda.GetEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error) {
	return &lambda.GetEventSourceMappingOutput{State: s.next(*in.UUID)}, nil
}

func (s *service) UpdateEventSourceMapping(_ context.Context, in *lambda.UpdateEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.UpdateEventSourceMappingOutput, error) {
	if in.FunctionName != nil || in.Enabled == nil {
		return nil, errors.New("more is changed than wanted")
	}
	s.asked = append(s.asked, *in.UUID+map[bool]string{true: " on", false: " off"}[*in.Enabled])
	if refused := s.refuses[*in.UUID]; len(refused) > 0 {
		s.refuses[*in.UUID] = refused[1:]
		return nil, refused[0]
	}
	return &lambda.UpdateEventSourceMappingOutput{State: s.next(*in.UUID)}, nil
}

func (s *service) switchOf(function string) Switch {
	return Switch{Client: s, Function: function, Sleep: func(context.Context, time.Duration) error {
		s.sleeps++
		return nil
	}}
}

func TestTurn(t *testing.T) {
	busy := &types.ResourceInUseException{}
	for name, c := range map[string]struct {
		states  []string
		refuses []error
		to      string
		looks   int
		ends    string
		asks    int
		sleeps  int
	}{
		"off":                          {[]string{Enabled, "Disabling", "Disabling", Disabled}, nil, Disabled, 9, Disabled, 1, 2},
		"on":                           {[]string{Disabled, "Enabling", Enabled}, nil, Enabled, 9, Enabled, 1, 1},
		"is off":                       {[]string{Disabled}, nil, Disabled, 9, Disabled, 0, 0},
		"is on":                        {[]string{Enabled}, nil, Enabled, 9, Enabled, 0, 0},
		"is being turned off":          {[]string{"Disabling", Disabled}, nil, Disabled, 9, Disabled, 0, 1},
		"is being turned on, then off": {[]string{"Enabling", Enabled, "Disabling", Disabled}, nil, Disabled, 9, Disabled, 1, 2},
		"a late read":                  {[]string{Enabled, "Disabling", Enabled, Disabled}, nil, Disabled, 9, Disabled, 1, 2},
		"in use, then not":             {[]string{Enabled, Enabled, Enabled, "Disabling", Disabled}, []error{busy, busy}, Disabled, 9, Disabled, 3, 3},
		"takes longer":                 {[]string{Enabled, "Disabling"}, nil, Disabled, 3, "Disabling", 1, 3},
		"nobody waits":                 {[]string{Enabled, "Disabling"}, nil, Disabled, 0, "Disabling", 1, 0},
		"in use all the time":          {[]string{Enabled}, []error{busy, busy, busy, busy, busy}, Disabled, 2, "changing", 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{states: map[string][]string{"a": c.states}, refuses: map[string][]error{"a": c.refuses}, pages: [][]string{{"a"}}}
			all, err := s.switchOf("guard").Turn(t.Context(), c.to, c.looks)
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, c.ends, all[0].State)
			require.Len(t, s.asked, c.asks)
			require.Equal(t, c.sleeps, s.sleeps)
			require.Equal(t, c.asks > 0 && c.ends != "changing", all[0].Asked)
		})
	}
}

// TestTurnGoesOn: every mapping is asked before one is waited for, and what one
// refuses keeps no other.
func TestTurnGoesOn(t *testing.T) {
	denied := errors.New("denied")
	s := &service{
		states:  map[string][]string{"a": {Enabled}, "b": {Enabled, "Disabling", Disabled}, "c": {"Deleting"}, "d": {Enabled, "Disabling", "Disabling", Disabled}},
		refuses: map[string][]error{"a": {denied}}, pages: [][]string{{"a", "b"}, {"c", "d"}},
	}
	all, err := s.switchOf("guard").Turn(t.Context(), Disabled, 9)
	require.ErrorIs(t, err, denied)
	require.ErrorContains(t, err, "turn the trigger a of guard: denied\nturn the trigger c of guard: it is being deleted")
	require.Equal(t, []Mapping{{"a", Enabled, false}, {"b", Disabled, true}, {"c", "Deleting", false}, {"d", Disabled, true}}, all)
	require.Equal(t, []string{"a off", "b off", "d off"}, s.asked)
}

func TestTurnFails(t *testing.T) {
	s := &service{pages: [][]string{{}}}
	_, err := s.switchOf("other").Turn(t.Context(), Disabled, 9)
	require.ErrorIs(t, err, ErrNone)
	require.ErrorContains(t, err, "find the triggers of other")
	s.denied = errors.New("denied")
	_, err = s.switchOf("guard").Turn(t.Context(), Disabled, 9)
	require.ErrorIs(t, err, s.denied)

	s = &service{states: map[string][]string{"a": {Enabled, "Disabling"}}, pages: [][]string{{"a"}}}
	interrupted := s.switchOf("guard")
	interrupted.Sleep = func(context.Context, time.Duration) error { return context.Canceled }
	all, err := interrupted.Turn(t.Context(), Disabled, 9)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []Mapping{{"a", "Disabling", true}}, all)
}
