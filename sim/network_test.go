package sim

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// homes is a world of n clients at home that start at once, seek what is given,
// and reach what firewalls let through.
func homes(n int, seek string) *world {
	w := newWorld()
	w.duration = 2 * time.Hour
	w.addressed()
	w.spec.Networks[netHome].Prefixes = prefixes("192.168.0.0/16")
	w.addGroup("remote", n, netHome, Life{Name: "always-on", Always: true}, seek).Interval = 100 * time.Hour
	return w
}

// selectionsBy are the selections of homes' clients by how they ended.
func selectionsBy(c *cell, by selection.By) uint64 {
	return c.tally.Slots[c.plan.Slot(0, int(c.plan.Groups[0].Home))].Selections[by]
}

// F23: at home a host of somebody else's has the address of an inner relay and
// answers echo, so it wins the group; TCP to it fails, and the client goes on.
// One that accepts connections does not speak as a relay does.
func TestForeignHostWithARelaysAddress(t *testing.T) {
	for _, tc := range []struct {
		tcp  bool
		want selection.Outcome
	}{{false, selection.RelayDown}, {true, selection.NotTheRelay}} {
		w := homes(10, "east;DMZ")
		w.spec.Networks[netHome].Strangers = []topology.StrangerSpec{{
			Name: "somebody", Prefix: netip.MustParsePrefix("10.1.0.0/28"), AnswersEcho: true, AnswersTCP: tc.tcp,
		}}
		c := bothLevels(t, w)
		if got := failures(c, tc.want); got != 20 {
			t.Errorf("accepts TCP %v: %d attempts end %v, want one for each of 10 clients at east-1 and east-2", tc.tcp, got, tc.want)
		}
		if got := selectionsBy(c, selection.ByProbe); got != 10 || c.tally.Relays[0].Console+c.tally.Relays[1].Console != 10 {
			t.Errorf("accepts TCP %v: %d clients found a relay by probing, want all 10 in the DMZ", tc.tcp, got)
		}
	}
}

// A stale name leads to another relay: that takes no client of the other's.
func TestStaleNameLeadsToAnotherRelay(t *testing.T) {
	w := homes(10, "DMZ")
	w.relays[1].Weight = 0
	w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{{Host: 0, Addrs: addrs("203.0.113.11")}}})
	c := bothLevels(t, w)
	if got := failures(c, selection.NotTheRelay); got != 10 || c.tally.Relays[1].Console != 10 {
		t.Errorf("%d attempts at dmz-1 ended not_the_relay and %d clients are on dmz-2, want 10 and 10", got, c.tally.Relays[1].Console)
	}
}

// F4: a name that does not resolve costs the client its relay, not time: no
// probe is sent, and a registration fails at once.
func TestNameThatDoesNotResolve(t *testing.T) {
	w := homes(10, "DMZ")
	w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{{Host: 0}}})
	c := bothLevels(t, w)
	if c.tally.Relays[1].Console != 10 || failures(c, selection.NameNotResolved) != 0 {
		t.Errorf("%d clients on dmz-2 after %d failures, want all 10 without any", c.tally.Relays[1].Console, failures(c, selection.NameNotResolved))
	}
	w = homes(10, "nowhere")
	w.settings[0].FailoverList = []string{"dmz-1", "dmz-2"}
	w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{{Host: 0}}})
	c = bothLevels(t, w)
	if got := failures(c, selection.NameNotResolved); got != 10 || selectionsBy(c, selection.ByFailover) != 10 {
		t.Errorf("%d attempts ended name_not_resolved, %d clients took the second failover relay, want 10 and 10", got, selectionsBy(c, selection.ByFailover))
	}
	for _, d := range c.trace.Decisions {
		if took := d.Ended.Sub(d.Started); took > time.Second {
			t.Errorf("client %d took %v, want no time for the name", d.Client, took)
		}
	}
}

