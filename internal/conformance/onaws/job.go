package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sgwarden/sgwarden/internal/conformance"
)

// cleanUp is how long the removal may take after the run ended.
const cleanUp = 15 * time.Minute

// errDiffers is that EC2 does otherwise than a case claims.
var errDiffers = errors.New("not every case holds")

// job is one run of cases at a site.
type job struct {
	site  *conformance.Site
	out   io.Writer
	tries int // of a case, each on a fresh group: reads of EC2 may be late
}

// run makes the site, tries the cases and removes the site, also where
// something failed or ctx ended. A call that is under way is not cut off: what
// it makes after the clean-up would stay.
func (j job) run(stop context.Context, cases []conformance.Case) (err error) {
	ctx := context.WithoutCancel(stop)
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, cleanUp)
		defer cancel()
		left := j.site.Remove(ctx)
		if left == nil {
			say(j.out, "removed everything; nothing with the tag is left\n")
		} else {
			left = fmt.Errorf("%w\nremove what is left with: make conformance-aws CONFIRM=yes REMOVE=%s", left, j.site.Run)
		}
		err = errors.Join(err, left)
	}()
	account, err := j.site.Open(ctx)
	if err != nil {
		return err
	}
	say(j.out, "account %s, tag %s=%s, %d cases\n", account, conformance.Tag, j.site.Run, len(cases))
	differ := 0
	for _, c := range cases {
		if stop.Err() != nil {
			return fmt.Errorf("stopped before %s: %w", c.Name, stop.Err())
		}
		if err := j.try(ctx, c); err != nil {
			differ++
			say(j.out, "DIFFERS %s (%s)\n        %s\n        %s\n", c.Name, c.Source, err, c.Rests)
		}
	}
	say(j.out, "%d hold, %d differ\n", len(cases)-differ, differ)
	if differ > 0 {
		return errDiffers
	}
	return nil
}

func (j job) try(ctx context.Context, c conformance.Case) error {
	var err error
	for n := range j.tries {
		if err = j.site.Try(ctx, c); err == nil {
			if n > 0 {
				say(j.out, "LATE    %s holds at try %d\n", c.Name, n+1)
			}
			return nil
		}
	}
	return err
}
