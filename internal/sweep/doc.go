// Package sweep is what the function sweep does with an invocation: one pass
// over all groups of the region, or a part of one, and the rest next time
// (docs/design/0022, 0029). What it is invoked with does not matter.
package sweep