// While resolvers fail, contact fails, and comes back with them.
func TestNamesDown(t *testing.T) {
	w := homes(10, "DMZ")
	w.duration = 10 * time.Hour
	id := w.view(netHome, topology.ViewSpec{Name: "public"})
	w.events = []EventPlan{{At: 2 * time.Hour, Kind: NamesDown, View: id}, {At: 5 * time.Hour, Kind: NamesUp, View: id}}
	c := bothLevels(t, w)
	s := &c.tally.Slots[c.plan.Slot(0, int(netHome))]
	if s.Losses != 10 || failures(c, selection.NameNotResolved) == 0 {
		t.Errorf("%d losses, %d attempts ended name_not_resolved, want 10 and some", s.Losses, failures(c, selection.NameNotResolved))
	}
	if gap := 10 * uint64(3*time.Hour/time.Microsecond); s.Without < gap || s.Without > 2*gap {
		t.Errorf("%d µs without a relay, want 3 h for each of 10 clients, and until they try again", s.Without)
	}
}

// RFC 1812 section 5.2.7.1: a router that tells of an absent host ends the
// attempt at once; otherwise it takes the whole time-out.
func TestAbsentHostIsToldOf(t *testing.T) {
	for _, tells := range []bool{false, true} {
		w := homes(10, "nowhere")
		w.settings[0].FailoverList = []string{"dmz-1", "dmz-2"}
		w.spec.Networks[netDMZ].TellsAbsent = tells
		w.spec.Boxes[0].RelatedErrors = true
		w.events = []EventPlan{{Kind: HostDown, Relay: 0}}
		c := bothLevels(t, w)
		if got := failures(c, selection.RelayDown); got != 10 {
			t.Errorf("told %v: %d attempts ended relay_down, want 10", tells, got)
		}
		for _, d := range c.trace.Decisions {
			if took := d.Ended.Sub(d.Started); took < w.params.RegisterConnectTimeout != tells {
				t.Errorf("told %v: client %d took %v", tells, d.Client, took)
			}
		}
	}
}

// F18: a box answers for a relay that is dead: the client hears an echo reply,
// counts the hops to the box, and cannot register.
func TestMiddleboxAnswersForADeadRelay(t *testing.T) {
	w := homes(10, "DMZ")
	w.spec.Boxes[0].EchoFor = []topology.Match{{Hosts: []topology.HostID{0, 1}}}
	w.events = []EventPlan{{Kind: HostDown, Relay: 0}}
	c := bothLevels(t, w)
	if failures(c, selection.RelayDown) == 0 || c.tally.Relays[1].Console != 10 {
		t.Errorf("%d attempts at dmz-1 failed, %d clients on dmz-2, want some and 10", failures(c, selection.RelayDown), c.tally.Relays[1].Console)
	}
	for _, d := range c.trace.Decisions {
		// Four routers of the leg and up to three of the access before the box.
		if d.DistanceMax > 7+1 {
			t.Errorf("client %d believes its relay at %d hops, want those to the box", d.Client, d.DistanceMax)
		}
	}
}

// Homes behind a router of their own, a shared translator, or both find the
// relays of the DMZ like any other.
func TestHomesBehindTranslators(t *testing.T) {
	for _, tc := range []struct{ own, shared bool }{{true, false}, {false, true}, {true, true}} {
		w := homes(20, "DMZ")
		w.behindNAT(tc.own, tc.shared)
		c := bothLevels(t, w)
		if got := selectionsBy(c, selection.ByProbe); got != 20 {
			t.Errorf("%+v: %d clients found a relay by probing, want 20", tc, got)
		}
	}
}

// Relays with inner addresses behind a translator are found by public ones.
func TestRelaysKnownByPublicAddresses(t *testing.T) {
	for _, known := range []bool{false, true} {
		w := homes(20, "DMZ")
		w.publicDMZ()
		if known {
			w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{
				{Host: 0, Addrs: addrs("203.0.113.10")}, {Host: 1, Addrs: addrs("203.0.113.9")},
			}})
		}
		c := bothLevels(t, w)
		if got := selectionsBy(c, selection.ByProbe); got == 20 != known || !known && got != 0 {
			t.Errorf("known by public addresses %v: %d of 20 clients found a relay", known, got)
		}
	}
}

