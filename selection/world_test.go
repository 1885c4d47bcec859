package selection

import (
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// host is how a relay or the root answers in a test.
type host struct {
	name    string
	hops    int
	echo    bool
	expires bool // routers on the way send time-exceeded
	outcome Outcome
	// A host whose outcome is Registered asks what its gate asks; children
	// counts those it has registered.
	gate     Gate
	children uint32
}

// Times of the world of tests.
const (
	roundTrip   = 10 * time.Millisecond
	connectTime = 20 * time.Millisecond
	refusalTime = 10 * time.Second // of an attempt that fails
)

// world drives one Selector against hosts, one event at a time.
type world struct {
	t     *testing.T
	sel   Selector
	shown Credentials // what the client can show
	list  *List
	hosts map[RelayID]*host
	now   vtime.Instant
	log   []Action
	// pending are the answers under way, in order of time.
	pending []answer
	// requests, replies and expired count what the network carried.
	requests, replies, expired int
	// asked has the hosts of each round in the order of the log.
	asked [][]string
}

// answer is an echo reply or time-exceeded under way, or the end of a
// registration attempt.
type answer struct {
	at      vtime.Instant
	seq     uint32
	reply   Reply
	outcome Outcome
	probe   bool
}

// relay is one line of a test's list.
type relay struct {
	name      string
	hops      int
	weight    uint32
	priority  uint32
	advertise []string
}

// rootHops is the distance of every test's root.
const rootHops = 20

// listOf makes a list of the relays, handles 1, 2, ... in their order, and an
// unlisted root with handle 0.
func listOf(relays ...relay) *List {
	l := &List{Version: 1, Root: 0, Fallback: NoRelay, Hosts: map[string]RelayID{"root": 0}, Keys: map[RelayID]uint64{0: rng.Hash("root")}}
	for i, r := range relays {
		id, key := RelayID(i+1), rng.Hash(r.name)
		l.Entries = append(l.Entries, Entry{Relay: id, Key: key, Name: r.name, Weight: r.weight, Priority: r.priority, Affiliations: r.advertise})
		l.Hosts[r.name], l.Keys[id] = id, key
	}
	return l
}

// automatic returns the settings of an automatic client.
func automatic(seek string) *Settings {
	s := DefaultSettings()
	s.Automatic, s.SeekList = true, seek
	return &s
}

func defaultParams() *Params {
	p := DefaultParams()
	return &p
}

// newWorld puts a client with these settings among the relays; every host
// answers everything.
func newWorld(t *testing.T, s *Settings, p *Params, relays ...relay) *world {
	t.Helper()
	w := &world{t: t, list: listOf(relays...), hosts: map[RelayID]*host{0: {name: "root", hops: rootHops, echo: true, expires: true}}}
	for i, r := range relays {
		w.hosts[RelayID(i+1)] = &host{name: r.name, hops: r.hops, echo: true, expires: true}
	}
	c, _ := Compile(s, p, w.list)
	w.sel = New(c, rng.Seed(1).Child(rng.Client, 7), 0)
	return w
}

// host returns the host of that name.
func (w *world) host(name string) *host {
	return w.hosts[w.list.Hosts[name]]
}

// name returns the name behind a handle.
func (w *world) name(r RelayID) string {
	if h, ok := w.hosts[r]; ok {
		return h.name
	}
	name, _ := w.sel.Course().UnknownHost(r)
	return name
}

// trigger feeds a trigger now and carries out what is asked at once.
func (w *world) trigger(t Trigger) {
	if t == Stop || t == AddressChange {
		w.pending = nil
	}
	w.sel.Trigger(w.now, t)
	w.perform()
}

func (w *world) contact(ok bool) {
	w.sel.Contact(w.now, ok)
	w.perform()
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 100000 {
		at, ok := w.sel.Deadline()
		switch {
		case len(w.pending) > 0 && w.pending[0].at <= end && (!ok || w.pending[0].at <= at):
			w.deliver()
		case ok && at <= end:
			w.now = at
			w.sel.Expire(at)
		default:
			w.now = end
			w.sel.Expire(end)
			return
		}
		w.perform()
	}
	w.t.Fatal("the machine does not come to rest")
}

// deliver feeds the next answer.
func (w *world) deliver() {
	a := w.pending[0]
	w.pending = w.pending[1:]
	w.now = a.at
	if !a.probe {
		if err := w.sel.RegisterResult(a.at, a.seq, a.outcome); err != nil {
			w.t.Fatalf("RegisterResult(%v, %d, %v) = %v", a.at, a.seq, a.outcome, err)
		}
		return
	}
	if err := w.sel.Replies(a.at, a.seq, []Reply{a.reply}); err != nil {
		w.t.Fatalf("Replies(%v, %d, %v) = %v", a.at, a.seq, a.reply, err)
	}
}

// perform carries out the actions.
func (w *world) perform() {
	for _, a := range w.sel.Drain(nil) {
		w.log = append(w.log, a)
		switch a.Kind {
		case AskRound:
			w.round(a)
		case Register:
			w.register(a)
		}
	}
}

func (w *world) round(a Action) {
	w.pending = nil
	var names []string
	at := a.At
	for i, c := range w.sel.Course().Stage(int(a.Stage)).Candidates {
		if w.sel.Struck(i) {
			continue
		}
		names = append(names, w.name(c.Relay))
		w.requests++
		if h, ok := w.hosts[c.Relay]; ok {
			w.probe(a, at, i, h)
		}
		at = at.Add(a.Gap)
	}
	slices.Sort(names)
	w.asked = append(w.asked, names)
}

// probe queues the answer to one probe, if there is one.
func (w *world) probe(a Action, sent vtime.Instant, i int, h *host) {
	r := Reply{At: sent.Add(roundTrip), Candidate: uint16(i)}
	switch {
	case int(a.TTL) > h.hops && h.echo:
		w.replies++
	case int(a.TTL) <= h.hops && h.expires:
		w.expired++
		r.Kind = TimeExceeded
	default:
		return
	}
	w.pending = append(w.pending, answer{at: r.At, seq: a.Seq, reply: r, probe: true})
}

func (w *world) register(a Action) {
	h, ok := w.hosts[a.Target]
	outcome := NameNotResolved
	if ok {
		outcome = h.outcome
	}
	if outcome == Registered {
		outcome, w.shown.Certificate = Admit(w.shown, h.gate, h.children)
		if outcome == Registered {
			h.children++
		}
	}
	at := a.At.Add(connectTime)
	if outcome != Registered {
		at = a.At.Add(refusalTime)
	}
	w.pending = []answer{{at: at, seq: a.Seq, outcome: outcome}}
}

// last returns the latest end of a selection.
func (w *world) last() Action {
	w.t.Helper()
	for _, a := range slices.Backward(w.log) {
		if a.Kind == Decided || a.Kind == GaveUp || a.Kind == Kept {
			return a
		}
	}
	w.t.Fatal("no selection has ended")
	return Action{}
}

// count counts the logged actions of a kind.
func (w *world) count(k ActionKind) int {
	n := 0
	for _, a := range w.log {
		if a.Kind == k {
			n++
		}
	}
	return n
}

// targets names the hosts that registrations were asked with.
func (w *world) targets() []string {
	var names []string
	for _, a := range w.log {
		if a.Kind == Register {
			names = append(names, w.name(a.Target))
		}
	}
	return names
}

// wantParent checks the parent and how it was found.
func (w *world) wantParent(name string, by By) {
	w.t.Helper()
	r, got := w.sel.Parent()
	if r == NoRelay && name == "" && by == got {
		return
	}
	if w.name(r) != name || got != by {
		w.t.Errorf("parent = %q by %v, want %q by %v", w.name(r), got, name, by)
	}
}
