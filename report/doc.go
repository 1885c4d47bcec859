// Package report shows a results.Summary: one screen for a terminal, a page
// of Markdown with all tables, and plots; the story of a selection, simulated
// or probed, the decisions of a run, the trace of a packet, the picture of a
// network. It computes no statistics; every figure stands in the summary.
//
// A goal that holds is marked as success. A finding that is as stated is not:
// it says what a policy is known to do, good or bad, and its mark is neutral.
package report
