package topology

import (
	"net/netip"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// The homes of the tests: a client at home is behind a router of its own and a
// carrier's translator; the company has public addresses for its relays, which
// its edge translates.
//
//	residence ── 0 ── (router: NAT each) ── 1 ── carrier ── 1 ── (cgn: NAT) ── 2 ── internet ── 1 ── (gate: NAT) ── 1 ── office
const (
	flat NetworkID = iota
	isp
	world
	seat
)

const (
	flatNAT BoxID = iota
	ispNAT
	seatNAT
)

const (
	houseRouter LegID = iota
	routerCarrier
	carrierCGN
	cgnInternet
	internetGate
	gateOffice
)

const (
	relay1 HostID = iota // public by Static
	relay2               // public by Forwards of tcp/52311
	relay3               // not public
)

const (
	publicRelay1 = "203.0.113.10"
	publicGate   = "203.0.113.1"
	publicCGN    = "198.51.100.1"
	innerRelay3  = "10.1.0.3"
)

// Routers between a client at home and the office: one for each translator.
const houseToOffice = 1 + 1 + 1 + 1 + 2 + 1 + 1 + 1

// homes is the Spec of homes. Everything is open that is not translation's.
func homes() *Spec {
	return &Spec{
		Networks: []NetworkSpec{
			flat:  {Name: "house", Access: []int{0, 2}, Prefixes: prefixesOf("192.168.1.0/24")},
			isp:   {Name: "carrier", Prefixes: prefixesOf("100.64.0.0/10")},
			world: {Name: "internet", Prefixes: prefixesOf("192.0.2.0/24")},
			seat:  {Name: "office", Prefixes: prefixesOf("10.1.0.0/16"), InsideRouters: 1},
		},
		Boxes: []BoxSpec{
			flatNAT: {Name: "router", Kind: Stateful, RelatedErrors: true, NAT: &NATSpec{Outside: 1, PerClient: true}},
			ispNAT:  {Name: "cgn", Kind: Stateful, RelatedErrors: true, NAT: &NATSpec{Outside: 1, Pool: addrs(publicCGN)}},
			seatNAT: {Name: "gate", Kind: Stateful, RelatedErrors: true, NAT: &NATSpec{
				Outside: 0, Pool: addrs(publicGate),
				Static:   []StaticNAT{{addr(publicRelay1), relay1}},
				Forwards: []PortForward{{addr(publicGate), []Kind{TCP}, relay2}},
			}},
		},
		Legs: []LegSpec{
			houseRouter:   {Name: "house-router", Network: flat, Box: flatNAT, Side: 0, Delay: ms},
			routerCarrier: {Name: "router-carrier", Network: isp, Box: flatNAT, Side: 1, Routers: 1, Delay: ms},
			carrierCGN:    {Name: "carrier-cgn", Network: isp, Box: ispNAT, Side: 0, Routers: 1, Delay: ms},
			cgnInternet:   {Name: "cgn-internet", Network: world, Box: ispNAT, Side: 1, Routers: 2, Delay: ms},
			internetGate:  {Name: "internet-gate", Network: world, Box: seatNAT, Side: 0, Routers: 1, Delay: ms},
			gateOffice:    {Name: "gate-office", Network: seat, Box: seatNAT, Side: 1, Routers: 1, Delay: ms},
		},
		Hosts: []HostSpec{
			relay1: {Name: "relay-1", Network: seat, Role: Relay, Addrs: addrs("10.1.0.1"), ListedAs: addr(publicRelay1)},
			relay2: {Name: "relay-2", Network: seat, Role: Relay, Addrs: addrs("10.1.0.2"), ListedAs: addr(publicGate)},
			relay3: {Name: "relay-3", Network: seat, Role: Relay, Addrs: addrs(innerRelay3)},
		},
	}
}

// ask is a request of a client at home, of a new flow.
func (b *bench) ask(client uint64, h HostID, k Kind) Packet {
	b.t.Helper()
	b.flow++
	p, ok := b.st.Request(Attachment{Network: flat}, client, h, k, MaxTTL, rng.Key(b.flow))
	if !ok {
		b.t.Fatalf("no request of %v to host %d", k, h)
	}
	return p
}

// arriving walks a packet and returns it as it is where it ends, with the
// packet that it quotes if it is an error.
func (b *bench) arriving(p Packet) (Result, Packet, header) {
	var w walker
	w.start(b.st, &p, b.at)
	r := w.run()
	b.at = max(b.at, r.At)
	return r, w.p, w.quoted
}

// answer is the reply to a request.
func (b *bench) answer(p Packet) Packet {
	ttl := b.replyTTL
	if ttl == 0 {
		ttl = DefaultTTL
	}
	return b.net.Reply(p, p.Kind.Answer(), ttl, p.Key+1)
}

// delivered walks packets, each of which must be delivered.
func (b *bench) delivered(what string, packets ...Packet) {
	b.t.Helper()
	for _, p := range packets {
		b.wantEnd(b.walk(p).End, Delivered, what)
	}
}

// Two translators in a row, and one at the other end (carrier-grade NAT, RFC
// 6888): each source is what the last translator made of it, each destination
// what the next will translate.
func TestEndsAreTranslatedOnTheWay(t *testing.T) {
	b := newBench(t, homes())
	p := b.ask(1, relay1, EchoRequest)
	r, got, _ := b.arriving(p)
	if r.End != Delivered || r.Hops != houseToOffice || r.By != TheHost {
		t.Fatalf("%+v, want delivered over %d routers", r, houseToOffice)
	}
	if a := b.net.Addr(got.Src.Addr); a != addr(publicCGN) || got.Src.At.Network != world || got.Src.Role != Client || got.Src.Port != p.Src.Port {
		t.Errorf("source at the relay %v %+v, want that of the cgn", a, got.Src)
	}
	if a := b.net.Addr(got.Dst.Addr); a != addr("10.1.0.1") || got.Dst.Host != relay1 {
		t.Errorf("destination at the relay %v %+v, want its own address", a, got.Dst)
	}
	if hops, ok := b.net.Hops(p.Src.At, relay1); !ok || hops != houseToOffice {
		t.Errorf("Hops = %d, %v", hops, ok)
	}
	if f := b.st.Fate(p.Src.At, relay1, EchoRequest); f.Forward != Delivered || f.Back != Delivered || f.Hops != houseToOffice || f.Coupled {
		t.Errorf("Fate = %+v", *f)
	}
}

// Translation there and back is the identity, for replies and for the packets
// that errors quote (RFC 5508 REQ-4 and REQ-5).
func TestTranslationThereAndBackIsTheIdentity(t *testing.T) {
	b := newBench(t, homes())
	for client := range uint64(3) {
		for _, tc := range []struct {
			h HostID
			k Kind
		}{{relay1, EchoRequest}, {relay1, TCP}, {relay2, TCP}} {
			for ttl := uint8(1); ttl <= houseToOffice+1; ttl++ {
				p := b.ask(client, tc.h, tc.k)
				p.TTL = ttl
				r := b.walk(p)
				back, made := b.errorOf(p, r)
				if r.End == Delivered {
					back, made = b.answer(p), true
				}
				r2, got, quoted := b.arriving(back)
				switch {
				case !made || r2.End != Delivered || got.Dst != p.Src:
					t.Errorf("TTL %d: %v, answer %v at %+v, want %+v", ttl, r.End, r2.End, got.Dst, p.Src)
				case r.End == Delivered && got.Src != p.Dst:
					t.Errorf("reply from %+v, want %+v", got.Src, p.Dst)
				case r.End == Expired && quoted != header{p.Src, p.Dst}:
					t.Errorf("TTL %d: error quotes %+v, want %+v", ttl, quoted, header{p.Src, p.Dst})
				}
			}
		}
	}
}

// An address of the inside is not routed outside: the packet ends where its
// own translators have let it out.
func TestInsideAddressesAreNotRoutedOutside(t *testing.T) {
	b := newBench(t, homes())
	p := b.ask(1, relay3, TCP)
	r, hops := b.net.Trace(b.st, p, 0)
	if r.End != NoRoute || r.Box != NoBox || hops[len(hops)-1].Name != "internet" {
		t.Errorf("%+v at %+v, want no route in the internet", r, hops[len(hops)-1])
	}
	s := homes()
	s.Networks[flat].Strangers = []StrangerSpec{{Name: "printer", Prefix: netip.MustParsePrefix("10.0.0.0/8"), AnswersEcho: true}}
	b = newBench(t, s)
	if r := b.walk(b.ask(1, relay3, EchoRequest)); r.End != Delivered || r.By != AStranger || r.Hops != 0 {
		t.Errorf("to a stranger's address: %+v", r)
	}
	b.wantEnd(b.walk(b.ask(1, relay3, TCP)).End, NoHost, "to what the stranger does not answer")
	// RFC 792: the stranger's reply comes back from where the request went.
	p = b.ask(1, relay3, EchoRequest)
	b.walk(p)
	b.delivered("reply of a stranger", b.answer(p))
}

// RFC 4787 section 4.1, REQ-1; RFC 5508 REQ-1 for queries: what of the other
// end makes another mapping.
func TestMappingDependence(t *testing.T) {
	for _, tc := range []struct {
		mapping                     Dependence
		kind                        Kind
		sameHost, samePort, another int // mappings after each further request
	}{
		{EndpointIndependent, UDP, 1, 1, 1},
		{AddressDependent, UDP, 1, 1, 2},
		{AddressAndPortDependent, UDP, 1, 2, 3},
		{AddressAndPortDependent, EchoRequest, 1, 1, 1},
	} {
		s := homes()
		s.Boxes[ispNAT].NAT.Mapping = tc.mapping
		b := newBench(t, s)
		p := b.ask(1, relay1, tc.kind)
		count := func(p Packet, want int, what string) {
			t.Helper()
			b.flow++
			p.Flow = b.flow
			b.walk(p)
			if got := b.st.tables.nats[b.net.boxes[ispNAT].nat.number].live; got != want {
				t.Errorf("%v, dependence %d: %d mappings after %s, want %d", tc.kind, tc.mapping, got, what, want)
			}
		}
		count(p, 1, "a request")
		count(p, tc.sameHost, "another to the same host and port")
		q := p
		q.Dst.Port++
		count(q, tc.samePort, "one to another port")
		q = p
		q.Dst = b.ask(1, relay2, tc.kind).Dst
		count(q, tc.another, "one to another address")
		q.Src.Port++
		count(q, tc.another+1, "one from another port")
	}
}

// RFC 4787 section 5, REQ-8: from whom packets to a mapping pass. Here a relay
// sends to the outside endpoint of a client's mapping.
func TestFilteringDependence(t *testing.T) {
	for _, tc := range []struct {
		filtering         Dependence
		same, port, other End // from the same endpoint, another port, another address
	}{
		{EndpointIndependent, Delivered, Delivered, Delivered},
		{AddressDependent, Delivered, Delivered, NoMapping},
		{AddressAndPortDependent, Delivered, NoMapping, NoMapping},
	} {
		s := homes()
		s.Boxes[ispNAT].NAT.Filtering, s.Boxes[flatNAT].NAT.Filtering = tc.filtering, tc.filtering
		b := newBench(t, s)
		p := b.ask(1, relay1, UDP)
		_, at, _ := b.arriving(p)
		poke := func(h HostID, port uint16) End {
			b.flow++
			q := Packet{Kind: UDP, Src: b.net.Host(h), Dst: at.Src, TTL: MaxTTL, Flow: b.flow}
			q.Dst.Host, q.Dst.Role = AnyHost, Stranger
			q.Src.Port = port
			r, got, _ := b.arriving(q)
			if r.End == Delivered && (got.Dst.Port != p.Src.Port || got.Dst.Source != 1 || got.Dst.At != p.Src.At) {
				t.Errorf("delivered to %+v, want %+v", got.Dst, p.Src)
			}
			return r.End
		}
		b.wantEnd(poke(relay1, p.Dst.Port), tc.same, "from the same endpoint")
		b.wantEnd(poke(relay1, p.Dst.Port+1), tc.port, "from another port")
		b.wantEnd(poke(relay3, p.Dst.Port), tc.other, "from another address")
		b.at = b.at.Add(UDPTimeout)
		b.wantEnd(poke(relay1, p.Dst.Port), NoMapping, "after the mapping's lifetime")
	}
}

// RFC 4787 REQ-6: what the filter lets in lives as long as packets go out to
// that end, whoever else keeps the mapping alive.
func TestFiltersExpireByThemselves(t *testing.T) {
	for _, tc := range []struct {
		filtering Dependence
		want      End
	}{{EndpointIndependent, Delivered}, {AddressDependent, NoMapping}} {
		s := homes()
		s.Boxes[ispNAT].NAT.Filtering = tc.filtering
		s.Boxes[seatNAT].NAT.Static = append(s.Boxes[seatNAT].NAT.Static, StaticNAT{addr("203.0.113.11"), relay3})
		s.Hosts[relay3].ListedAs = addr("203.0.113.11")
		b := newBench(t, s)
		p, q := b.ask(1, relay1, EchoRequest), b.ask(1, relay3, EchoRequest)
		b.delivered("request", p)
		b.at = vtime.Instant(20 * time.Second)
		b.delivered("reply, and a request to another", b.answer(p), q)
		b.at = vtime.Instant(35 * time.Second)
		b.wantEnd(b.walk(b.answer(p)).End, tc.want, "a late reply")
		b.delivered("reply of the other", b.answer(q))
	}
}

// A mapping that is used towards two networks outside is seen where it is used.
func TestMappingsOfTwoOutsides(t *testing.T) {
	s := homes()
	second := NetworkID(len(s.Networks))
	s.Networks = append(s.Networks, NetworkSpec{Name: "other-world", Prefixes: prefixesOf("192.88.0.0/24")})
	s.Legs = append(s.Legs, LegSpec{Name: "other-leg", Network: second, Box: ispNAT, Side: 1})
	s.Hosts = append(s.Hosts, HostSpec{Name: "other", Network: second, Role: Relay, Addrs: addrs("192.88.0.1")})
	b := newBench(t, s)
	for h, want := range map[HostID]NetworkID{relay1: world, HostID(len(s.Hosts) - 1): second} {
		p := b.ask(1, h, EchoRequest)
		if r, got, _ := b.arriving(p); r.End != Delivered || got.Src.At.Network != want {
			t.Errorf("%v from %+v, want network %d", r.End, got.Src, want)
		}
		b.delivered("reply", b.answer(p))
	}
}

// A public address that leads nowhere.
func TestUnsolicitedPacketsFindNoMapping(t *testing.T) {
	b := newBench(t, homes())
	for _, tc := range []struct {
		h    HostID
		k    Kind
		want End
	}{{relay2, TCP, Delivered}, {relay2, EchoRequest, NoMapping}, {relay2, UDP, NoMapping}, {relay1, UDP, Delivered}} {
		r := b.walk(b.ask(1, tc.h, tc.k))
		b.wantEnd(r.End, tc.want, tc.k.String()+" to "+b.net.HostName(tc.h))
		if r.End == NoMapping && r.Box != seatNAT {
			t.Errorf("box %d, want gate", r.Box)
		}
	}
}

// RFC 4787 REQ-5 and REQ-6, RFC 5508 REQ-2, RFC 5382 REQ-5: a mapping lives for
// its lifetime after the last packet from inside, and replies do not refresh it.
func TestMappingLifetimes(t *testing.T) {
	for k, life := range map[Kind]time.Duration{TCP: 3 * time.Hour, UDP: 2 * time.Minute, EchoRequest: time.Minute} {
		s := homes()
		s.Boxes[ispNAT].Lifetimes = Lifetimes{3 * time.Hour, 2 * time.Minute, time.Minute}
		s.Boxes[flatNAT].Lifetimes, s.Boxes[seatNAT].Lifetimes = Lifetimes{9 * time.Hour, 9 * time.Hour, 9 * time.Hour}, Lifetimes{9 * time.Hour, 9 * time.Hour, 9 * time.Hour}
		b := newBench(t, s)
		p := b.ask(1, relay1, k)
		const toCGN = 3 * ms // from home, and as long back
		const back = 3 * ms  // from the relay
		reply := func(at time.Duration, want End) {
			t.Helper()
			b.wantEnd(b.net.Walk(b.st, b.answer(p), vtime.Instant(toCGN-back+at)).End, want, k.String()+" after "+at.String())
		}
		b.delivered("request", p)
		reply(life-1, Delivered)
		b.wantEnd(b.net.Walk(b.st, p, vtime.Instant(life-1)).End, Delivered, "another request")
		reply(life, Delivered)
		reply(2*life-2, Delivered)
		reply(2*life-1, NoMapping)
	}
}

// RFC 4787 section 4.2.1: a port is preserved where it is free, and no two
// mappings share one (REQ-3).
func TestPortsOfMappings(t *testing.T) {
	b := newBench(t, homes())
	ports := map[uint16]bool{}
	for client := range uint64(200) {
		p := b.ask(client, relay1, UDP)
		p.Src.Port = 5000
		_, got, _ := b.arriving(p)
		if client == 0 && got.Src.Port != 5000 {
			t.Errorf("port %d, want it preserved", got.Src.Port)
		}
		if ports[got.Src.Port] || client > 0 && got.Src.Port < firstPort {
			t.Errorf("client %d has port %d", client, got.Src.Port)
		}
		ports[got.Src.Port] = true
		reply := b.answer(p)
		if r, got, _ := b.arriving(reply); r.End != Delivered || got.Dst != p.Src {
			t.Errorf("client %d: reply %v to %+v", client, r.End, got.Dst)
		}
	}
}

// RFC 4787 REQ-2, paired pooling: all of a client's mappings have one address
// of the pool, and clients are spread over it.
func TestPairedPooling(t *testing.T) {
	s := homes()
	s.Boxes[ispNAT].NAT.Pool = addrs(publicCGN, "198.51.100.2", "198.51.100.3", "198.51.100.4")
	b := newBench(t, s)
	clients := map[AddrID]int{}
	for client := range uint64(400) {
		var of AddrID
		for _, k := range []Kind{TCP, UDP, EchoRequest} {
			_, got, _ := b.arriving(b.ask(client, relay1, k))
			if of != NoAddr && got.Src.Addr != of {
				t.Fatalf("client %d has %v and %v", client, b.net.Addr(of), b.net.Addr(got.Src.Addr))
			}
			of = got.Src.Addr
		}
		clients[of]++
	}
	if len(clients) != 4 {
		t.Fatalf("clients by address: %v", clients)
	}
	for a, n := range clients {
		if n < 70 || n > 130 { // 100 ± 3.5 standard deviations
			t.Errorf("%v has %d of 400 clients", b.net.Addr(a), n)
		}
	}
}

// RFC 6888 REQ-4: a limit on the mappings of one inside host, and one on all.
// What is over ends TableFull; what expires makes room.
func TestTablesOfMappings(t *testing.T) {
	for _, tc := range []struct {
		name              string
		mappings, perHost int
		ends              []End // of UDP from clients 1, 1, 1, 2
	}{
		{"any number", 0, 0, []End{Delivered, Delivered, Delivered, Delivered}},
		{"two of one host", 0, 2, []End{Delivered, Delivered, TableFull, Delivered}},
		{"three in all", 3, 0, []End{Delivered, Delivered, Delivered, TableFull}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := homes()
			s.Boxes[ispNAT].NAT.Mappings, s.Boxes[ispNAT].NAT.PerHost = tc.mappings, tc.perHost
			b := newBench(t, s)
			send := func(i int, client uint64, at vtime.Instant) End {
				p := b.ask(client, relay1, UDP)
				p.Src.Port = uint16(1000 + i)
				r := b.net.Walk(b.st, p, at)
				if r.End == TableFull && r.Box != ispNAT {
					t.Errorf("full at box %d", r.Box)
				}
				return r.End
			}
			for i, want := range tc.ends {
				client := uint64(1)
				if i == 3 {
					client = 2
				}
				b.wantEnd(send(i, client, vtime.Instant(i)), want, tc.name)
			}
			b.wantEnd(send(9, 2, vtime.Instant(UDPTimeout)), Delivered, "when the first has expired")
			limited := tc.mappings+tc.perHost > 0
			if f := b.st.Fate(Attachment{Network: flat}, relay1, UDP); f.Coupled != limited || f.Forward != Delivered {
				t.Errorf("Fate = %+v, want coupled %v", *f, limited)
			}
			if b.net.Limits(UDP) != limited || b.net.Limits(EchoRequest) != limited {
				t.Errorf("Limits = %v, want %v", b.net.Limits(UDP), limited)
			}
		})
	}
}

