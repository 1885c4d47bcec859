package results

import (
	"fmt"
	"math"
	"strconv"
)

// significant is the number of digits to which figures that are not whole
// numbers are rounded. Machines that fuse multiplication and addition differ
// far below the sixth.
const significant = 6

// Figure is a number of a summary. In JSON it is a plain number; it is
// rounded like every other one, and never NaN or infinite.
type Figure float64

// MarshalJSON writes the rounded number.
func (f Figure) MarshalJSON() ([]byte, error) { return appendFigure(nil, float64(f)) }

// rounded returns x with six significant digits; whole numbers below 2^53 are
// exact in any arithmetic and are kept.
func rounded(x float64) float64 {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return x + 0 // turns -0 into 0
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', significant, 64), 64)
	if err != nil {
		return x
	}
	return r
}

// formatted writes a finite number in its shortest form without an exponent.
func formatted(x float64) string { return strconv.FormatFloat(rounded(x), 'f', -1, 64) }

func appendFigure(b []byte, x float64) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("a figure of the summary is %v", x)
	}
	return append(b, formatted(x)...), nil
}
