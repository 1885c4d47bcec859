package topology

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/vtime"
)

// shape says what random Specs may contain.
type shape struct {
	kinds   []BoxKind
	rules   int  // at most, of each firewall
	limits  bool // on rules
	loss    bool
	mute    bool // Silent and Drops
	allOpen bool // every default is Accept
	routers int  // at most, on a leg
}

var (
	everything = shape{kinds: []BoxKind{Routed, Stateful, Stateless}, rules: 4, limits: true, loss: true, mute: true, routers: 3}
	noLimits   = shape{kinds: []BoxKind{Routed, Stateful, Stateless}, rules: 4, loss: true, mute: true, routers: 3}
	stateless  = shape{kinds: []BoxKind{Routed, Stateless}, rules: 3, limits: true, mute: true, routers: 2}
	opened     = shape{kinds: []BoxKind{Routed, Stateful, Stateless}, allOpen: true, routers: 4}
)

// drawSpec draws a small network. Names are such that their order is not that
// of declaration.
func (sh shape) drawSpec(t *rapid.T) *Spec {
	s := &Spec{}
	networks := rapid.IntRange(1, 5).Draw(t, "networks")
	for i, name := range drawNames(t, "network", networks) {
		n := NetworkSpec{Name: name, InsideRouters: rapid.IntRange(0, 2).Draw(t, "inside"), InsideDelay: time.Duration(100 + i)}
		n.InsideLoss = sh.drawLoss(t)
		for range rapid.IntRange(0, 2).Draw(t, "variants") {
			n.Access = append(n.Access, rapid.IntRange(0, 2).Draw(t, "access"))
		}
		s.Networks = append(s.Networks, n)
	}
	hosts := rapid.IntRange(1, 3).Draw(t, "hosts")
	for _, name := range drawNames(t, "host", hosts) {
		s.Hosts = append(s.Hosts, HostSpec{
			Name: name, Network: NetworkID(rapid.IntRange(0, networks-1).Draw(t, "at")),
			Role: rapid.SampledFrom([]Role{Relay, Root}).Draw(t, "role"),
		})
	}
	boxes := rapid.IntRange(1, 4).Draw(t, "boxes")
	for _, name := range drawNames(t, "box", boxes) {
		s.Boxes = append(s.Boxes, sh.drawBox(t, name, networks, hosts))
	}
	for i, name := range drawNames(t, "leg", rapid.IntRange(1, 9).Draw(t, "legs")) {
		s.Legs = append(s.Legs, LegSpec{
			Name: name, Network: NetworkID(rapid.IntRange(0, networks-1).Draw(t, "network")),
			Box: BoxID(rapid.IntRange(0, boxes-1).Draw(t, "box")), Side: uint8(rapid.IntRange(0, 1).Draw(t, "side")),
			Routers: rapid.IntRange(0, sh.routers).Draw(t, "routers"), Delay: time.Duration(1000 + i), Loss: sh.drawLoss(t),
		})
	}
	return s
}

func drawNames(t *rapid.T, what string, n int) []string {
	letters := rapid.Permutation([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i"}).Draw(t, what+" names")
	out := make([]string, n)
	for i := range out {
		out[i] = what + "." + letters[i]
	}
	return out
}

func (sh shape) drawLoss(t *rapid.T) rng.Chance {
	if !sh.loss {
		return 0
	}
	return rng.ChanceOf(rapid.SampledFrom([]float64{0, 0, 0, 0.2, 0.9999999999, 1}).Draw(t, "loss"))
}

func (sh shape) drawBox(t *rapid.T, name string, networks, hosts int) BoxSpec {
	b := BoxSpec{Name: name, Kind: rapid.SampledFrom(sh.kinds).Draw(t, "kind")}
	if !sh.allOpen {
		b.Otherwise = Verdict(rapid.IntRange(0, 2).Draw(t, "otherwise"))
	}
	b.RelatedErrors = rapid.Bool().Draw(t, "related")
	if sh.mute {
		b.Silent = rapid.Bool().Draw(t, "silent")
		b.Drops = rapid.SliceOfN(drawKind(), 0, 1).Draw(t, "drops")
	}
	if b.Kind != Routed {
		for i := range rapid.IntRange(0, sh.rules).Draw(t, "rules") {
			b.Rules = append(b.Rules, sh.drawRule(t, fmt.Sprint(name, " rule ", i), networks, hosts))
		}
	}
	return b
}

func drawKind() *rapid.Generator[Kind] {
	return rapid.Map(rapid.IntRange(0, int(NumKinds)-1), func(k int) Kind { return Kind(k) })
}

func (sh shape) drawRule(t *rapid.T, name string, networks, hosts int) Rule {
	r := Rule{
		Name: name, From: drawMatch(t, networks, hosts), To: drawMatch(t, networks, hosts),
		Kinds: rapid.SliceOfN(drawKind(), 0, 3).Draw(t, "kinds"), Verdict: Verdict(rapid.IntRange(0, 2).Draw(t, "verdict")),
	}
	if sh.limits && rapid.Bool().Draw(t, "limited") {
		r.Limit = &Limit{PerSecond: 1e6, Burst: 1, PerSource: rapid.Bool().Draw(t, "per source")}
	}
	return r
}

func drawMatch(t *rapid.T, networks, hosts int) Match {
	var m Match
	switch rapid.IntRange(0, 5).Draw(t, "match") {
	case 0:
		m.Networks = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, networks-1), func(i int) NetworkID { return NetworkID(i) }), 1, 2).Draw(t, "in")
	case 1:
		m.Roles = Role(rapid.IntRange(1, int(allRoles)).Draw(t, "roles"))
	case 2:
		m.Hosts = []HostID{HostID(rapid.IntRange(0, hosts-1).Draw(t, "host"))}
	}
	return m
}