// RFC 4787 section 6, REQ-9: hairpinning, with the public address as the source.
func TestHairpin(t *testing.T) {
	for _, hairpin := range []bool{false, true} {
		s := homes()
		s.Boxes[seatNAT].NAT.Hairpin = hairpin
		b := newBench(t, s)
		p, ok := b.st.Request(Attachment{Network: seat}, 5, relay1, EchoRequest, MaxTTL, 1)
		if !ok {
			t.Fatal("no request")
		}
		r, got, _ := b.arriving(p)
		if !hairpin {
			b.wantEnd(r.End, NoMapping, "without hairpinning")
			continue
		}
		if r.End != Delivered || r.Hops != 3 || b.net.Addr(got.Src.Addr) != addr(publicGate) || got.Dst.Host != relay1 {
			t.Errorf("%+v from %+v to %+v", r, got.Src, got.Dst)
		}
		r, got, _ = b.arriving(b.answer(p))
		if r.End != Delivered || got.Src != p.Dst || got.Dst != p.Src {
			t.Errorf("reply %v from %+v to %+v", r.End, got.Src, got.Dst)
		}
		p.TTL = 3
		p.Flow++
		e, _ := b.errorOf(p, b.walk(p))
		if r, _, quoted := b.arriving(e); r.End != Delivered || quoted != (header{p.Src, p.Dst}) {
			t.Errorf("error %v quotes %+v", r.End, quoted)
		}
	}
}

