// Command make writes the templates of a release and the code that they take,
// of what `make synth` synthesized.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sgwarden/sgwarden/infra/release"
)

func main() {
	assembly := flag.String("assembly", "cdk.out", "folder of the synthesized stack")
	stack := flag.String("stack", "Sgwarden", "its name; that of the hub has Hub behind it")
	output := flag.String("output", "release", "folder to write into")
	flag.Parse()
	if err := run(*assembly, *stack, *output); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(assembly, stack, output string) error {
	synthesized, err := os.ReadFile(filepath.Join(assembly, stack+".template.json"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return err
	}
	var assets []string
	for _, partition := range release.Partitions() {
		text, taken, err := release.Template(synthesized, partition)
		if err != nil {
			return err
		}
		path := filepath.Join(output, "sgwarden-"+partition+".template.json")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s  %d bytes\n", path, len(text))
		assets = taken
	}
	if err := writeHub(assembly, stack, output); err != nil {
		return err
	}
	for _, hash := range assets {
		if err := pack(filepath.Join(output, hash+".zip"), filepath.Join(assembly, "asset."+hash)); err != nil {
			return err
		}
	}
	return nil
}

// writeHub writes the one template of the hub.
func writeHub(assembly, stack, output string) error {
	synthesized, err := os.ReadFile(filepath.Join(assembly, stack+"Hub.template.json"))
	if err != nil {
		return err
	}
	text, err := release.Hub(synthesized)
	if err != nil {
		return err
	}
	path := filepath.Join(output, "sgwarden-hub.template.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s  %d bytes\n", path, len(text))
	return nil
}

func pack(path, folder string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := release.Zip(file, folder); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}