func compiled(t *rapid.T, s *Spec) *Network {
	n, err := Compile(s)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return n
}

// attachments lists those of a Spec, with the name of each.
func attachments(s *Spec) (all []Attachment) {
	for i, n := range s.Networks {
		for v := range max(1, len(n.Access)) {
			all = append(all, Attachment{Network: NetworkID(i), Access: uint16(v)})
		}
	}
	return all
}

var requests = []Kind{TCP, UDP, EchoRequest}

// eachExchange calls f for each attachment, host and kind of request.
func eachExchange(s *Spec, f func(a Attachment, h HostID, k Kind)) {
	for _, a := range attachments(s) {
		for h := range s.Hosts {
			for _, k := range requests {
				f(a, HostID(h), k)
			}
		}
	}
}

// Where everything is accepted, a packet is delivered if and only if its TTL is
// greater than the number of routers (RFC 1812 section 5.3.1).
func TestDeliveredIfAndOnlyIfTTLExceedsHops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := opened.drawSpec(t)
		n := compiled(t, s)
		st := n.NewState()
		flow := uint64(0)
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			hops, ok := n.Hops(a, h)
			if !ok {
				return
			}
			for _, ttl := range []int{1, hops - 1, hops, hops + 1, 255} {
				flow++
				p := Packet{Kind: k, Src: n.Client(a, 0), Dst: n.Host(h), TTL: uint8(max(ttl, 1)), Flow: flow}
				if got := n.Walk(st, p, 0).End == Delivered; got != (int(p.TTL) > hops) {
					t.Fatalf("%v to %s over %d routers with TTL %d: delivered %v", a, s.Hosts[h].Name, hops, p.TTL, got)
				}
			}
		})
	})
}

// outcome is what a client sees of one probe.
type outcome struct {
	End           End           // of the request
	Reply, Error  End           // NumEnds if there is none
	Box           BoxID         // that ended the last of them without loss
	ReplyAt       time.Duration // from sending, if it arrived
	ErrorAt       time.Duration
	ErrorKind     Kind
	ExpireForward bool
}

// byWalk carries each packet of an exchange.
func byWalk(n *Network, st *State, p Packet, back rng.Key, at vtime.Instant) (o outcome) {
	o = outcome{Reply: NumEnds, Error: NumEnds, Box: NoBox}
	r := n.Walk(st, p, at)
	o.End, o.Box = r.End, r.Box
	switch r.End {
	case Delivered:
		b := n.Walk(st, n.Reply(p, p.Kind.Answer(), DefaultTTL, back), r.At)
		o.Reply, o.Box = b.End, b.Box
		if b.End == Delivered {
			o.ReplyAt = b.At.Sub(at)
		}
	case Expired, Refused:
		o.ErrorKind = TimeExceeded
		if r.End == Refused {
			o.ErrorKind = Unreachable
		}
		o.Box = n.boxAt(r)
		if e, made := st.ErrorAbout(p, r, r.At, back); made {
			b := n.Walk(st, e, r.At)
			o.Error, o.Box = b.End, b.Box
			if b.End == Delivered {
				o.ErrorAt = b.At.Sub(at)
			}
		}
	}
	return o
}

