// Package query is the wire form of the EC2 Query protocol: requests as trees
// of parameters, answers as trees of named values, both renderings of an
// answer as XML, and errors.
//
// It knows no operation and keeps no state. What it parses it keeps whole, so
// that a record of the call can say exactly what was sent.
package query
