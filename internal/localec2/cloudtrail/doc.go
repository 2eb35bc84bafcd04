// Package cloudtrail writes the record that CloudTrail would make of a call to
// EC2, in the dialect that EC2 uses for that operation: the classic one with
// lower case names and "items", also in its flat form, or the one of newer
// operations, which is their XML turned into JSON, types guessed from the text.
//
// It writes what the call said and what it was answered, and adds nothing: no
// old values, no direction where the dialect has none. Fields of more than
// 100 KB are left out, as CloudTrail leaves them out.
package cloudtrail
