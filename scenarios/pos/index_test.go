package pos

import (
	"strings"
	"testing"
)

// text has one marked spot for each path of TestOf.
const text = `a = 1
[x.y]
"q w".z = [1, 'two', [3], { b = 4.5 }, [[]]]
[[arr]]
k = { a = 1,
  b = { c = 2 }, # over lines
}
[[arr]]
d.e.f = 2
[[arr.sub]]
g = 1
[[arr.sub]]
g = 2
[arr.tab]
h = 3
`

func TestOf(t *testing.T) {
	x := New([]byte(text))
	for _, tc := range []struct {
		path Path
		want Position
	}{
		{Path{"a"}, Position{1, 1}},
		{Path{"x"}, Position{2, 2}},
		{Path{"x", "y"}, Position{2, 4}},
		{Path{"x", "y", "q w", "z"}, Position{3, 7}},
		{Path{"x", "y", "q w", "z", Element(1)}, Position{3, 15}},
		{Path{"x", "y", "q w", "z", Element(2), Element(0)}, Position{3, 23}},
		{Path{"x", "y", "q w", "z", Element(3), "b"}, Position{3, 29}},
		{Path{"arr"}, Position{4, 3}},
		{Path{"arr", Element(0), "k", "b", "c"}, Position{6, 9}},
		{Path{"arr", Element(1)}, Position{8, 3}},
		{Path{"arr", Element(1), "d", "e", "f"}, Position{9, 5}},
		{Path{"arr", Element(1), "sub", Element(0), "g"}, Position{11, 1}},
		{Path{"arr", Element(1), "sub", Element(1), "g"}, Position{13, 1}},
		{Path{"arr", Element(1), "tab", "h"}, Position{15, 1}},
		// Unknown paths fall back to what is known above them.
		{Path{"arr", Element(1), "d", "nothing"}, Position{9, 1}},
		{Path{"nothing"}, Position{1, 1}},
		{nil, Position{1, 1}},
	} {
		if got := x.Of(tc.path); got != tc.want {
			t.Errorf("Of(%q) = %v, want %v", tc.path, got, tc.want)
		}
	}
}

// TestElementIsNoKey: a key that looks like an element is another path.
func TestElementIsNoKey(t *testing.T) {
	x := New([]byte("a = [1]\n[b]\n\"0\" = 2\n"))
	if got := x.Of(Path{"b", "0"}); got != (Position{3, 1}) {
		t.Errorf(`Of(b, "0") = %v, want 3:1`, got)
	}
	if got := x.Of(Path{"b", Element(0)}); got != (Position{2, 2}) {
		t.Errorf("Of(b, element 0) = %v, want the table's 2:2", got)
	}
}

func TestLines(t *testing.T) {
	src := "ab\n\ncd"
	l := NewLines([]byte(src))
	for offset, want := range []Position{{1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 1}, {3, 2}, {3, 3}} {
		if got := l.At(offset); got != want {
			t.Errorf("At(%d) = %v, want %v", offset, got, want)
		}
	}
	if got := l.At(99); got != (Position{3, 3}) {
		t.Errorf("At beyond the end = %v, want 3:3", got)
	}
	if got := New([]byte(strings.Repeat("[", 3))).Of(Path{"x"}); got != (Position{1, 1}) {
		t.Errorf("Of in broken text = %v, want 1:1", got)
	}
}
