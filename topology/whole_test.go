package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// whole says what random Specs of everything may contain.
type whole struct {
	limits bool // of rules, tables and errors
	vary   bool // links that jitter, burst and reorder
}

func yes(t *rapid.T, what string, outOf int) bool {
	return rapid.IntRange(1, outOf).Draw(t, what) == outOf
}

func v4Of(i int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", i)) }

func v6Of(i int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", i)) }

// hostAddr is the n-th address of a prefix.
func hostAddr(p netip.Prefix, n int) netip.Addr {
	a := p.Addr()
	for range n {
		a = a.Next()
	}
	return a
}

// draw draws a Spec with everything that a network can have. Such a Spec need
// not make sense, and Compile may refuse it.
func (c whole) draw(t *rapid.T) *Spec {
	sh := shape{kinds: []BoxKind{Routed, Stateful, Stateful, Stateless}, rules: 3, limits: c.limits, loss: true, mute: true, routers: 2}
	s := &Spec{Balance: Balance(rapid.IntRange(0, int(numBalances)-1).Draw(t, "balance"))}
	networks, hosts := rapid.IntRange(2, 5).Draw(t, "networks"), rapid.IntRange(1, 3).Draw(t, "hosts")
	for i, name := range drawNames(t, "network", networks) {
		n := NetworkSpec{
			Name: name, InsideRouters: rapid.IntRange(0, 1).Draw(t, "inside"), InsideDelay: time.Duration(100 + i),
			TellsAbsent: rapid.Bool().Draw(t, "tells absent"), Prefixes: []netip.Prefix{v4Of(i)},
		}
		switch rapid.IntRange(0, 4).Draw(t, "families") {
		case 0:
			n.Prefixes = []netip.Prefix{v6Of(i)}
		case 1:
			n.Prefixes = append(n.Prefixes, v6Of(i))
		}
		if yes(t, "strangers", 4) {
			n.Strangers = []StrangerSpec{{
				Name: name + ".stranger", Prefix: v4Of(rapid.IntRange(0, networks-1).Draw(t, "of")),
				AnswersEcho: rapid.Bool().Draw(t, "echo"), AnswersTCP: rapid.Bool().Draw(t, "tcp"),
			}}
		}
		for range rapid.IntRange(0, 2).Draw(t, "variants") {
			n.Access = append(n.Access, rapid.IntRange(0, 2).Draw(t, "access"))
		}
		s.Networks = append(s.Networks, n)
	}
	for i, name := range drawNames(t, "host", hosts) {
		at := rapid.IntRange(0, networks-1).Draw(t, "at")
		h := HostSpec{Name: name, Network: NetworkID(at), Role: rapid.SampledFrom([]Role{Relay, Root}).Draw(t, "role")}
		for _, p := range s.Networks[at].Prefixes {
			if !yes(t, "no address", 6) {
				h.Addrs = append(h.Addrs, hostAddr(p, 1+i))
			}
		}
		s.Hosts = append(s.Hosts, h)
	}
	boxes := rapid.IntRange(1, 4).Draw(t, "boxes")
	for _, name := range drawNames(t, "box", boxes+1) {
		s.Boxes = append(s.Boxes, sh.drawBox(t, name, networks, hosts))
	}
	own := &s.Boxes[boxes] // the last one guards hosts
	own.Kind, own.Silent = Guard, false
	for i, name := range drawNames(t, "leg", rapid.IntRange(1, 9).Draw(t, "legs")) {
		s.Legs = append(s.Legs, LegSpec{
			Name: name, Network: NetworkID(rapid.IntRange(0, networks-1).Draw(t, "network")),
			Box: BoxID(rapid.IntRange(0, boxes-1).Draw(t, "box")), Side: uint8(rapid.IntRange(0, 2).Draw(t, "side")),
			Routers: rapid.IntRange(0, 2).Draw(t, "routers"), Delay: time.Duration(1000 + i), Loss: sh.drawLoss(t),
		})
	}
	for i := range s.Boxes {
		c.furnish(t, s, BoxID(i))
	}
	c.connect(t, s)
	c.tunnel(t, s)
	if c.vary {
		impaired(t, s)
	}
	return s
}

// furnish gives a box what boxes can have beside rules.
func (c whole) furnish(t *rapid.T, s *Spec, id BoxID) {
	b := &s.Boxes[id]
	networks := len(s.Networks)
	for i := range b.Rules {
		r := &b.Rules[i]
		r.With = Refusal(rapid.IntRange(0, int(numRefusals)-1).Draw(t, "with"))
		r.Untracked = b.Kind != Stateless && yes(t, "untracked", 8)
		switch rapid.IntRange(0, 5).Draw(t, "more") {
		case 0:
			r.Families = Families(rapid.IntRange(1, 3).Draw(t, "families"))
		case 1:
			r.FromSides = uint8(rapid.IntRange(1, 7).Draw(t, "sides"))
		case 2:
			r.To.Prefixes = []netip.Prefix{v4Of(rapid.IntRange(0, networks-1).Draw(t, "prefix"))}
		case 3:
			r.From.Prefixes = []netip.Prefix{v4Of(rapid.IntRange(0, networks-1).Draw(t, "prefix")), v6Of(0)}
		}
	}
	b.EatsExpiring = yes(t, "eats", 6)
	if yes(t, "errors from", 6) {
		b.ErrorsFrom = netip.MustParseAddr("198.18.0.1")
	}
	if c.limits && yes(t, "error limit", 4) {
		b.Errors = LinuxErrors()
	}
	if b.Kind == Stateful || b.Kind == Stateless {
		if yes(t, "echo for", 6) {
			b.EchoFor = []Match{drawMatch(t, networks, len(s.Hosts))}
		}
	}
	if c.limits && b.Kind == Stateful && yes(t, "flows", 4) {
		b.Flows = 1
	}
	outside := uint8(rapid.IntRange(0, 2).Draw(t, "outside"))
	if b.Kind != Stateful || !s.hasSides(id, outside) || yes(t, "no nat", 4) {
		return
	}
	nat := &NATSpec{
		Outside: outside, Hairpin: rapid.Bool().Draw(t, "hairpin"), DropsErrors: yes(t, "drops errors", 4),
		ErrorSource: ErrorSource(rapid.IntRange(0, int(numErrorSources)-1).Draw(t, "error source")),
		Mapping:     Dependence(rapid.IntRange(0, int(numDependences)-1).Draw(t, "mapping")),
		Filtering:   Dependence(rapid.IntRange(0, int(numDependences)-1).Draw(t, "filtering")),
	}
	b.NAT = nat
	if c.limits && yes(t, "mappings", 4) {
		nat.Mappings = 1
	}
	if yes(t, "per client", 2) {
		nat.PerClient = true
		return
	}
	public := netip.MustParsePrefix(fmt.Sprintf("203.0.%d.0/24", id))
	nat.Pool = []netip.Addr{hostAddr(public, 1), hostAddr(public, 2)}
	for h := range s.Hosts {
		switch rapid.IntRange(0, 3).Draw(t, "published") {
		case 0:
			nat.Static = append(nat.Static, StaticNAT{hostAddr(public, 10+h), HostID(h)})
		case 1:
			nat.Forwards = append(nat.Forwards, PortForward{hostAddr(public, 1), []Kind{requests[h%len(requests)]}, HostID(h)})
		}
	}
}

// connect adds views, guards and routes.
func (c whole) connect(t *rapid.T, s *Spec) {
	var known []netip.Addr
	s.addresses(func(a netip.Addr) {
		if a.IsValid() && a != netip.MustParseAddr("198.18.0.1") {
			known = append(known, a)
		}
	})
	known = append(known, hostAddr(v4Of(0), 99), netip.MustParseAddr("192.0.2.1"))
	for _, name := range drawNames(t, "view", rapid.IntRange(0, 2).Draw(t, "views")) {
		v := ViewSpec{Name: name, Closed: yes(t, "closed", 4)}
		for h := range s.Hosts {
			if rapid.Bool().Draw(t, "answer") {
				v.Answers = append(v.Answers, NameAnswer{HostID(h), []netip.Addr{rapid.SampledFrom(known).Draw(t, "addr")}})
			}
		}
		s.Views = append(s.Views, v)
	}
	for i := range s.Networks {
		if len(s.Views) > 0 && rapid.Bool().Draw(t, "view") {
			s.Networks[i].HasView, s.Networks[i].View = true, ViewID(rapid.IntRange(0, len(s.Views)-1).Draw(t, "which"))
		}
	}
	for i := range s.Hosts {
		if yes(t, "listed", 5) {
			s.Hosts[i].ListedAs = rapid.SampledFrom(known).Draw(t, "as")
		}
		if yes(t, "guarded", 3) {
			s.Hosts[i].Guard = GuardOf(BoxID(len(s.Boxes) - 1))
		}
	}
	seen := map[atFor]bool{}
	for range rapid.IntRange(0, 2).Draw(t, "routes") {
		leg := LegID(rapid.IntRange(0, len(s.Legs)-1).Draw(t, "leg"))
		r := RouteSpec{At: s.Legs[leg].Network, Leg: leg, To: []NetworkID{NetworkID(rapid.IntRange(0, len(s.Networks)-1).Draw(t, "to"))}}
		if at := (atFor{r.At, r.To[0]}); r.At != r.To[0] && !seen[at] {
			seen[at] = true
			s.Routes = append(s.Routes, r)
		}
	}
}

// tunnel makes the legs of one network tunnels over another, and it perhaps a
// place of VPN clients.
func (c whole) tunnel(t *rapid.T, s *Spec) {
	if len(s.Networks) < 3 || yes(t, "no tunnel", 2) {
		return
	}
	id := NetworkID(rapid.IntRange(0, len(s.Networks)-1).Draw(t, "vpn"))
	other := func(what string) NetworkID {
		return (id + 1 + NetworkID(rapid.IntRange(0, len(s.Networks)-2).Draw(t, what))) % NetworkID(len(s.Networks))
	}
	under, found := other("underlay"), false
	for i := range s.Legs {
		if s.Legs[i].Network == id {
			found = true
			s.Legs[i].Tunnel = &TunnelSpec{Over: under, Gateway: other("gateway")}
		}
	}
	if found && rapid.Bool().Draw(t, "clients") {
		s.Networks[id].Access = nil
		s.Networks[id].Tunneled = &TunneledSpec{Underlay: under}
		if rapid.Bool().Draw(t, "split") {
			s.Networks[id].Tunneled.Into = []NetworkID{other("into")}
		}
	}
}

// town draws a change of one of the Specs of the tests, in which packets get
// further than in those of draw: other behaviour of translators, some rules,
// a shortcut, static routes, answers of resolvers.
func (c whole) town(t *rapid.T) *Spec {
	sh := shape{rules: 2, limits: c.limits, loss: true, routers: 2}
	s := rapid.SampledFrom([]func() *Spec{homes, village}).Draw(t, "town")()
	s.Balance = Balance(rapid.IntRange(0, int(numBalances)-1).Draw(t, "balance"))
	networks, hosts := len(s.Networks), len(s.Hosts)
	for i := range s.Boxes {
		b := &s.Boxes[i]
		b.RelatedErrors = !yes(t, "unrelated", 4)
		b.EatsExpiring, b.Silent = yes(t, "eats", 8), yes(t, "silent", 8)
		if yes(t, "echo for", 10) {
			b.EchoFor = []Match{drawMatch(t, networks, hosts)}
		}
		if nat := b.NAT; nat != nil {
			nat.Hairpin, nat.DropsErrors = rapid.Bool().Draw(t, "hairpin"), yes(t, "drops errors", 5)
			nat.ErrorSource = ErrorSource(rapid.IntRange(0, int(numErrorSources)-1).Draw(t, "error source"))
			nat.Mapping = Dependence(rapid.IntRange(0, int(numDependences)-1).Draw(t, "mapping"))
			nat.Filtering = Dependence(rapid.IntRange(0, int(numDependences)-1).Draw(t, "filtering"))
		}
		if yes(t, "rules", 3) {
			for j := range rapid.IntRange(0, 2).Draw(t, "rules") {
				b.Rules = append(b.Rules, sh.drawRule(t, fmt.Sprint(b.Name, " rule ", j), networks, hosts))
			}
		}
	}
	for i := range s.Networks {
		s.Networks[i].TellsAbsent = rapid.Bool().Draw(t, "tells absent")
	}
	for i := range s.Legs {
		s.Legs[i].Loss = sh.drawLoss(t)
	}
	short := BoxID(len(s.Boxes))
	s.Boxes = append(s.Boxes, BoxSpec{Name: "shortcut", Kind: rapid.SampledFrom([]BoxKind{Routed, Stateful, Stateless}).Draw(t, "shortcut")})
	for i := range rapid.SampledFrom([]int{0, 2, 2, 3}).Draw(t, "legs") {
		s.Legs = append(s.Legs, LegSpec{
			Name: fmt.Sprint("short-", i), Network: NetworkID(rapid.IntRange(0, networks-1).Draw(t, "network")), Box: short,
			Side: uint8(i), Routers: rapid.IntRange(0, 2).Draw(t, "routers"), Metric: rapid.SampledFrom([]int{1, 50}).Draw(t, "metric"),
		})
		if s.Networks[s.Legs[len(s.Legs)-1].Network].Tunneled != nil {
			s.Legs = s.Legs[:len(s.Legs)-1]
		}
	}
	s.Boxes = append(s.Boxes, BoxSpec{Name: "own", Kind: Guard, RelatedErrors: true, Otherwise: Drop})
	for range 2 {
		if at := rapid.IntRange(0, networks-1).Draw(t, "of"); rapid.Bool().Draw(t, "strangers") {
			s.Networks[at].Strangers = []StrangerSpec{{Name: "portal", Prefix: netip.MustParsePrefix("10.0.0.0/8"), AnswersEcho: true}}
		}
	}
	c.connect(t, s)
	return s
}

// compile skips what Compile refuses.
func (c whole) compile(t *rapid.T) (*Spec, *Network) {
	draw := c.draw
	if rapid.Bool().Draw(t, "town") {
		draw = c.town
	}
	s := draw(t)
	n, err := Compile(s)
	if err != nil {
		t.Skip(err.Error())
	}
	return s, n
}

// eachRequest calls f for a request of each attachment, guarded and not, to
// each host of each kind that its name can be asked for.
func eachRequest(s *Spec, st *State, key rng.Key, f func(p Packet, h HostID)) {
	guard := GuardOf(BoxID(len(s.Boxes) - 1))
	n := uint64(0)
	for id := range s.Networks {
		for v := range st.net.networks[id].variants {
			for h := range s.Hosts {
				for _, k := range requests {
					n++
					a := Attachment{Network: NetworkID(id), Access: uint16(v)}
					if n%3 == 0 {
						a.Guard = guard
					}
					if p, ok := st.Request(a, n%4, HostID(h), k, MaxTTL, key.Child(rng.Probe, n)); ok {
						f(p, HostID(h))
					}
				}
			}
		}
	}
}

// eachHostRequest calls f for requests that hosts make to every address that
// the network knows.
func eachHostRequest(s *Spec, n *Network, f func(p Packet)) {
	flow := uint64(1 << 32)
	for h := range s.Hosts {
		src := n.Host(HostID(h))
		for id := range n.known {
			a := n.Addr(AddrID(id))
			if !a.IsValid() {
				continue
			}
			src.Addr = n.hosts[h].addrs.v4
			if a.Is6() {
				src.Addr = n.hosts[h].addrs.v6
			}
			for _, k := range requests {
				flow++
				f(Packet{
					Kind: k, Src: src, Dst: n.ownerOf(src.At.Network, AddrID(id), k, a.Is6()), TTL: MaxTTL,
					Flow: flow, V6: a.Is6(), Key: rng.Key(flow),
				})
			}
		}
	}
}

// seen is what a client sees of a probe, and what ends its packets.
type seen struct {
	End   End
	By    Answerer
	Reply End // NumEnds if there is none
	Error End
	Kind  Kind // of the error
	Box   BoxID
	Home  vtime.Instant // arrival of what comes back
}

// walked carries each packet of an exchange.
func walked(st *State, p Packet, back rng.Key, at vtime.Instant) (o seen) {
	o = seen{Reply: NumEnds, Error: NumEnds}
	r := st.net.Walk(st, p, at)
	o.End, o.By, o.Box = r.End, r.By, r.Box
	var answer Packet
	var end *End
	if r.End == Delivered {
		answer, end = st.net.Reply(p, p.Kind.Answer(), DefaultTTL, back), &o.Reply
	} else if e, made := st.ErrorAbout(p, r, r.At, back); made {
		answer, end, o.Kind = e, &o.Error, e.Kind
	} else {
		if r.End != Lost {
			o.Box = st.net.boxAt(r)
		}
		return o
	}
	b := st.net.Walk(st, answer, r.At)
	*end, o.Box = b.End, b.Box
	if b.End == Delivered {
		o.Home = b.At
	}
	return o
}

// foretold says the same from the memo.
func foretold(st *State, p Packet, back rng.Key, at vtime.Instant) (o seen) {
	o = seen{Reply: NumEnds, Error: NumEnds, Box: NoBox}
	f := st.FateOf(&p)
	e, calls := st.ErrorFateOf(&p)
	o.End = f.End(p.TTL)
	there, lost := st.Out(f, p.Key, at)
	if calls {
		there, lost = st.ErrorOut(&e, p.Key, at)
	}
	if lost {
		o.End = Lost
		return o
	}
	var home vtime.Instant
	switch {
	case calls && !e.Made:
		o.Box = e.Box
		return o
	case calls:
		o.Kind, o.Box, o.Error = e.Kind, e.Box, Filtered
		if home, lost = st.ErrorHome(&e, back, there); lost {
			o.Error, o.Box = Lost, NoBox
		} else if e.Arrives {
			o.Error, o.Home = Delivered, home
		}
	case o.End != Delivered:
		o.Box = f.Box
	default:
		o.By, o.Reply, o.Box = f.By, f.Back, f.Box
		if home, lost = st.Home(f, back, there); lost {
			o.Reply, o.Box = Lost, NoBox
		} else if f.Back == Delivered {
			o.Home = home
		}
	}
	return o
}

// checkUntil checks a property at least rounds times over, and up to twenty
// times as often until enough has been met: few are drawn under -short, and
// which, is chance.
func checkUntil(t *testing.T, rounds int, enough func() bool, property func(*rapid.T)) {
	t.Helper()
	for n := 0; !t.Failed() && (n < rounds || n < 20*rounds && !enough()); n++ {
		rapid.Check(t, property)
	}
}

// disturb cuts legs and lets hosts and views fail.
func disturb(t *rapid.T, s *Spec, st *State) {
	for l := range s.Legs {
		st.SetLeg(LegID(l), !yes(t, "cut", 12))
	}
	for h := range s.Hosts {
		st.SetHost(HostID(h), !yes(t, "down", 6))
	}
	for v := range s.Views {
		st.SetView(ViewID(v), !yes(t, "resolver", 8))
	}
}

// Fates and ErrorFates agree with Walk in networks with everything, wherever no
// limit couples, in a State that other packets have been through.
func TestFatesOfEverythingAgreeWithWalk(t *testing.T) {
	ends := map[End]int{}
	wanted := []End{Delivered, Expired, Filtered, Refused, Lost, Cut, NoRoute, NoHost, NoMapping}
	enough := func() bool { return !slices.ContainsFunc(wanted, func(e End) bool { return ends[e] == 0 }) }
	checkUntil(t, 1, enough, func(t *rapid.T) {
		s, n := whole{limits: rapid.Bool().Draw(t, "limits"), vary: rapid.Bool().Draw(t, "vary")}.compile(t)
		st := n.NewState()
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		st.SetWeather(key)
		at := vtime.Instant(0)
		for range 2 {
			disturb(t, s, st)
			eachRequest(s, st, key, func(p Packet, h HostID) {
				f := st.FateOf(&p)
				if hops, ok := n.Hops(p.Src.At, h); ok && s.Balance == OneWay && p.Kind == EchoRequest && hops != int(f.Hops) {
					t.Fatalf("%+v to %s: Hops = %d, of the fate %d", p, s.Hosts[h].Name, hops, f.Hops)
				}
				p.TTL = uint8(rapid.SampledFrom([]int{1, 2, 3, 5, max(1, int(f.FilterHops)), int(f.FilterHops) + 1, 255}).Draw(t, "ttl"))
				at = at.Add(time.Second)
				if e, ok := st.ErrorFateOf(&p); f.Coupled || ok && e.Coupled {
					return
				}
				back := p.Key + 1
				want, got := walked(st, p, back, at), foretold(st, p, back, at)
				ends[want.End]++
				if want.Error != NumEnds && want.Error != Delivered && want.Error != Lost {
					want.Error = Filtered // ErrorFate does not tell how it ended
				}
				if want.End == Lost {
					want.Box = NoBox
				}
				if d := gocmp.Diff(want, got); d != "" {
					t.Fatalf("%+v to %s (-walk +fate):\n%s", p, s.Hosts[h].Name, d)
				}
			})
		}
		if err := st.Balanced(); err != nil {
			t.Fatal(err)
		}
	})
	if !enough() {
		t.Errorf("want some packets to end each of %v, got %v", wanted, ends)
	}
}

// What comes back to a client or host has the ends of what it sent, and quotes
// it as it was, whatever translators are in between; and what is told about a
// reply has those of the reply.
func TestEverythingThatComesBackIsTranslatedBack(t *testing.T) {
	replies, errors, about := 0, 0, 0
	enough := func() bool { return replies > 0 && errors > 0 && about > 0 }
	checkUntil(t, 1, enough, func(t *rapid.T) {
		s, n := whole{}.compile(t)
		st := n.NewState()
		b := &bench{net: n, st: st}
		check := func(p Packet) {
			r, there, _ := b.arriving(p)
			answer, made := b.errorOf(p, r)
			if r.End == Delivered {
				answer, made = b.answer(p), true
			}
			if !made {
				return
			}
			got, as, quoted := b.arriving(answer)
			switch {
			case got.End != Delivered && r.End == Delivered:
				e, made := b.errorOf(answer, got)
				if !made {
					return
				}
				if got, as, quoted = b.arriving(e); got.End != Delivered || r.By == Middlebox {
					return
				}
				about++
				if !e.Kind.IsError() {
					return
				}
				if want := (header{there.Src, there.Dst}); quoted != want || as.Dst != there.Dst {
					t.Fatalf("%+v: an error about the reply quotes %+v, want %+v", p, quoted, want)
				}
				return
			case got.End != Delivered:
				return
			}
			h := header{p.Src, p.Dst}
			if n.networks[p.Src.At.Network].tunneled != nil { // it may be in Underlay
				quoted.near.At.Network, as.Dst.At.Network = p.Src.At.Network, p.Src.At.Network
			}
			if answer.Kind.IsError() {
				errors++
			} else {
				replies++
			}
			if as.Dst != p.Src || answer.Kind.IsError() && quoted != h || !answer.Kind.IsError() && as.Src != p.Dst {
				t.Fatalf("%+v: %+v came back as %+v, quoting %+v", p, answer, as, quoted)
			}
		}
		short := func(p Packet) Packet {
			p.TTL = uint8(rapid.SampledFrom([]int{1, 2, 3, 5, 7, 255, 255}).Draw(t, "ttl"))
			return p
		}
		eachRequest(s, st, rng.Seed(rapid.Uint64().Draw(t, "seed")), func(p Packet, _ HostID) { check(short(p)) })
		eachHostRequest(s, n, func(p Packet) { check(short(p)) })
		b.replyTTL = uint8(rapid.IntRange(1, 6).Draw(t, "ttl of replies"))
		eachRequest(s, st, rng.Seed(1), func(p Packet, _ HostID) { check(p) })
		eachHostRequest(s, n, func(p Packet) { check(p) })
	})
	if !enough() {
		t.Errorf("%d replies, %d errors about requests, %d about replies", replies, errors, about)
	}
}

// The TTL budget: a packet that is delivered had one more than the routers that
// it met, and one that had no more than that did not get further than its TTL;
// each router that it met took 1.
func TestTTLIsConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := whole{}.compile(t)
		st := n.NewState()
		eachRequest(s, st, rng.Seed(rapid.Uint64().Draw(t, "seed")), func(p Packet, _ HostID) {
			p.TTL = uint8(rapid.SampledFrom([]int{1, 2, 3, 4, 6, 255}).Draw(t, "ttl"))
			var w walker
			w.start(st, &p, 0)
			switch r := w.run(); {
			case r.End == Expired && r.ending.place == (place{}): // inside a tunnel
			case r.End == Expired:
				if r.Hops != int(p.TTL)-1 || w.ttl != 0 {
					t.Fatalf("TTL %d: %+v with %d left", p.TTL, r, w.ttl)
				}
			case r.Hops >= int(p.TTL) || w.ttl != int(p.TTL)-r.Hops:
				t.Fatalf("TTL %d: %+v with %d left", p.TTL, r, w.ttl)
			}
		})
	})
}

