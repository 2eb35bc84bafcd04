// Package threats holds docs/security.md and the sample service control
// policies of infra/scp to what is there: every test that a claim names exists,
// and the samples deny what they say, to nobody else than they say.
package threats
