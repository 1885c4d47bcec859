package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// tracedPlan is the plan with its Spec, as a scenario's has it.
func tracedPlan(t *testing.T, w *world) *Plan {
	t.Helper()
	p := w.plan(t)
	for i := range p.Policies {
		p.Policies[i].Spec = &w.spec
	}
	return p
}

// traced is the only exchange of a trace under the first policy.
func traced(t *testing.T, p *Plan, q TraceQuestion) *TracedExchange {
	t.Helper()
	q.Policies = []int{0}
	if q.TTL == 0 {
		q.TTL = topology.DefaultTTL
	}
	trace, err := TracePacket(p, &q)
	if err != nil {
		t.Fatal(err)
	}
	if len(trace.Exchanges) != 1 {
		t.Fatalf("%d exchanges under one policy", len(trace.Exchanges))
	}
	return &trace.Exchanges[0]
}

// translations are what translators changed on a packet's way.
func translations(p *TracedPacket) string {
	var out []string
	for _, h := range p.Hops {
		if h.Translated != "" {
			out = append(out, h.Name+": "+h.Translated)
		}
	}
	return strings.Join(out, "; ")
}

func TestTraceTellsTranslations(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, Life{Always: true}, "")
	w.addressed()
	w.behindNAT(true, true)
	p := tracedPlan(t, w)
	x := traced(t, p, TraceQuestion{From: FromClient, To: 0, Kind: topology.EchoRequest})
	if x.Outcome != TraceAnswered || x.Name == nil || x.Name.Address != "203.0.113.10" || x.Name.Owner != "dmz-1" {
		t.Fatalf("%s, name %+v, request %+v", x.Outcome, x.Name, x.Request)
	}
	there, back := translations(x.Request), translations(x.Answer)
	for _, box := range []string{"home-router: ", "cgn: "} {
		if !strings.Contains(there, box) || !strings.Contains(back, box) {
			t.Errorf("translated %q on the way there and %q on the way back, want %s in both", there, back, box)
		}
	}
	if !strings.Contains(there, "198.51.100.") {
		t.Errorf("translated %q on the way there, want an address of the pool", there)
	}
}

// A table that the packet takes room in is named where it does, on the way there
// and not on the way back.
func TestTraceTellsRoom(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, Life{Always: true}, "")
	w.addressed()
	w.behindNAT(true, true)
	for i := range w.spec.Boxes {
		switch b := &w.spec.Boxes[i]; b.Name {
		case "cgn":
			b.Flows, b.NAT.Mappings, b.NAT.PerHost = 7, 300, 20
		case "edge":
			b.Flows = 9
		}
	}
	x := traced(t, tracedPlan(t, w), TraceQuestion{From: FromClient, To: 0, Kind: topology.EchoRequest})
	if x.Outcome != TraceAnswered {
		t.Fatalf("%s, request %+v", x.Outcome, x.Request)
	}
	room := map[string]string{}
	for _, h := range x.Request.Hops {
		if h.Table != "" {
			room[h.Name] = h.Table
		}
	}
	want := map[string]string{"cgn": "7 flows, 300 mappings, 20 mappings of one host", "edge": "9 flows"}
	if diff := cmp.Diff(want, room); diff != "" {
		t.Errorf("tables on the way there (-want +got):\n%s", diff)
	}
	for _, h := range x.Answer.Hops {
		if h.Table != "" {
			t.Errorf("%s on the way back: room for %s", h.Name, h.Table)
		}
	}
}