// Trace is Walk, told element by element, in networks with everything.
func TestTraceOfEverythingAgreesWithWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := whole{limits: true, vary: true}.compile(t)
		a, b := n.NewState(), n.NewState()
		compare := func(p Packet) {
			p.TTL = uint8(rapid.SampledFrom([]int{1, 3, 5, 255}).Draw(t, "ttl"))
			for {
				want := n.Walk(a, p, 0)
				got, hops := n.Trace(b, p, 0)
				if got != want {
					t.Fatalf("Trace = %+v, Walk = %+v", got, want)
				}
				if len(hops) == 0 || hops[len(hops)-1].At != want.At {
					t.Fatalf("hops %+v of %+v", hops, want)
				}
				e, ok := a.ErrorAbout(p, want, want.At, 1)
				f, also := b.ErrorAbout(p, got, got.At, 1)
				if ok != also || e != f {
					t.Fatalf("errors %+v, %v and %+v, %v", e, ok, f, also)
				}
				switch {
				case ok:
					p = e
				case want.End == Delivered && !p.answers:
					p = n.Reply(p, p.Kind.Answer(), DefaultTTL, 2)
				default:
					return
				}
			}
		}
		eachRequest(s, a, rng.Seed(rapid.Uint64().Draw(t, "seed")), func(p Packet, _ HostID) { compare(p) })
		eachHostRequest(s, n, compare)
	})
}

