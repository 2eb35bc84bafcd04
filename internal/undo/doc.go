// Package undo puts back what sgwarden took: a person's decision, made with
// that person's own rights. Plan decides from the incident and the group as it
// is, and changes nothing; Undoer exempts, calls EC2, and reads back.
package undo