// Hosts of Static are who they are outside too, in both directions.
func TestStaticSources(t *testing.T) {
	b := newBench(t, homes())
	e := b.net.Client(Attachment{Network: world}, 9)
	p := Packet{Kind: TCP, Src: b.net.Host(relay1), Dst: e, TTL: MaxTTL, Flow: 1}
	r, got, _ := b.arriving(p)
	if r.End != Delivered || b.net.Addr(got.Src.Addr) != addr(publicRelay1) || got.Src.Host != relay1 {
		t.Errorf("%v from %+v", r.End, got.Src)
	}
	if r, got, _ := b.arriving(b.answer(p)); r.End != Delivered || got.Dst != p.Src {
		t.Errorf("reply %v to %+v, want %+v", r.End, got.Dst, p.Src)
	}
	p.Src = b.net.Host(relay3)
	p.Flow++
	if _, got, _ := b.arriving(p); b.net.Addr(got.Src.Addr) != addr(publicGate) || got.Src.Host != AnyHost {
		t.Errorf("any other host is seen as %+v", got.Src)
	}
}

// RFC 5508 REQ-4: errors from outside need a mapping; RFC 4787 REQ-11 forbids
// to drop them. DropsErrors does it all the same.
func TestErrorsThroughTranslators(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Spec)
		after  time.Duration
		want   End
	}{
		{"related", func(*Spec) {}, 0, Delivered},
		{"not let back", func(s *Spec) {
			s.Boxes[ispNAT].RelatedErrors, s.Boxes[ispNAT].Otherwise = false, Drop
			s.Boxes[ispNAT].Rules = []Rule{accepting(EchoRequest)}
		}, 0, Filtered},
		{"a rule for them", func(s *Spec) {
			s.Boxes[ispNAT].RelatedErrors, s.Boxes[ispNAT].Otherwise = false, Drop
			s.Boxes[ispNAT].Rules = []Rule{accepting(EchoRequest, TimeExceeded)}
		}, 0, Delivered},
		{"dropped", func(s *Spec) { s.Boxes[ispNAT].NAT.DropsErrors = true }, 0, Filtered},
		{"no mapping any more", func(*Spec) {}, ICMPTimeout, NoMapping},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := homes()
			tc.change(s)
			b := newBench(t, s)
			p := b.ask(1, relay1, EchoRequest)
			p.TTL = houseToOffice - 1
			e, ok := b.errorOf(p, b.walk(p))
			if !ok {
				t.Fatal("no error")
			}
			b.at = b.at.Add(tc.after)
			r := b.walk(e)
			b.wantEnd(r.End, tc.want, "error")
			if r.End != Delivered && r.Box != ispNAT {
				t.Errorf("ended by box %d", r.Box)
			}
		})
	}
}