// shuffleWhole permutes all declarations of a Spec, with the ids in it.
func shuffleWhole(t *rapid.T, s *Spec) (out *Spec, network, host []int) {
	perm := func(what string, n int) []int {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return rapid.Permutation(order).Draw(t, what)
	}
	network, host = perm("networks", len(s.Networks)), perm("hosts", len(s.Hosts))
	box, leg := perm("boxes", len(s.Boxes)-1), perm("legs", len(s.Legs))
	box = append(box, len(s.Boxes)-1) // eachRequest takes the last one for a guard
	view := perm("views", len(s.Views))
	nets := func(ids []NetworkID) (out []NetworkID) {
		for _, id := range ids {
			out = append(out, NetworkID(network[id]))
		}
		return out
	}
	out = &Spec{
		Networks: permuted(s.Networks, network), Hosts: permuted(s.Hosts, host), Boxes: permuted(s.Boxes, box),
		Legs: permuted(s.Legs, leg), Views: permuted(s.Views, view), Balance: s.Balance,
	}
	for _, r := range s.Routes {
		out.Routes = append(out.Routes, RouteSpec{At: NetworkID(network[r.At]), To: nets(r.To), Leg: LegID(leg[r.Leg])})
	}
	slices.Reverse(out.Routes)
	for i := range out.Networks {
		n := &out.Networks[i]
		if n.HasView {
			n.View = ViewID(view[n.View])
		}
		if n.Tunneled != nil {
			n.Tunneled = &TunneledSpec{NetworkID(network[n.Tunneled.Underlay]), nets(n.Tunneled.Into)}
		}
	}
	for i := range out.Hosts {
		out.Hosts[i].Network = NetworkID(network[out.Hosts[i].Network])
	}
	for i := range out.Legs {
		l := &out.Legs[i]
		l.Network, l.Box = NetworkID(network[l.Network]), BoxID(box[l.Box])
		if l.Tunnel != nil {
			l.Tunnel = &TunnelSpec{NetworkID(network[l.Tunnel.Over]), NetworkID(network[l.Tunnel.Gateway])}
		}
	}
	for i := range out.Views {
		v := &out.Views[i]
		v.Answers = slices.Clone(v.Answers)
		for j := range v.Answers {
			v.Answers[j].Host = HostID(host[v.Answers[j].Host])
		}
		slices.Reverse(v.Answers)
	}
	for i := range out.Boxes {
		b := &out.Boxes[i]
		b.Rules, b.EchoFor = slices.Clone(b.Rules), slices.Clone(b.EchoFor)
		for j := range b.Rules {
			r := &b.Rules[j]
			r.From, r.To = renumber(r.From, network, host), renumber(r.To, network, host)
		}
		for j := range b.EchoFor {
			b.EchoFor[j] = renumber(b.EchoFor[j], network, host)
		}
		if b.NAT != nil {
			nat := *b.NAT
			nat.Static, nat.Forwards = slices.Clone(nat.Static), slices.Clone(nat.Forwards)
			for j := range nat.Static {
				nat.Static[j].Host = HostID(host[nat.Static[j].Host])
			}
			for j := range nat.Forwards {
				nat.Forwards[j].Host = HostID(host[nat.Forwards[j].Host])
			}
			slices.Reverse(nat.Static)
			b.NAT = &nat
		}
	}
	return out, network, host
}

