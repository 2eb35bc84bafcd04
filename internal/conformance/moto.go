package conformance

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed moto.txt
var motoText string

// MotoDifferences are the cases that do not hold on the emulator of the
// end-to-end tests, by name, with what it does instead. It panics where the
// embedded list is not of its form, which a test excludes.
func MotoDifferences() map[string]string {
	all, reason := map[string]string{}, ""
	for line := range strings.Lines(motoText) {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || strings.HasPrefix(text, "#"):
		case !strings.HasPrefix(line, " "):
			reason = text
		case reason == "" || all[text] != "":
			panic(fmt.Sprintf("moto.txt: %q has no reason, or two", text))
		default:
			all[text] = reason
		}
	}
	return all
}
