// Command testtally reads the output of `go test -json` on standard input,
// prints what failed and one line per package, and ends with the line
// "N passed, N failed, N skipped". It counts every test, subtests included,
// and exits with 1 where a test, a build or a package failed, where a line
// could not be read, or where no test ran at all.
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	t := newTally(os.Stdout)
	err := t.readAll(bufio.NewReaderSize(os.Stdin, 1<<20))
	if err != nil {
		fmt.Fprintf(os.Stderr, "testtally: %v\n", err)
	}
	t.printTotals()
	if err != nil || !t.ok() {
		os.Exit(1)
	}
}
