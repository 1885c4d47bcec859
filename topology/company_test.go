package topology

import (
	"net/netip"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// The company of the tests, from outside to inside:
//
//	home ── 3 ── edge ── 1 ── dmz ── 0 ── inner ── 1 ── core ── 1 ── (wan) ── 2 ── paris
//	                                                           └──── 1 ── lyon
//
// Numbers are routers on legs. Homes have 2 or 5 access routers; paris has 1
// router inside. An island has no leg at all.
const (
	home NetworkID = iota
	dmz
	core
	paris
	lyon
	island
)

const (
	edge BoxID = iota
	inner
	wan
)

const (
	homeEdge LegID = iota
	edgeDMZ
	dmzInner
	innerCore
	coreWAN
	wanParis
	wanLyon
)

const (
	dmz1 HostID = iota
	root
	paris1
	island1
)

const ms = time.Millisecond

// company returns the Spec of the tests with firewalls that accept everything
// and track nothing.
func company() *Spec {
	return &Spec{
		Networks: []NetworkSpec{
			home:   {Name: "home", Access: []int{2, 5}},
			dmz:    {Name: "dmz"},
			core:   {Name: "core"},
			paris:  {Name: "paris", InsideRouters: 1, InsideDelay: 3 * ms},
			lyon:   {Name: "lyon"},
			island: {Name: "island"},
		},
		Boxes: []BoxSpec{
			edge:  {Name: "edge", Kind: Stateless},
			inner: {Name: "inner", Kind: Stateless},
			wan:   {Name: "wan", Kind: Routed},
		},
		Legs: []LegSpec{
			homeEdge:  {Name: "home-edge", Network: home, Box: edge, Side: 0, Routers: 3, Delay: 10*ms + 3},
			edgeDMZ:   {Name: "edge-dmz", Network: dmz, Box: edge, Side: 1, Routers: 1, Delay: 2 * ms},
			dmzInner:  {Name: "dmz-inner", Network: dmz, Box: inner, Side: 0, Delay: 1 * ms},
			innerCore: {Name: "inner-core", Network: core, Box: inner, Side: 1, Routers: 1, Delay: 1 * ms},
			coreWAN:   {Name: "core-wan", Network: core, Box: wan, Side: 1, Routers: 1, Delay: 5 * ms},
			wanParis:  {Name: "paris-wan", Network: paris, Box: wan, Side: 0, Routers: 2, Delay: 7 * ms},
			wanLyon:   {Name: "lyon-wan", Network: lyon, Box: wan, Side: 0, Routers: 1, Delay: 6 * ms},
		},
		Hosts: []HostSpec{
			dmz1:    {Name: "dmz-1", Network: dmz, Role: Relay},
			root:    {Name: "root", Network: core, Role: Root},
			paris1:  {Name: "paris-1", Network: paris, Role: Relay},
			island1: {Name: "island-1", Network: island, Role: Relay},
		},
	}
}

// Routers between a client at home, of the first access variant, and hosts.
const (
	homeToDMZ   = 2 + 3 + 1 + 1
	homeToCore  = homeToDMZ + 0 + 1 + 1
	homeToParis = homeToCore + 1 + 2
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func addrs(all ...string) (list []netip.Addr) {
	for _, s := range all {
		list = append(list, addr(s))
	}
	return list
}

// accepting is a rule that lets kinds pass between any two hosts.
func accepting(kinds ...Kind) Rule { return Rule{Name: "open", Kinds: kinds} }

// guard makes a box a firewall of a kind that drops what no rule accepts.
func (s *Spec) guard(b BoxID, kind BoxKind, rules ...Rule) *BoxSpec {
	box := &s.Boxes[b]
	box.Kind, box.Rules, box.Otherwise = kind, rules, Drop
	return box
}

// bench is a Network with a State and a clock, for walking packets.
type bench struct {
	t    testing.TB
	net  *Network
	st   *State
	at   vtime.Instant
	flow uint64
	// replyTTL is that of answer, DefaultTTL if 0.
	replyTTL uint8
}

func newBench(t testing.TB, s *Spec) *bench {
	t.Helper()
	n, err := Compile(s)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return &bench{t: t, net: n, st: n.NewState()}
}

// request is a packet of a new flow.
func (b *bench) request(a Attachment, h HostID, k Kind, ttl uint8) Packet {
	b.flow++
	return Packet{Kind: k, Src: b.net.Client(a, 1), Dst: b.net.Host(h), TTL: ttl, Flow: b.flow}
}

func (b *bench) walk(p Packet) Result {
	r := b.net.Walk(b.st, p, b.at)
	b.at = max(b.at, r.At)
	return r
}

// send walks a request from home.
func (b *bench) send(h HostID, k Kind, ttl uint8) (Packet, Result) {
	p := b.request(Attachment{Network: home}, h, k, ttl)
	return p, b.walk(p)
}

// errorAbout walks the error about a request from home; it is not ok if there
// is none.
func (b *bench) errorAbout(h HostID, k Kind, ttl uint8) (e Packet, back Result, ok bool) {
	p, r := b.send(h, k, ttl)
	e, ok = b.st.ErrorAbout(p, r, r.At, 0)
	if ok {
		back = b.walk(e)
	}
	return e, back, ok
}

// errorOf is the error about a packet whose walk had the result r.
func (b *bench) errorOf(p Packet, r Result) (Packet, bool) { return b.st.ErrorAbout(p, r, r.At, 0) }

// exchange walks a request from home and the answer to it.
func (b *bench) exchange(h HostID, k Kind) (there, back End) {
	p, r := b.send(h, k, MaxTTL)
	if r.End != Delivered {
		return r.End, NumEnds
	}
	return Delivered, b.walk(b.net.Reply(p, k.Answer(), DefaultTTL, 0)).End
}

func (b *bench) wantEnd(got, want End, what string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// lostAt returns a key whose packet is lost under chance c and not under
// chance less.
func lostAt(t testing.TB, less, c rng.Chance) rng.Key {
	t.Helper()
	for n := range uint64(1 << 20) {
		if k := rng.Seed(n); IsLost(k, c) && !IsLost(k, less) {
			return k
		}
	}
	t.Fatalf("no key is lost between %v and %v", less.Float(), c.Float())
	return 0
}