// RFC 5508 REQ-5: an error from inside about a reply has the translator's own
// address outside, and quotes the outside endpoint.
func TestErrorsFromInsideTranslators(t *testing.T) {
	b := newBench(t, homes())
	p := b.ask(1, relay1, EchoRequest)
	b.delivered("request", p)
	reply := b.answer(p)
	reply.TTL = houseToOffice // expires at the router of the home
	r := b.walk(reply)
	e, ok := b.errorOf(reply, r)
	if !ok || r.Box != flatNAT {
		t.Fatalf("%+v, error %v", r, ok)
	}
	r, got, quoted := b.arriving(e)
	if r.End != Delivered || b.net.Addr(got.Src.Addr) != addr(publicCGN) || got.Src.Role != Router {
		t.Errorf("%v from %+v, want the address of the cgn", r.End, got.Src)
	}
	if b.net.Addr(quoted.near.Addr) != addr(publicCGN) || quoted.near.Port != p.Src.Port || got.Dst.Host != relay1 {
		t.Errorf("quotes a packet to %+v, sent to %+v", quoted.near, got.Dst)
	}
}

// FromDestination: errors about what a translator has translated from outside,
// its own ones and those from inside, come from where the packet was sent to, as
// in Linux. Those about anything else come from who made them.
func TestErrorsFromTheDestination(t *testing.T) {
	const gate = houseToOffice - 1 // TTL that expires at it
	for _, tc := range []struct {
		name string
		host HostID
		kind Kind
		want string
	}{
		{"static", relay1, EchoRequest, publicRelay1},
		{"forwarded", relay2, TCP, publicGate},
	} {
		for ttl := uint8(1); ttl <= houseToOffice; ttl++ {
			s := homes()
			s.Boxes[seatNAT].NAT.ErrorSource = FromDestination
			b := newBench(t, s)
			p := b.ask(1, tc.host, tc.kind)
			p.TTL = ttl
			r := b.walk(p)
			if r.Box == seatNAT != (ttl == gate) {
				t.Fatalf("TTL %d ends at box %d", ttl, r.Box)
			}
			e, _ := b.errorOf(p, r)
			r, got, quoted := b.arriving(e)
			if r.End != Delivered || quoted != (header{p.Src, p.Dst}) {
				t.Errorf("%s, TTL %d: %v, quotes %+v", tc.name, ttl, r.End, quoted)
			}
			switch {
			case ttl < gate && got.Src.Role != Router:
				t.Errorf("%s, TTL %d: from %+v, want a router", tc.name, ttl, got.Src)
			case ttl >= gate && (b.net.Addr(got.Src.Addr) != addr(tc.want) || got.Src != p.Dst):
				t.Errorf("%s, TTL %d: from %+v, want %+v", tc.name, ttl, got.Src, p.Dst)
			}
		}
	}
}

