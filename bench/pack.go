package main

import (
	"archive/zip"
	"errors"
	"io"
	"os"
)

// zipSize is the size of a function's folder as the archive that is deployed:
// every file deflated, as the CDK packs it.
func zipSize(folder string) (int64, error) {
	size := &counter{}
	w := zip.NewWriter(size)
	err := errors.Join(w.AddFS(os.DirFS(folder)), w.Close())
	return size.n, err
}

type counter struct{ n int64 }

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