func TestTraceTellsNamesAndStrangers(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, Life{Always: true}, "")
	w.addressed()
	const east, root = 2, 5 // east-1 and the root
	w.spec.Networks[netHome].Strangers = []topology.StrangerSpec{{Name: "home host", Prefix: prefixes("10.0.0.0/8")[0], AnswersEcho: true}}
	view := w.view(netHome, topology.ViewSpec{Name: "public", Closed: true, Answers: []topology.NameAnswer{
		{Host: 0, Addrs: addrs("203.0.113.10")}, {Host: 2, Addrs: addrs("10.1.0.10")},
	}})
	w.events = []EventPlan{{At: time.Hour, Kind: NamesDown, View: view, Text: "the resolvers fail"}}
	p := tracedPlan(t, w)
	ask := func(to selection.RelayID, kind topology.Kind, at time.Duration) *TracedExchange {
		sent := vtime.Instant(at)
		return traced(t, p, TraceQuestion{From: FromPlace, Place: netHome, To: to, Kind: kind, At: &sent})
	}
	if x := ask(east, topology.EchoRequest, 0); x.Outcome != TraceAnswered || x.Request.By != "a stranger" || x.Request.Where != "home host" ||
		x.Name.View != "public" || x.Name.Owner != "" || x.Answer.From != "home host" {
		t.Errorf("echo to an inner address at home: %s, name %+v, request %+v", x.Outcome, x.Name, x.Request)
	}
	if x := ask(east, topology.TCP, 0); x.Outcome != TraceNothing || x.Request.End != "no_host" || x.Request.Where != "home host" {
		t.Errorf("SYN to an inner address at home: %s, request %+v", x.Outcome, x.Request)
	}
	if x := ask(root, topology.EchoRequest, 0); x.Outcome != TraceUnsent || x.Name.View != "public" || x.Request != nil {
		t.Errorf("a name that the view lacks: %s, name %+v", x.Outcome, x.Name)
	}
	if x := ask(0, topology.EchoRequest, 2*time.Hour); x.Outcome != TraceUnsent || x.Unanswered != "the resolvers fail" {
		t.Errorf("while resolvers fail: %s, %q", x.Outcome, x.Unanswered)
	}
}

// Addresses that lead to no host from where the sender is may have an owner.
func TestTraceTellsOwnersOfAddresses(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, Life{Always: true}, "")
	w.addressed()
	w.publicDMZ()
	w.spec.Boxes[0].NAT.Forwards = nil
	w.view(netHome, topology.ViewSpec{Name: "public", Answers: []topology.NameAnswer{
		{Host: 1, Addrs: addrs("203.0.113.9")}, {Host: 2, Addrs: addrs("192.0.2.7")},
	}})
	p := tracedPlan(t, w)
	for _, tc := range []struct {
		to   selection.RelayID
		want TracedName
	}{
		{0, TracedName{View: "public", Address: "10.9.0.10", Unreached: "dmz-1"}},
		{1, TracedName{View: "public", Address: "203.0.113.9", Translator: "edge"}},
		{2, TracedName{View: "public", Address: "192.0.2.7"}},
	} {
		x := traced(t, p, TraceQuestion{From: FromPlace, Place: netHome, To: tc.to, Kind: topology.EchoRequest})
		if x.Name == nil || *x.Name != tc.want {
			t.Errorf("relay %d: name %+v, want %+v", tc.to, x.Name, tc.want)
		}
	}
}

// In a tunnel a trace has what the outer packet meets.
func TestTraceTellsTunnels(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, Life{Always: true}, "")
	w.addressed()
	n := w.vpn(false)
	p := tracedPlan(t, w)
	x := traced(t, p, TraceQuestion{From: FromPlace, Place: n, To: 2, Kind: topology.TCP})
	if x.Outcome != TraceNothing || x.Request.Box != "edge" || x.Request.Tunnel != "vpn-concentrator" || x.Request.Decided != DecidedByDefault {
		t.Errorf("a tunnel that edge does not let in: %s, request %+v", x.Outcome, x.Request)
	}
	w.spec.Boxes[0].Drops = []topology.Kind{topology.VPN}
	x = traced(t, tracedPlan(t, w), TraceQuestion{From: FromPlace, Place: n, To: 2, Kind: topology.TCP})
	if x.Request.Tunnel != "vpn-concentrator" || x.Request.Decided != DecidedByDrops {
		t.Errorf("a tunnel that edge does not forward: request %+v", x.Request)
	}
	w.spec.Boxes[0].Drops = nil
	w.spec.Boxes[0].Rules = append(w.spec.Boxes[0].Rules, topology.Rule{Name: "vpn", Kinds: []topology.Kind{topology.VPN}, Verdict: topology.Accept})
	x = traced(t, tracedPlan(t, w), TraceQuestion{From: FromPlace, Place: n, To: 2, Kind: topology.TCP})
	outer, inner := 0, 0
	for _, h := range x.Request.Hops {
		if h.Tunnel == "vpn-concentrator" {
			outer++
		} else if h.Name == "concentrator" {
			inner++
		}
	}
	if x.Outcome != TraceAnswered || outer == 0 || inner != 1 {
		t.Errorf("%s, %d outer hops, concentrator %d times: %+v", x.Outcome, outer, inner, x.Request.Hops)
	}
}