// Through a tunnel clients come to inner relays as from the core; what a split
// tunnel does not take goes from home.
func TestTunnels(t *testing.T) {
	for _, tc := range []struct {
		split, open bool
		seek        string
		want        uint64
	}{
		{false, true, "east", 10},
		{true, true, "east", 10},
		{true, true, "DMZ", 10},
		{false, false, "east", 0},
		{true, false, "DMZ", 10},
	} {
		w := homes(10, tc.seek)
		w.groups[0].Home = w.vpn(tc.split)
		if tc.open {
			w.spec.Boxes[0].Rules = append(w.spec.Boxes[0].Rules, accept(netHome, topology.VPN))
		}
		c := bothLevels(t, w)
		if got := selectionsBy(c, selection.ByProbe); got != tc.want && !(tc.want == 0 && got == 0) {
			t.Errorf("%+v: %d clients found a relay by probing", tc, got)
		}
	}
}

// Answers that leave the DMZ by another firewall than the request came in are
// judged by that one's rules, which know nothing of the flow.
func TestAsymmetricRoute(t *testing.T) {
	w := homes(10, "DMZ")
	home2 := w.leg(netHome, 1, 1, 2) // the inner firewall leads home as well
	w.spec.Legs[home2].Metric = 100
	c := bothLevels(t, w)
	if got := selectionsBy(c, selection.ByProbe); got != 10 {
		t.Fatalf("without the route: %d clients found a relay, want 10", got)
	}
	w.spec.Routes = []topology.RouteSpec{{At: netDMZ, To: []topology.NetworkID{netHome}, Leg: 2}}
	c = bothLevels(t, w)
	if got := selectionsBy(c, selection.ByProbe); got != 0 || failures(c, selection.TCPBlocked) == 0 {
		t.Errorf("with the route: %d clients found a relay, %d attempts were blocked, want none and some", got, failures(c, selection.TCPBlocked))
	}
}

// Firewalls of hosts and of clients themselves.
func TestHostFirewalls(t *testing.T) {
	for _, tc := range []struct {
		name         string
		client, echo bool
		want         uint64
	}{{"relay drops echo", false, false, 0}, {"relay lets it in", false, true, 10}, {"client", true, false, 10}} {
		w := homes(10, "DMZ")
		g := topology.BoxSpec{Name: "own", Kind: topology.Guard, Otherwise: topology.Drop}
		if !tc.client {
			kinds := []topology.Kind{topology.TCP}
			if tc.echo {
				kinds = allKinds
			}
			g.Rules = []topology.Rule{{Name: "in", FromSides: 2, Kinds: kinds, Verdict: topology.Accept}}
		}
		id := topology.GuardOf(w.box(g))
		if tc.client {
			w.groups[0].Guard = id
		} else {
			w.spec.Hosts[0].Guard, w.spec.Hosts[1].Guard = id, id
		}
		c := bothLevels(t, w)
		if got := selectionsBy(c, selection.ByProbe); got != tc.want {
			t.Errorf("%s: %d clients found a relay by probing, want %d", tc.name, got, tc.want)
		}
	}
}

