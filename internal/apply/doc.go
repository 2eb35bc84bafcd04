// Package apply is the only writer to EC2: it makes one planned call, and says
// what the answer tells.
//
// It decides nothing, reads nothing back and never claims more than the answer
// said: an answer without a yes, or one that is not understood, is an error.
// No action widens what was planned, and an error may always mean that the
// call had its effect.
package apply