// byFate predicts the same from the memo. ends, boxes and delays of what was
// lost are those of loss.
func byFate(st *State, p Packet, a Attachment, h HostID, back rng.Key) (o outcome) {
	o = outcome{Reply: NumEnds, Error: NumEnds, Box: NoBox}
	f := st.Fate(a, h, p.Kind)
	o.End = f.End(p.TTL)
	e, failed := st.ErrorFate(a, h, p.Kind, p.TTL)
	loss := f.LossForward
	if failed {
		loss = e.LossForward
	}
	if IsLost(p.Key, loss) {
		o.End = Lost
		return o
	}
	switch {
	case failed:
		predictError(&o, e, back)
	case o.End != Delivered:
		o.Box = f.Box
	case IsLost(back, f.LossBack):
		o.Reply = Lost
	default:
		o.Reply, o.Box = f.Back, f.Box
		if f.Back == Delivered {
			o.ReplyAt = f.DelayForward + f.DelayBack
		}
	}
	return o
}

func predictError(o *outcome, e ErrorFate, back rng.Key) {
	o.ErrorKind, o.Box = e.Kind, e.Box
	switch {
	case !e.Made:
	case IsLost(back, e.LossBack):
		o.Error, o.Box = Lost, NoBox
	case e.Arrives:
		o.Error, o.ErrorAt = Delivered, e.Delay
	default:
		o.Error = Filtered // for some reason that ErrorFate does not tell
	}
}

// Fate and ErrorFate agree with Walk for every attachment, host, kind and TTL,
// with legs down and under any keys of loss, except where limits couple.
func TestFateAgreesWithWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := everything.drawSpec(t)
		n := compiled(t, s)
		st := n.NewState()
		for l := range s.Legs {
			st.SetLeg(LegID(l), rapid.IntRange(0, 7).Draw(t, "up") > 0)
		}
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		at, draw := vtime.Instant(0), uint64(0)
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			hops, _ := n.Hops(a, h)
			for ttl := 1; ttl <= hops+2; ttl++ {
				if e, ok := st.ErrorFate(a, h, k, uint8(ttl)); st.Fate(a, h, k).Coupled || ok && e.Coupled {
					continue
				}
				draw += 2
				at = at.Add(time.Second)
				p := Packet{Kind: k, Src: n.Client(a, 0), Dst: n.Host(h), TTL: uint8(ttl), Flow: draw, Key: key.Child(rng.Probe, draw)}
				back := key.Child(rng.Probe, draw+1)
				got, want := byFate(st, p, a, h, back), byWalk(n, st, p, back, at)
				if want.Error != NumEnds && want.Error != Delivered && want.Error != Lost {
					want.Error = Filtered
				}
				if d := gocmp.Diff(want, got); d != "" {
					t.Fatalf("%v to %s, %v, TTL %d (-walk +fate):\n%s", a, s.Hosts[h].Name, k, ttl, d)
				}
			}
		})
	})
}

// A coupled exchange is one whose walk asks a limit: with limits removed from
// a Spec nothing is coupled.
func TestNothingCouplesWithoutLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := noLimits.drawSpec(t)
		st := compiled(t, s).NewState()
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			if f := st.Fate(a, h, k); f.Coupled {
				t.Fatalf("%v to %s: %+v", a, s.Hosts[h].Name, *f)
			}
		})
	})
}

// Trace is Walk, told element by element.
func TestTraceAgreesWithWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := everything.drawSpec(t)
		n := compiled(t, s)
		walked, traced := n.NewState(), n.NewState()
		flow := uint64(0)
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			flow++
			p := Packet{Kind: k, Src: n.Client(a, 0), Dst: n.Host(h), TTL: uint8(1 + flow%9), Flow: flow, Key: rng.Seed(flow)}
			want := n.Walk(walked, p, 0)
			got, hops := n.Trace(traced, p, 0)
			if got != want {
				t.Fatalf("Trace = %+v, Walk = %+v", got, want)
			}
			if last := hops[len(hops)-1]; last.At != want.At {
				t.Fatalf("last hop %+v of %+v", last, want)
			}
		})
	})
}