// Copies of packets change no decision.
func TestDuplicatesChangeNothing(t *testing.T) {
	seen := false
	for seed := uint64(1); seed <= 20; seed++ {
		run := func(d rng.Chance) string {
			w := randomWorld(seed)
			for i := range w.spec.Legs {
				w.spec.Legs[i].Duplicates = d
			}
			c := newCell(w.plan(t), 0, 0, LevelPacket, true)
			if err := c.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range c.clients {
				n := c.clients[i].sel.Counters()
				seen = seen || d != rng.Never && n.UnknownProbes > 0
			}
			var b strings.Builder
			c.trace.sort()
			if err := c.trace.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		if a, b := run(rng.Never), run(rng.ChanceOf(0.5)); a != b {
			t.Fatalf("world %d: %s", seed, firstDifference(a, b))
		}
	}
	if !seen {
		t.Error("no Selector saw a copy")
	}
}

// Replications have weathers of their own: here it alone decides how long the
// clients, which are all alike, take to find a relay.
func TestWeatherIsThatOfTheReplication(t *testing.T) {
	took := func(rep int) vtime.Instant {
		w := homes(20, "DMZ")
		w.duration = time.Hour
		w.spec.Networks[netHome].Access = nil
		w.spec.Legs[0].Bursts = &topology.Bursts{Slot: time.Second, Begin: rng.ChanceOf(0.2), End: rng.ChanceOf(0.2), Loss: rng.Always}
		c := newCell(w.plan(t), 0, rep, LevelRound, true)
		if err := c.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		ended := map[vtime.Instant]bool{}
		for _, d := range c.trace.Decisions[:20] {
			ended[d.Ended] = true
		}
		if len(ended) != 1 {
			t.Fatalf("the clients end their selections at %d instants, want one", len(ended))
		}
		return c.trace.Decisions[0].Ended
	}
	weathers := map[vtime.Instant]bool{}
	const replications = 12
	for rep := range replications {
		first := took(rep)
		weathers[first] = true
		if again := took(rep); first != again {
			t.Errorf("replication %d has two weathers", rep)
		}
	}
	if len(weathers) < 3 {
		t.Errorf("%d replications have %d weathers", replications, len(weathers))
	}
}

// A contact with somebody else who has the parent's address is none.
func TestContactWithSomebodyElseFails(t *testing.T) {
	w := homes(1, "DMZ")
	life := roaming
	life.AwayDay, life.Evening = 0, 1
	w.duration = 40 * time.Hour
	w.addGroup("laptop", 10, netEast, life, "east")
	w.spec.Boxes[0].Rules = nil
	w.spec.Networks[netHome].Strangers = []topology.StrangerSpec{{Name: "somebody", Prefix: netip.MustParsePrefix("10.0.0.0/8"), AnswersTCP: true}}
	c := bothLevels(t, w)
	home := &c.tally.Slots[c.plan.Slot(1, int(netHome))]
	if home.Sessions == 0 || home.Without != home.Online || home.RegFailures[selection.NotTheRelay] == 0 {
		t.Errorf("%d sessions at home, %d of %d µs without a relay, %d attempts ended not_the_relay; want all of the time and some",
			home.Sessions, home.Without, home.Online, home.RegFailures[selection.NotTheRelay])
	}
	for i := range c.clients {
		cl := &c.clients[i]
		if cl.group == 1 && cl.parent.Known() {
			cl.at = topology.Attachment{Network: netHome}
			if c.works(cl) {
				t.Errorf("client %d at home: contact with %v works, which is somebody else's address there", i, cl.parent)
			}
		}
	}
}

// A cell whose packets do not add up ends the run with an error that names it.
func TestRunStopsAtTheFirstError(t *testing.T) {
	r := runner{tallies: make([]*Tally, 3)}
	first := errors.New("first")
	r.fail(t.Context(), first)
	r.fail(t.Context(), errors.New("second"))
	if r.err != first || int(r.next.Load()) < len(r.tallies) {
		t.Errorf("error %v, next cell %d; want the first error and no further cell", r.err, r.next.Load())
	}
}

// What can be full, or counts the errors that clients need, couples them.
func TestCoupling(t *testing.T) {
	edge := func(w *world) *topology.BoxSpec { return &w.spec.Boxes[0] }
	for _, tc := range []struct {
		name string
		with func(w *world)
		want string
	}{
		{"plain", func(*world) {}, ""},
		{"flows", func(w *world) { edge(w).Flows = 10 }, "the table of flows of edge counts icmp/echo-request"},
		{"mappings", func(w *world) {
			w.behindNAT(false, true)
			w.spec.Boxes[len(w.spec.Boxes)-1].NAT.PerHost = 5
		}, "the table of mappings of cgn counts icmp/echo-request"},
		{"rate of TCP", func(w *world) {
			edge(w).Rules[0].Kinds, edge(w).Rules[0].Limit = []topology.Kind{topology.TCP}, limitOf(1)
		}, "a rate limit counts tcp/52311"},
		{"errors that nobody needs", func(w *world) { edge(w).Errors = topology.LinuxErrors() }, ""},
		{"errors that are needed", func(w *world) {
			edge(w).Errors = topology.LinuxErrors()
			w.params.NeedsTimeExceeded = true
		}, "needs_time_exceeded: ICMP errors take part in the choice"},
		{"refusals", func(w *world) {
			edge(w).Errors, edge(w).Otherwise = topology.LinuxErrors(), topology.Reject
		}, "the limit of ICMP errors of edge counts icmp/unreachable"},
	} {
		w := homes(1, "DMZ")
		tc.with(w)
		if got := w.plan(t).Coupling(0); got != tc.want {
			t.Errorf("%s: coupling %q, want %q", tc.name, got, tc.want)
		}
	}
}
