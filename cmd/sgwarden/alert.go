package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/alert"
)

func newAlert() *cobra.Command {
	return holding(&cobra.Command{Use: "alert", Short: "Choose which alerts reach whom"}, newAlertFilter())
}

func newAlertFilter() *cobra.Command {
	names := map[string]string{ // flag -> attribute
		"severity": alert.AttrSeverity, "min-severity": alert.AttrSeverityLevel, "policy": alert.AttrPolicy, "account": alert.AttrAccount,
		"region": alert.AttrRegion, "outcome": alert.AttrOutcome, "mode": alert.AttrMode, "team": alert.AttrTeam, "event-type": alert.AttrEventType,
	}
	asked := map[string]*[]string{}
	cmd := &cobra.Command{
		Use:   "filter",
		Short: "Print an SNS filter policy for a subscription to the alerts",
		Long: `filter prints a filter policy that lets those alerts through which meet all
flags. A flag takes several values; one of them is enough. team-* is a prefix,
!sandbox is everything but. A policy that SNS would refuse is refused here.

  aws sns subscribe --topic-arn ARN --protocol email --notification-endpoint oncall@example.com \
    --attributes FilterPolicy="$(sgwarden alert filter --min-severity high --team payments)"

Whoever may tag a group chooses its team: route by it, and leave one subscriber
who gets everything.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var wants []alert.Want
			for flag, values := range asked {
				wants = append(wants, alert.Want{Attribute: names[flag], Values: *values})
			}
			text, err := alert.FilterPolicy(wants)
			if err != nil {
				return fmt.Errorf("make a filter policy: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
			if err != nil {
				return outside(err)
			}
			return nil
		},
	}
	for flag, about := range map[string]string{
		"severity": "info, low, medium, high, critical", "min-severity": "this severity or worse", "policy": "ids of policies, one of which is violated",
		"account": "account ids", "region": "regions", "outcome": "outcomes, such as not-reverted", "mode": "observe, enforce",
		"team": "values of the group's tag team", "event-type": "opened, acted, resolved, attributed, contested, reminder, undone",
	} {
		asked[flag] = cmd.Flags().StringSlice(flag, nil, about)
	}
	return cmd
}