// In random worlds a trace agrees with the fate of the exchange, its outcome
// with what is told of its packets, and nothing ends without a place.
func TestTraceOfRandomWorlds(t *testing.T) {
	outcomes := map[string]int{}
	for seed := uint64(1); seed <= 40; seed++ {
		w := randomWorld(seed)
		p := tracedPlan(t, w)
		for g := range p.Groups {
			for to := range p.Relays {
				for _, kind := range []topology.Kind{topology.EchoRequest, topology.TCP, topology.UDP} {
					q := TraceQuestion{From: FromClient, Group: g, To: selection.RelayID(to), Kind: kind, TTL: topology.MaxTTL}
					x := traced(t, p, q)
					outcomes[x.Outcome]++
					checkExchange(t, seed, x)
					checkFate(t, seed, p, &q, x)
				}
			}
		}
	}
	for _, o := range []string{TraceAnswered, TraceNothing, TraceUnsent, TraceRefused} {
		if outcomes[o] == 0 {
			t.Errorf("no exchange of the random worlds is %s: %v", o, outcomes)
		}
	}
}

func TestTraceNumbersEachVisit(t *testing.T) {
	tr := &tracer{plan: &Plan{}, pol: &PolicyPlan{}}
	var hops []TracedHop
	var numbers []int
	// A route that leads in a circle meets one router again and again.
	for _, h := range []topology.Hop{
		{Name: "paris-wan.r1", TTL: 63},
		{Name: "paris-wan.r1", TTL: 62},
		{Name: "paris-wan.r1", TTL: 62, Note: "told twice"},
		{Name: "paris-wan.r1", TTL: 61},
	} {
		hops = append(hops, tr.hop(hops, &h, 0))
		numbers = append(numbers, hops[len(hops)-1].Number)
	}
	if want := []int{1, 2, 2, 3}; !slices.Equal(numbers, want) {
		t.Errorf("numbers %v, want %v", numbers, want)
	}
}

func checkExchange(t *testing.T, seed uint64, x *TracedExchange) {
	t.Helper()
	for _, p := range []*TracedPacket{x.Request, x.Answer} {
		if p == nil {
			continue
		}
		if !p.Delivered() && p.Where == "" || len(p.Hops) == 0 {
			t.Errorf("seed %d: %s ended %s at %q after %d elements", seed, p.Packet, p.End, p.Where, len(p.Hops))
		}
		number := 0
		for _, h := range p.Hops {
			if h.Number == 0 || h.Number == number || h.Tunnel != "" {
				continue
			}
			if number++; h.Number != number {
				t.Errorf("seed %d: %s is number %d after %d", seed, h.Name, h.Number, number-1)
			}
		}
	}
	if came := x.Answer.Delivered(); came != (x.Outcome == TraceAnswered || x.Outcome == TraceRefused || x.Outcome == TraceExpired) {
		t.Errorf("seed %d: %s, and the answer came back: %v", seed, x.Outcome, came)
	}
}

// checkFate compares a trace at the start with what the fast levels go by.
func checkFate(t *testing.T, seed uint64, p *Plan, q *TraceQuestion, x *TracedExchange) {
	t.Helper()
	tr := newTracer(p, q, 0)
	packet, ok := tr.request()
	if ok != (x.Outcome != TraceUnsent) {
		t.Fatalf("seed %d: %s, and the name resolves: %v", seed, x.Outcome, ok)
	}
	if !ok {
		return
	}
	f := tr.world.state.FateOf(&packet)
	if x.Request.End != f.Forward.String() {
		t.Errorf("seed %d: the request is %s, its fate %v", seed, x.Request.End, f.Forward)
	}
	if f.Forward == topology.Delivered && x.Answer.End != f.Back.String() {
		t.Errorf("seed %d: the answer is %s, its fate %v", seed, x.Answer.End, f.Back)
	}
	if !f.Varies && f.Forward == topology.Delivered && (x.Request.Took != f.DelayForward || x.Answer.Took != f.DelayBack) {
		t.Errorf("seed %d: took %v and %v, its fate %v and %v", seed, x.Request.Took, x.Answer.Took, f.DelayForward, f.DelayBack)
	}
}
