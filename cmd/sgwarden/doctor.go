package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sgwarden/sgwarden/internal/bundle"
	"github.com/sgwarden/sgwarden/internal/doctor"
	"github.com/sgwarden/sgwarden/internal/policy"
)

// visit is what the flags of doctor choose.
type visit struct {
	account
	before, left, testAlert bool
	policies, format        string
}

func newDoctor() *cobra.Command {
	var v visit
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether an account is ready for sgwarden, or whether a deployment works",
		Long: `doctor looks at everything that a change of a group passes on its way to an
alert, and says of each whether it is well, and what to do if not. It changes
nothing; what your role may not ask is "not known", with the right that it takes
(the stack's managed policy ReaderPolicy has them, OperatorPolicy that of a test
alert).

It exits with 0 where there is no problem, 1 where there is one, 3 where there
is none but something could not be asked.`,
		Example: `  sgwarden doctor --before-deploy
  sgwarden doctor --policies my-policies
  sgwarden doctor --send-test-alert
  sgwarden doctor --after-destroy`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return v.run(cmd) },
	}
	v.chooseStack(cmd)
	f := cmd.Flags()
	f.BoolVar(&v.before, "before-deploy", false, "examine the account before the first deployment")
	f.BoolVar(&v.left, "after-destroy", false, "list what a destroyed deployment left in the account")
	f.BoolVar(&v.testAlert, "send-test-alert", false, "send a test message to the subscribers of alerts (chats, Security Hub and buses get none)")
	f.StringVar(&v.policies, "policies", "", "folder of the policies that were deployed, whose settings may name the stack (default: the built-in pack baseline)")
	f.StringVarP(&v.format, "output", "o", "table", "table or json")
	return cmd
}

func (v *visit) run(cmd *cobra.Command) error {
	switch {
	case v.format != "table" && v.format != "json":
		return fmt.Errorf("output %q: want table or json", v.format)
	case v.before && v.left:
		return errors.New("doctor: --before-deploy or --after-destroy, not both")
	case (v.before || v.left) && v.testAlert:
		return errors.New("doctor: --send-test-alert needs a deployment: it is without --before-deploy and --after-destroy")
	}
	_, b, err := bundle.Load(v.policies, bundle.Options{})
	if err != nil {
		return policyFault(err)
	}
	settings, err := v.settings(cmd)
	if err != nil {
		return err
	}
	c, err := v.config(cmd.Context())
	if err != nil {
		return err
	}
	named := "the policies of " + v.policies
	if v.policies == "" {
		named = "the built-in pack baseline"
	}
	examine := doctor.Deployed
	switch {
	case v.before:
		examine = doctor.BeforeDeploy
	case v.left:
		examine = doctor.AfterDestroy
	}
	r := examine(cmd.Context(), doctor.NewClients(c), doctor.Options{
		Stack: v.stack, Region: c.Region, Policies: b, Named: named, Concurrency: settings.Concurrency, TestAlert: v.testAlert, Now: time.Now().UTC(),
	})
	if err := v.write(cmd.OutOrStdout(), r); err != nil {
		return outside(err)
	}
	switch {
	case r.Count(doctor.Problem) > 0:
		return status{code: exitViolation}
	case r.Count(doctor.NotKnown) > 0:
		return status{code: exitOutside}
	}
	return nil
}

// settings are those of the stack in the folder of policies; the zero value
// where there is none. They name the stack, where no flag does.
func (v *visit) settings(cmd *cobra.Command) (bundle.Stack, error) {
	if info, err := os.Stat(v.policies); err != nil || !info.IsDir() {
		return bundle.Stack{}, nil
	}
	s, err := bundle.ReadStack(v.policies, today(), policy.ParseOptions{})
	if err != nil {
		return bundle.Stack{}, policyFault(err)
	}
	if !cmd.Flags().Changed("stack") {
		v.stack = s.Name
	}
	return s, nil
}

func (v *visit) write(w io.Writer, r doctor.Report) error {
	if v.format == "json" {
		return writeIndented(w, r)
	}
	_, err := io.WriteString(w, examined(r))
	return err
}

// examined is a report as a person reads it: what is well in a line, all else
// with what to do.
func examined(r doctor.Report) string {
	var out strings.Builder
	for _, f := range r.Findings {
		state := string(f.State)
		if f.State == doctor.Problem {
			state = "PROBLEM"
		}
		fmt.Fprintf(&out, "%-9s  %-13s  %s\n", state, f.Check, printable(f.Says))
		if f.Do != "" {
			fmt.Fprintf(&out, "%-9s  %-13s  -> %s\n", "", "", printable(f.Do))
		}
	}
	fmt.Fprintf(&out, "\n%s, %s, %d not known, %d ok", count(r.Count(doctor.Problem), "problem"), count(r.Count(doctor.Warning), "warning"), r.Count(doctor.NotKnown), r.Count(doctor.OK))
	switch {
	case r.About == doctor.AboutAccount && r.Count(doctor.Problem) == 0:
		out.WriteString(": ready for make deploy")
	case r.About == doctor.AboutAccount:
		out.WriteString(": not ready")
	}
	out.WriteString("\n")
	return out.String()
}