// The same of errors about replies: whom the reply was for, as seen outside.
func TestErrorsFromTheDestinationOfReplies(t *testing.T) {
	for _, ttl := range []uint8{houseToOffice - 3, houseToOffice - 2, houseToOffice} {
		s := homes()
		s.Boxes[ispNAT].NAT.ErrorSource = FromDestination
		b := newBench(t, s)
		p := b.ask(1, relay1, EchoRequest)
		_, request, _ := b.arriving(p)
		reply := b.answer(p)
		reply.TTL = ttl
		r := b.walk(reply)
		e, ok := b.errorOf(reply, r)
		if !ok {
			t.Fatalf("TTL %d: no error about a reply that %v", ttl, r.End)
		}
		r, got, _ := b.arriving(e)
		if r.End != Delivered || got.Src.Role != Client || got.Src != request.Src {
			t.Errorf("TTL %d: %v from %+v, want %+v", ttl, r.End, got.Src, request.Src)
		}
	}
}

// A translator is a firewall too, whose rules see the addresses inside.
func TestRulesOfTranslatorsSeeTheInside(t *testing.T) {
	for _, tc := range []struct {
		name string
		box  BoxID
		rule Rule
		want End
	}{
		{"destination inside", seatNAT, Rule{To: Match{Prefixes: prefixesOf("10.1.0.1/32")}}, Delivered},
		{"not the public one", seatNAT, Rule{To: Match{Prefixes: prefixesOf(publicRelay1 + "/32")}}, Filtered},
		{"source inside", ispNAT, Rule{From: Match{Networks: []NetworkID{isp}}}, Delivered},
		{"not the public one", ispNAT, Rule{From: Match{Networks: []NetworkID{world}}}, Filtered},
		{"source of a home", flatNAT, Rule{From: Match{Prefixes: prefixesOf("192.168.0.0/16")}}, Delivered},
		{"source outside of another", seatNAT, Rule{From: Match{Prefixes: prefixesOf(publicCGN + "/32")}}, Delivered},
	} {
		s := homes()
		s.Boxes[tc.box].Rules, s.Boxes[tc.box].Otherwise = []Rule{tc.rule}, Drop
		b := newBench(t, s)
		p := b.ask(1, relay1, TCP)
		b.wantEnd(b.walk(p).End, tc.want, tc.name)
		if tc.want == Delivered {
			b.delivered(tc.name+", reply", b.answer(p))
		}
	}
}

