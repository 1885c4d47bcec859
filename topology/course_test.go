package topology

import (
	"testing"

	"github.com/relaysim/relaysim/rng"
)

// The ring: two ways from a site to the company, of which a static route takes
// one for replies.
//
//	site ── 1 ── near (stateful) ── 1 ── hub ── far (stateful) ── site
const (
	ringSite NetworkID = iota
	ringHub
)

const (
	nearFW BoxID = iota
	farFW
)

const (
	siteNear LegID = iota
	nearHub
	hubFar
	farSite
)

func ring() *Spec {
	return &Spec{
		Networks: []NetworkSpec{
			ringSite: {Name: "site", Access: []int{1}, Prefixes: prefixesOf("10.1.0.0/16")},
			ringHub:  {Name: "hub", Prefixes: prefixesOf("10.2.0.0/16")},
		},
		Boxes: []BoxSpec{
			nearFW: {Name: "near", Kind: Stateful, RelatedErrors: true},
			farFW:  {Name: "far", Kind: Stateful, RelatedErrors: true},
		},
		Legs: []LegSpec{
			siteNear: {Name: "site-near", Network: ringSite, Box: nearFW, Side: 0, Routers: 1, Delay: ms},
			nearHub:  {Name: "near-hub", Network: ringHub, Box: nearFW, Side: 1, Routers: 1, Delay: ms},
			hubFar:   {Name: "hub-far", Network: ringHub, Box: farFW, Side: 1, Routers: 2, Delay: 5 * ms},
			farSite:  {Name: "far-site", Network: ringSite, Box: farFW, Side: 0, Routers: 2, Delay: 5 * ms},
		},
		Hosts:  []HostSpec{{Name: "relay", Network: ringHub, Role: Relay, Addrs: addrs("10.2.0.1")}},
		Routes: []RouteSpec{{At: ringHub, To: []NetworkID{ringSite}, Leg: hubFar}},
	}
}

// A static route diverts replies, and errors from behind it: a stateful
// firewall that never saw the request judges them by its rules (asymmetric
// routing).
func TestRepliesGoByStaticRoutes(t *testing.T) {
	for _, tc := range []struct {
		name      string
		far       []Rule
		otherwise Verdict
		reply     End
		err       End
	}{
		{"open", nil, Accept, Delivered, Delivered},
		{"stateful, nothing known of the flow", []Rule{{From: Match{Roles: Client}}}, Drop, Filtered, Filtered},
		{"a rule for replies", []Rule{accepting(EchoReply)}, Drop, Delivered, Filtered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ring()
			s.Boxes[farFW].Rules, s.Boxes[farFW].Otherwise = tc.far, tc.otherwise
			s.Networks[ringHub].InsideRouters = 0
			b := newBench(t, s)
			a := Attachment{Network: ringSite}
			p := b.request(a, 0, EchoRequest, MaxTTL)
			r := b.walk(p)
			if r.End != Delivered || r.Hops != 4 {
				t.Fatalf("request: %+v", r)
			}
			start := b.at
			back, hops := b.net.Trace(b.st, b.answer(p), b.at)
			b.wantEnd(back.End, tc.reply, "reply")
			if name := hops[2].Name; name != "far" {
				t.Errorf("reply comes to %s, want far", name)
			}
			if tc.reply == Delivered && (back.Hops != 6 || back.At.Sub(start) != 10*ms) {
				t.Errorf("reply: %+v", back)
			}
			f := b.st.Fate(a, 0, EchoRequest)
			if f.Back != tc.reply || f.Forward != Delivered || tc.reply == Delivered && (f.ReplyHops != 6 || f.DelayBack != 10*ms) {
				t.Errorf("Fate = %+v", *f)
			}
			// An error about the reply goes back the way of that.
			reply := b.answer(p)
			reply.TTL = 2
			e, ok := b.errorOf(reply, b.walk(reply))
			if !ok || b.walk(e).End != Delivered {
				t.Errorf("error about a reply: %+v, %v", e, ok)
			}
			// The router next to the hub is on the way of the request: the error
			// begins before the route applies. An error of the host would not.
			s.Hosts[0].Guard = s.own(BoxSpec{Name: "shut", Otherwise: Reject})
			b = newBench(t, s)
			p = b.request(a, 0, EchoRequest, MaxTTL)
			p.Dst = b.net.Host(0)
			e, ok = b.errorOf(p, b.walk(p))
			if !ok {
				t.Fatal("no refusal")
			}
			b.wantEnd(b.walk(e).End, tc.err, "refusal")
		})
	}
}

