package scenarios

import (
	"testing"
	"testing/fstest"
)

// TestMemory: each client and place counts, and clients count for more where a
// limit couples them.
func TestMemory(t *testing.T) {
	memory := func(places, clients, limit string) int64 {
		t.Helper()
		s, err := Parse(fstest.MapFS{"m.toml": {Data: []byte(`
title = "How much memory does it take?"
[place]
core = { hosts = ["root"] }
office = {}
` + places + `
[box]
edge = { kind = "stateful", between = ["office", "core"] }
[opening]
in = { at = "edge", from = "any", to = "any", service = ["icmp/echo-request", "tcp/52311"]` + limit + ` }
[policy]
all = ["in"]
[relay.r]
place = "core"
[group.g]
count = ` + clients + `
at = "office"
life = "always-on"
`)}}, "m.toml", Options{})
		if err != nil {
			t.Fatal(err)
		}
		return Memory(s.Plan())
	}
	base := memory("", "1000", "")
	if got, want := memory("", "1500", "")-base, int64(500*ClientBytes); got != want {
		t.Errorf("500 clients more take %d bytes, want %d", got, want)
	}
	if got := memory("other = {}", "1000", "") - base; got != placeBytes {
		t.Errorf("another place takes %d bytes, want %d", got, placeBytes)
	}
	if got, want := memory("", "1000", `, limit = "5/s"`)-base, int64(1000*(packetBytes-ClientBytes)); got != want {
		t.Errorf("a limit takes %d bytes more, want %d", got, want)
	}
}