// Limits by source count all clients behind a shared address as one, those of
// translators of their own each.
func TestSourcesBehindTranslators(t *testing.T) {
	for _, shared := range []bool{false, true} {
		s := homes()
		at := ispNAT
		if shared {
			at = seatNAT
		}
		s.Boxes[at].Rules = []Rule{limited(Limit{PerSecond: 1e-3, Burst: 1, PerSource: true}), {Verdict: Drop}}
		b := newBench(t, s)
		b.wantEnd(b.walk(b.ask(1, relay1, TCP)).End, Delivered, "first client")
		second := Delivered
		if shared {
			second = Filtered
		}
		b.wantEnd(b.walk(b.ask(2, relay1, TCP)).End, second, "second client")
		b.wantEnd(b.walk(b.ask(1, relay1, TCP)).End, Filtered, "first client again")
	}
}

// IPv6 is not translated: a translator is an ordinary firewall for it, which
// can be crossed both ways.
func TestIPv6IsNotTranslated(t *testing.T) {
	s := homes()
	for i, p := range []string{"2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/48", "2001:db8:4::/48"} {
		s.Networks[i].Prefixes = append(s.Networks[i].Prefixes, prefixesOf(p)...)
	}
	s.Hosts[relay3].Addrs = append(s.Hosts[relay3].Addrs, addr("2001:db8:4::3"))
	s.Networks[flat].Prefixes = prefixesOf("2001:db8:1::/48")
	b := newBench(t, s)
	p := b.ask(1, relay3, EchoRequest)
	r, got, _ := b.arriving(p)
	if !p.V6 || r.End != Delivered || got.Src != p.Src || got.Dst != p.Dst || r.Hops != houseToOffice {
		t.Fatalf("%+v: %+v", p, r)
	}
	b.delivered("reply", b.answer(p))
	// RFC 4443 section 3.3, RFC 8200 section 3: the hop limit is a TTL.
	p.TTL = houseToOffice
	e, ok := b.errorOf(p, b.walk(p))
	if !ok || !e.V6 || e.Kind != TimeExceeded || e.Code != 0 {
		t.Errorf("error %+v, %v", e, ok)
	}
	b.delivered("error", e)
	q := Packet{Kind: TCP, Src: b.net.Host(relay3), Dst: p.Src, TTL: MaxTTL, Flow: 99, V6: true}
	b.delivered("from outside to inside", q)
	s.Boxes[flatNAT].Rules = []Rule{{FromSides: 1 << 1, Families: IPv6, Verdict: Reject, With: HostUnreachable}}
	b = newBench(t, s)
	r = b.walk(q)
	e, ok = b.errorOf(q, r)
	if r.End != Refused || !ok || e.Code != 3 { // RFC 4443 section 3.1: address unreachable
		t.Errorf("%+v, error %+v, %v", r, e, ok)
	}
}

