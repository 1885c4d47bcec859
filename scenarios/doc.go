// Package scenarios holds the shipped scenarios and reads scenario files into
// a sim.Plan.
//
// Reading goes in three steps. parse turns the text into nodes, each with the
// spot where it was written, and reports syntax, unknown keys and wrong types.
// resolve writes out what is inherited, the tables, the sites of every group
// and the defaults; bind, its second half, turns names into numbers and
// reports those that nobody defines. check holds values against ranges and
// against each other. Each step reports everything that it finds.
//
// docs/scenario.md describes the format.
package scenarios
