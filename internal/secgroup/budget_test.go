package secgroup_test

import "testing"

// budget is how much of a long proof is done: all of it, or with -short, as
// mutation testing runs it, a sample.
func budget(whole, sample int) int {
	if testing.Short() {
		return sample
	}
	return whole
}
