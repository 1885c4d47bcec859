package selection

import "strings"

// nearest returns the name with the least edit distance from s, letter case
// ignored; the first of several. names is not empty.
func nearest(s string, names []string) string {
	best, least := "", -1
	for _, name := range names {
		if d := EditDistance(strings.ToLower(s), strings.ToLower(name)); least < 0 || d < least {
			best, least = name, d
		}
	}
	return best
}

// EditDistance is the number of insertions, deletions and replacements of one
// byte between a and b. It serves hints about misspelt names, here and where
// scenarios are read.
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
