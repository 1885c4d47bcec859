// Package arch holds the tests that keep the architecture as ARCHITECTURE.md
// draws it: which room may import which, what the rooms of the model must not
// reach, and where the order of a map could reach an output. It has no code
// of its own.
//
// Each rule is a table row with its reason, and the reason is what a failing
// test prints. To change the architecture, change the row and ARCHITECTURE.md
// together.
package arch
