// Package doctor examines an account before sgwarden is deployed into it, and
// a deployment afterwards: one check per file, each with what to do about what
// it finds. It reads; the one thing that it sends is a test alert, if asked to.
package doctor