// shuffle permutes the declarations of a Spec, with the ids in it. It returns
// the new number of each network and host.
func shuffle(t *rapid.T, s *Spec) (out *Spec, network []int, host []int) {
	perm := func(what string, n int) []int {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return rapid.Permutation(order).Draw(t, what)
	}
	network, host = perm("networks", len(s.Networks)), perm("hosts", len(s.Hosts))
	box, leg := perm("boxes", len(s.Boxes)), perm("legs", len(s.Legs))
	out = &Spec{
		Networks: permuted(s.Networks, network), Hosts: permuted(s.Hosts, host),
		Boxes: permuted(s.Boxes, box), Legs: permuted(s.Legs, leg), Balance: s.Balance,
	}
	for _, r := range slices.Backward(s.Routes) {
		to := make([]NetworkID, len(r.To))
		for i, d := range r.To {
			to[i] = NetworkID(network[d])
		}
		out.Routes = append(out.Routes, RouteSpec{At: NetworkID(network[r.At]), To: to, Leg: LegID(leg[r.Leg])})
	}
	for i := range out.Hosts {
		out.Hosts[i].Network = NetworkID(network[out.Hosts[i].Network])
	}
	for i := range out.Legs {
		l := &out.Legs[i]
		l.Network, l.Box = NetworkID(network[l.Network]), BoxID(box[l.Box])
	}
	for i := range out.Boxes {
		out.Boxes[i].Rules = slices.Clone(out.Boxes[i].Rules)
		for j := range out.Boxes[i].Rules {
			r := &out.Boxes[i].Rules[j]
			r.From, r.To = renumber(r.From, network, host), renumber(r.To, network, host)
		}
	}
	return out, network, host
}

func permuted[T any](s []T, to []int) []T {
	out := make([]T, len(s))
	for i, x := range s {
		out[to[i]] = x
	}
	return out
}

func renumber(m Match, network, host []int) Match {
	m.Networks, m.Hosts = slices.Clone(m.Networks), slices.Clone(m.Hosts)
	for i, id := range m.Networks {
		m.Networks[i] = NetworkID(network[id])
	}
	for i, id := range m.Hosts {
		m.Hosts[i] = HostID(host[id])
	}
	return m
}

// story is everything that is to be seen of an exchange, by name.
func story(n *Network, a Attachment, h HostID, k Kind, ttl uint8, key rng.Key) [][]Hop {
	st := n.NewState()
	p := Packet{Kind: k, Src: n.Client(a, 0), Dst: n.Host(h), TTL: ttl, Key: key}
	r, there := n.Trace(st, p, 0)
	told := [][]Hop{there}
	q, ok := st.ErrorAbout(p, r, r.At, key+1)
	if r.End == Delivered {
		q, ok = n.Reply(p, k.Answer(), DefaultTTL, key+1), true
	}
	if ok {
		_, back := n.Trace(st, q, r.At)
		told = append(told, back)
	}
	return told
}

// The order of declaration of networks, boxes, legs and hosts changes nothing.
func TestOrderOfDeclarationChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := everything.drawSpec(t)
		shuffled, network, host := shuffle(t, s)
		n, m := compiled(t, s), compiled(t, shuffled)
		key := rng.Seed(rapid.Uint64().Draw(t, "seed"))
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			b, g := Attachment{Network: NetworkID(network[a.Network]), Access: a.Access}, HostID(host[h])
			for _, ttl := range []uint8{2, 4, 255} {
				if d := gocmp.Diff(story(n, a, h, k, ttl, key), story(m, b, g, k, ttl, key)); d != "" {
					t.Fatalf("TTL %d (-declared +shuffled):\n%s", ttl, d)
				}
			}
		})
	})
}

// Other names in the same order change nothing but the names.
func TestNamesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := everything.drawSpec(t)
		before := compiled(t, s).NewState()
		for i := range s.Networks {
			s.Networks[i].Name = "n" + s.Networks[i].Name + ".x"
		}
		for i := range s.Boxes {
			s.Boxes[i].Name = "b" + s.Boxes[i].Name
		}
		for i := range s.Legs {
			s.Legs[i].Name = s.Legs[i].Name + "/z"
		}
		for i := range s.Hosts {
			s.Hosts[i].Name = "-" + s.Hosts[i].Name
		}
		after := compiled(t, s).NewState()
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			if d := gocmp.Diff(before.Fate(a, h, k), after.Fate(a, h, k), gocmp.AllowUnexported(Fate{}, carriages{}, carriage{}, variation{})); d != "" {
				t.Fatalf("Fate (-before +renamed):\n%s", d)
			}
			for ttl := range uint8(9) {
				e, ok := before.ErrorFate(a, h, k, ttl)
				if f, also := after.ErrorFate(a, h, k, ttl); e != f || ok != also {
					t.Fatalf("ErrorFate %+v, renamed %+v", e, f)
				}
			}
		})
	})
}

