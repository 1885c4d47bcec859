// Package results turns the tallies of a run into a Summary: estimates over
// replications with their intervals, the verdict of every goal and finding,
// and the files that carry them.
//
// The sampling unit is the replication. A ratio is computed within each
// replication and then averaged; an interval is Student's t at 95 %, clipped
// to the range that the measure can take. A series without a single
// observation is "none" (n = 0), never zero; a single replication has no
// interval. Aggregate is the only place where a measure is computed, so that
// tables, files and verdicts cannot disagree.
//
// Same plan and same tallies give the same bytes: figures are rounded to six
// significant digits (whole numbers are kept) before anything is printed.
package results