// A reply that a route takes past the translator of its request is lost to it.
func TestRepliesThatMissTheirTranslator(t *testing.T) {
	for _, tc := range []struct {
		name string
		nat  BoxID
		out  uint8
		want End
	}{
		// The route is for the client's network: replies to the translator's
		// address, which is at the hub, do not take it.
		{"the way out is translated", nearFW, 1, Delivered},
		// Replies go out through a translator that made nothing of the request.
		{"the way back is translated", farFW, 0, NoMapping},
	} {
		s := ring()
		s.Boxes[tc.nat].NAT = &NATSpec{Outside: tc.out, Pool: addrs("203.0.113.1")}
		b := newBench(t, s)
		p := b.request(Attachment{Network: ringSite}, 0, EchoRequest, MaxTTL)
		b.delivered(tc.name, p)
		r := b.walk(b.answer(p))
		b.wantEnd(r.End, tc.want, tc.name)
		if f := b.st.Fate(Attachment{Network: ringSite}, 0, EchoRequest); f.Back != tc.want {
			t.Errorf("%s: Fate = %+v", tc.name, *f)
		}
	}
	// The relay's public address is at the site: what comes back another way
	// has the relay's own address, which the client did not ask.
	s := ring()
	s.Boxes[nearFW].NAT = &NATSpec{Outside: 0, Pool: addrs("203.0.113.1"), Static: []StaticNAT{{addr("203.0.113.9"), 0}}}
	s.Hosts[0].ListedAs = addr("203.0.113.9")
	b := newBench(t, s)
	p, _ := b.st.Request(Attachment{Network: ringSite}, 1, 0, EchoRequest, MaxTTL, 5)
	b.delivered("to the public address", p)
	r := b.walk(b.answer(p))
	if r.End != NoMapping || r.Box != nearFW {
		t.Errorf("reply %+v, want one that near has not translated", r)
	}
}

// Ways of equal cost: each request has a fate that its flow or key decides, and
// the reply goes the way of its request.
func TestFatesOfBalancedWays(t *testing.T) {
	for _, balance := range []Balance{OneWay, PerFlow, PerPacket} {
		s := ring()
		s.Routes, s.Balance = nil, balance
		s.Legs[hubFar].Metric, s.Legs[farSite].Metric = 1, 1
		b := newBench(t, s)
		ways := map[int]int{}
		of := map[uint64]int16{}
		for i := range 400 {
			p := b.ask2(Attachment{Network: ringSite}, uint64(i%20), 0)
			r := b.walk(p)
			back := b.walk(b.answer(p))
			f := b.st.FateOf(&p)
			if r.End != Delivered || back.End != Delivered || r.Hops != back.Hops || int(f.FilterHops) != r.Hops || int(f.ReplyHops) != r.Hops {
				t.Fatalf("%v there over %d, %v back over %d, Fate %+v", r.End, r.Hops, back.End, back.Hops, *f)
			}
			ways[r.Hops]++
			if was, ok := of[p.Src.Source]; ok && balance == PerFlow && was != f.Hops {
				t.Fatalf("a flow goes over %d and %d routers", was, f.Hops)
			}
			of[p.Src.Source] = f.Hops
			p.TTL = 5
			e, calls := b.st.ErrorFateOf(&p)
			if (r.Hops >= 5) != calls || calls && !e.Arrives {
				t.Fatalf("TTL 5 over %d routers: %+v, %v", r.Hops, e, calls)
			}
		}
		if one := len(ways) == 1; one != (balance == OneWay) || b.net.Balanced() == one {
			t.Errorf("balance %d: %v, Balanced %v", balance, ways, b.net.Balanced())
		}
	}
}

// ask2 is a request of a client anywhere.
func (b *bench) ask2(a Attachment, client uint64, h HostID) Packet {
	b.flow++
	p, ok := b.st.Request(a, client, h, EchoRequest, MaxTTL, rng.Key(b.flow))
	if !ok {
		b.t.Fatal("no request")
	}
	return p
}
