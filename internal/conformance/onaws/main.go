// Command onaws runs the conformance cases in the account of the caller's AWS
// profile: in VPCs that it makes, tags and removes, and nowhere else. Without
// -confirm it calls nothing and says what it would do.
//
// It exits with 1 where a case does not hold, or something could not be
// removed, and with 2 for wrong arguments.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sgwarden/sgwarden/internal/conformance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

var runName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("onaws", flag.ContinueOnError)
	flags.SetOutput(errs)
	confirm := flags.Bool("confirm", false, "make the calls")
	remove := flags.String("remove", "", "only remove what the run of this `name` left behind")
	patience := flags.Duration("patience", 20*time.Second, "how long a look waits for what it expects")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || *remove != "" && !runName.MatchString(*remove) {
		say(errs, "onaws: takes flags alone; the name of a run is of lower-case letters and digits\n")
		return 2
	}
	err := do(ctx, out, *confirm, *remove, *patience)
	if err == nil {
		return 0
	}
	say(errs, "onaws: %v\n", err)
	return 1
}

func do(ctx context.Context, out io.Writer, confirm bool, remove string, patience time.Duration) error {
	profile := cmp.Or(os.Getenv("AWS_PROFILE"), "default")
	if !confirm && remove != "" {
		say(out, "Nothing was called. With CONFIRM=yes this would remove all VPCs, security groups and prefix lists\n"+
			"that are tagged %s=%s, and all groups in such VPCs, of the AWS profile %s.\n", conformance.Tag, remove, profile)
		return nil
	}
	if !confirm {
		return explain(ctx, out, profile)
	}
	settings, err := config.LoadDefaultConfig(ctx, config.WithRetryer(func() aws.Retryer {
		// The calls come faster than the account's buckets refill.
		return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, func(s *retry.StandardOptions) { s.MaxAttempts = 12 })
		})
	}))
	if err != nil {
		return fmt.Errorf("read AWS profile: %w", err)
	}
	if settings.Region == "" {
		return errors.New("the AWS profile has no region: set AWS_REGION")
	}
	j := job{site: &conformance.Site{EC2: ec2.NewFromConfig(settings), Run: remove, Patience: patience}, out: out, tries: 2}
	if remove != "" {
		return j.site.Remove(ctx)
	}
	j.site.Run = strings.ToLower(rand.Text()[:10])
	cases, withheld := chosen()
	say(out, "region %s, %d cases are not tried\n", settings.Region, len(withheld))
	return j.run(ctx, cases)
}

// say writes for the person who looks on; where nobody can read it, the run and
// its clean-up go on.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
