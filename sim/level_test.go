package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
)

// runCell runs the only policy of a plan and returns its trace as text and its
// tally as JSON, both without what describes the run itself.
func runCell(tb testing.TB, p *Plan, level Level) (trace, tally string) {
	tb.Helper()
	c := newCell(p, 0, 0, level, true)
	if err := c.run(context.Background()); err != nil {
		tb.Fatal(err)
	}
	c.trace.sort()
	var b bytes.Buffer
	if err := c.trace.WriteText(&b); err != nil {
		tb.Fatal(err)
	}
	t := *c.tally
	t.Events, t.ByLevel = 0, [NumLevels]uint64{}
	j, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return b.String(), string(j)
}

// firstDifference returns the first line in which two texts differ.
func firstDifference(a, b string) string {
	x, y := bytes.Split([]byte(a), []byte("\n")), bytes.Split([]byte(b), []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return fmt.Sprintf("line %d:\n  %s\n  %s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines against %d", len(x), len(y))
}

// The round level is a memo of the packet level (design decision "four levels,
// one answer"): equal traces and tallies, byte for byte.
func TestRoundLevelEqualsPacketLevel(t *testing.T) {
	worlds := uint64(200)
	if testing.Short() {
		worlds = 10
	}
	decisions := 0
	for seed := uint64(1); seed <= worlds; seed++ {
		p := randomWorld(seed).plan(t)
		roundTrace, roundTally := runCell(t, p, LevelRound)
		packetTrace, packetTally := runCell(t, p, LevelPacket)
		if roundTrace != packetTrace {
			t.Fatalf("world %d: traces differ: %s", seed, firstDifference(roundTrace, packetTrace))
		}
		if roundTally != packetTally {
			t.Fatalf("world %d: tallies differ: %s", seed, firstDifference(roundTally, packetTally))
		}
		decisions += bytes.Count([]byte(roundTrace), []byte("\n"))
	}
	if decisions < int(worlds)*100 {
		t.Errorf("only %d decisions in %d worlds: too few to show anything", decisions, worlds)
	}
}