// TTL 1 at a translator that says nothing, as some do.
func TestEatsExpiring(t *testing.T) {
	s := homes()
	s.Boxes[flatNAT].EatsExpiring = true
	s.Boxes[flatNAT].Rules = []Rule{{Kinds: []Kind{UDP}, Verdict: Reject}}
	b := newBench(t, s)
	p := b.ask(1, relay1, EchoRequest)
	p.TTL = 1
	r := b.walk(p)
	if _, ok := b.errorOf(p, r); ok || r.End != Expired || r.Box != flatNAT {
		t.Errorf("%+v, error %v, want none", r, ok)
	}
	if e, ok := b.st.ErrorFate(p.Src.At, relay1, EchoRequest, 1); !ok || e.Made || e.Box != flatNAT || e.Kind != TimeExceeded {
		t.Errorf("ErrorFate = %+v, %v", e, ok)
	}
	p = b.ask(1, relay1, UDP)
	if _, ok := b.errorOf(p, b.walk(p)); !ok {
		t.Error("no other error either")
	}
}

// Where all ports of an address are taken and nothing limits their number, hosts
// share one, and each gets what is for it. What has expired is forgotten.
func TestMorePortsThanThereAre(t *testing.T) {
	s := homes()
	s.Boxes[ispNAT].NAT.Filtering = AddressAndPortDependent
	b := newBench(t, s)
	const clients = lastPort + 1000
	for client := range uint64(clients) {
		p := b.ask(client, relay1, UDP)
		r := b.walk(p)
		got, as, _ := b.arriving(b.answer(p))
		if r.End != Delivered || got.End != Delivered || as.Dst != p.Src {
			t.Fatalf("client %d: %v, %v to %+v, want %+v", client, r.End, got.End, as.Dst, p.Src)
		}
		b.at = 0
	}
	table := &b.st.tables.nats[b.net.boxes[ispNAT].nat.number]
	if table.live != clients || len(table.byInside) != clients || len(table.byOutside) > lastPort+1 {
		t.Errorf("%d mappings, %d by their inside, %d by their outside", table.live, len(table.byInside), len(table.byOutside))
	}
	for i := range uint64(10) {
		b.at = b.at.Add(UDPTimeout)
		b.delivered("later", b.ask(i, relay1, UDP))
	}
	if n := len(table.byInside); n > 2 || table.live != n || len(table.queue.entries) > 2 || len(table.ofHost) > 2 {
		t.Errorf("%d mappings kept, %d in the queue, of %d hosts", n, len(table.queue.entries), len(table.ofHost))
	}
}