// The order of declaration changes nothing in networks with everything.
func TestOrderChangesNothingOfEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := whole{limits: true, vary: true}.compile(t)
		shuffled, network, host := shuffleWhole(t, s)
		m, err := Compile(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		a, b := n.NewState(), m.NewState()
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		a.SetWeather(key)
		b.SetWeather(key)
		eachRequest(s, a, key, func(p Packet, h HostID) {
			at := p.Src.At
			at.Network = NetworkID(network[at.Network])
			q, ok := b.Request(at, p.Src.Source, HostID(host[h]), p.Kind, MaxTTL, p.Key)
			if !ok {
				t.Fatal("only one resolves")
			}
			p.TTL = uint8(rapid.SampledFrom([]int{1, 3, 5, 255}).Draw(t, "ttl"))
			q.TTL = p.TTL
			if d := gocmp.Diff(told(a, p), told(b, q)); d != "" {
				t.Fatalf("%v to %s, TTL %d (-declared +shuffled):\n%s", p.Src.At, s.Hosts[h].Name, p.TTL, d)
			}
		})
	})
}

// told is everything that is to be seen of an exchange, by name.
func told(st *State, p Packet) (hops [][]Hop) {
	r, there := st.net.Trace(st, p, 0)
	q, ok := st.ErrorAbout(p, r, r.At, p.Key+1)
	if r.End == Delivered {
		q, ok = st.net.Reply(p, p.Kind.Answer(), DefaultTTL, p.Key+1), true
	}
	hops = append(hops, there)
	if ok {
		_, back := st.net.Trace(st, q, r.At)
		hops = append(hops, back)
	}
	return hops
}
