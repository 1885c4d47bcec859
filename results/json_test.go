package results

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummaryRoundTrip(t *testing.T) {
	s := madeUp(t)
	b, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadSummary(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, back); d != "" {
		t.Errorf("the summary read back differs:\n%s", d)
	}
	again, err := back.JSON()
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("written again it differs (%v)", err)
	}
}

// The layout changes blanks only.
func TestIndented(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                             `{}`,
		`{"a":[1,2],"b":{"c":"d, {e"}}`:  "{\n  \"a\": [1, 2],\n  \"b\": {\"c\": \"d, {e\"}\n}",
		`[{"a":1},{"b\"}":[]}]`:          "[\n  {\"a\": 1},\n  {\n    \"b\\\"}\": []\n  }\n]",
		`{"a":{"b":{"c":null}},"d":"x"}`: "{\n  \"a\": {\n    \"b\": {\"c\": null}\n  },\n  \"d\": \"x\"\n}",
	} {
		got := string(indented([]byte(in)))
		if got != want {
			t.Errorf("indented(%s) =\n%s\nwant\n%s", in, got, want)
		}
		var back bytes.Buffer
		if err := json.Compact(&back, []byte(got)); err != nil || back.String() != in {
			t.Errorf("compacted again: %s, %v, want %s", back.String(), err, in)
		}
	}
}

func TestReadSummaryRefuses(t *testing.T) {
	b, err := madeUp(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for name, c := range map[string]struct{ text, want string }{
		"another version": {strings.Replace(good, `"schema": 1`, `"schema": 2`, 1), "schema version 2"},
		"no version":      {`{"scenario": "x"}`, "no schema version"},
		"an unknown key":  {strings.Replace(good, `"seed":`, `"sead":`, 1), "sead"},
		"a bad verdict":   {strings.Replace(good, `"result": "holds"`, `"result": "perhaps"`, 1), "perhaps"},
		"something after": {good + "{}", "after"},
		"not JSON":        {"policy,scope", "read summary"},
		"nothing":         {"", "read summary"},
	} {
		if _, err := ReadSummary([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestJSONRefusesNonFinite(t *testing.T) {
	s := madeUp(t)
	s.DurationS = Figure(math.NaN())
	if _, err := s.JSON(); err == nil {
		t.Error("a duration of NaN is written")
	}
}
