// Package bundle brings the policies of a deployment together: a folder with
// its settings, the embedded packs that it lists, and the one file that they
// are compiled into, so that a function starts without reading YAML.
//
// It is the only package that reads policy files. A folder with any fault, a
// damaged file, one of another digest and one without a policy are errors:
// there is never a set that stands for half of the policies, or for none.
package bundle
