package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// checkFormat is for commands that write a table, or JSON.
func checkFormat(format string) error {
	if format != "table" && format != "json" {
		return fmt.Errorf("output %q: want table or json", format)
	}
	return nil
}

// writeIndented writes v as JSON that people read too.
func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeJSON writes v on stdout.
func writeJSON(cmd *cobra.Command, v any) error {
	if err := writeIndented(cmd.OutOrStdout(), v); err != nil {
		return outside(err)
	}
	return nil
}

// orEmpty is a list that is written as [], never as null.
func orEmpty[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// columns is a table of text on stdout.
type columns struct{ w *tabwriter.Writer }

func newColumns(cmd *cobra.Command, titles ...string) columns {
	c := columns{tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)}
	c.row(titles...)
	return c
}

// row adds a line; what others chose is made printable.
func (c columns) row(cells ...string) {
	_, _ = fmt.Fprintln(c.w, strings.Join(printables(cells), "\t")) // end has the error
}

// end writes the table.
func (c columns) end() error {
	if err := c.w.Flush(); err != nil {
		return outside(err)
	}
	return nil
}