// Among stateless firewalls, one more rule that accepts takes away nothing
// that was delivered, wherever it is put.
func TestOpeningTakesNothingAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := stateless.drawSpec(t)
		before := compiled(t, s).NewState()
		i := rapid.IntRange(0, len(s.Boxes)-1).Draw(t, "box")
		b := &s.Boxes[i]
		if b.Kind == Routed {
			return // it has no rules
		}
		r := stateless.drawRule(t, "opening", len(s.Networks), len(s.Hosts))
		r.Verdict, r.Limit = Accept, nil
		b.Rules = slices.Insert(b.Rules, rapid.IntRange(0, len(b.Rules)).Draw(t, "place"), r)
		after := compiled(t, s).NewState()
		eachExchange(s, func(a Attachment, h HostID, k Kind) {
			f, g := before.Fate(a, h, k), after.Fate(a, h, k)
			if f.Forward == Delivered && (g.Forward != Delivered || f.Back == Delivered && g.Back != Delivered) {
				t.Fatalf("%v to %s, %v: before %+v, opened %+v", a, s.Hosts[h].Name, k, *f, *g)
			}
		})
	})
}

// No way is longer than what a plain search over all pairs finds.
func TestWaysAreShortest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := opened.drawSpec(t)
		n := compiled(t, s)
		want := floydWarshall(s)
		for a := range s.Networks {
			for b := range s.Networks {
				hops := -1
				if way, ok := n.way(nil, NetworkID(a), NetworkID(b), 0, false); ok {
					hops = n.routersOn(way)
				}
				if hops != want[a][b] {
					t.Fatalf("%s to %s over %d routers, want %d", s.Networks[a].Name, s.Networks[b].Name, hops, want[a][b])
				}
			}
		}
	})
}

// floydWarshall is the number of routers between all networks, -1 without a
// path, computed in the most obvious way.
func floydWarshall(s *Spec) [][]int {
	const far = 1 << 28 // three of them fit 32 bits
	d := make([][]int, len(s.Networks))
	for i := range d {
		d[i] = slices.Repeat([]int{far}, len(s.Networks))
		d[i][i] = 0
	}
	for _, l := range s.Legs {
		for _, m := range s.Legs {
			if routed := s.Boxes[l.Box].Kind == Routed; l.Box == m.Box && (routed || l.Side != m.Side) {
				hop := 1
				if routed {
					hop = 0
				}
				d[l.Network][m.Network] = min(d[l.Network][m.Network], l.Routers+hop+m.Routers)
			}
		}
	}
	for k := range d {
		if (&plain{s: s, toBox: NoBox, to: NoNetwork}).deadEnd(NetworkID(k)) {
			continue
		}
		for i := range d {
			for j := range d {
				d[i][j] = min(d[i][j], d[i][k]+d[k][j])
			}
		}
	}
	for i := range d {
		for j := range d {
			if d[i][j] >= far {
				d[i][j] = -1
			}
		}
	}
	return d
}

// The heap gives entries by cost.
func TestHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		costs := rapid.SliceOf(rapid.Uint64()).Draw(t, "costs")
		var h heap[cost, node]
		for i, c := range costs {
			h.push(cost(c), node(i))
		}
		slices.SortFunc(costs, cmp.Compare[uint64])
		for _, want := range costs {
			if got := h.pop(); got.key != cost(want) {
				t.Fatalf("pop = %d, want %d", got.key, want)
			}
		}
	})
}

// Sets have exactly the ids that were put in.
func TestIDSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 300), func(i int) HostID { return HostID(i) }), 1, 20).Draw(t, "ids")
		s := setOf(ids)
		n := 0
		for _, w := range s {
			n += bits.OnesCount64(w)
		}
		slices.Sort(ids)
		if ids = slices.Compact(ids); n != len(ids) {
			t.Fatalf("%d elements of %v", n, ids)
		}
		for _, id := range ids {
			if !s.has(uint32(id)) {
				t.Fatalf("%d is not in the set of %v", id, ids)
			}
		}
		if s.has(uint32(AnyHost)) {
			t.Fatal("AnyHost is in the set")
		}
	})
}
