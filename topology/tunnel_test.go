package topology

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/rng"
)

// remote adds to the company a place of VPN clients, who are at home, and a
// branch on a tunnel of its own over an internet access at home:
//
//	vpn ═══ (concentrator) ── 1 ── core;  branch ═ 2 ═ (concentrator)
//
// The outer packets go from home over edge to the dmz.
func remote(into ...NetworkID) (s *Spec, vpn, branchOffice NetworkID) {
	s = company()
	vpn, branchOffice = NetworkID(len(s.Networks)), NetworkID(len(s.Networks)+1)
	s.Networks = append(s.Networks,
		NetworkSpec{Name: "vpn", Tunneled: &TunneledSpec{Underlay: home, Into: into}},
		NetworkSpec{Name: "branch"})
	concentrator := BoxID(len(s.Boxes))
	s.Boxes = append(s.Boxes, BoxSpec{Name: "concentrator", Kind: Stateful, RelatedErrors: true})
	over := &TunnelSpec{Over: home, Gateway: dmz}
	s.Legs = append(s.Legs,
		LegSpec{Name: "tunnel", Network: vpn, Box: concentrator, Side: 0, Delay: ms, Tunnel: over},
		LegSpec{Name: "branch-tunnel", Network: branchOffice, Box: concentrator, Side: 0, Routers: 2, Delay: 2 * ms, Tunnel: over},
		LegSpec{Name: "concentrator-core", Network: core, Box: concentrator, Side: 1, Routers: 1, Delay: 3 * ms})
	return s, vpn, branchOffice
}

// outerDelay is that between home and the dmz.
const outerDelay = 10*ms + 3 + 2*ms

// Inside a tunnel only the routers inside are hops: the outer packet has a TTL
// of its own (RFC 3948 section 3). Access routers are on the way of that.
func TestHopsInsideATunnel(t *testing.T) {
	s, vpn, branchOffice := remote()
	b := newBench(t, s)
	for _, tc := range []struct {
		name  string
		at    NetworkID
		h     HostID
		hops  int
		delay time.Duration
	}{
		{"client to the core", vpn, root, 2, outerDelay + 4*ms},
		{"full tunnel: to the dmz through the core", vpn, dmz1, 4, outerDelay + 4*ms + 2*ms},
		{"branch to the core", branchOffice, root, 4, outerDelay + 5*ms},
	} {
		a := Attachment{Network: tc.at}
		p := b.request(a, tc.h, EchoRequest, MaxTTL)
		start := b.at
		r := b.walk(p)
		if r.End != Delivered || r.Hops != tc.hops || r.At.Sub(start) != tc.delay {
			t.Errorf("%s: %+v after %v, want delivered over %d routers after %v", tc.name, r, r.At.Sub(start), tc.hops, tc.delay)
		}
		back := b.walk(b.answer(p))
		if back.End != Delivered || back.Hops != tc.hops || back.At.Sub(r.At) != tc.delay {
			t.Errorf("%s: reply %+v", tc.name, back)
		}
		p.TTL = 1
		p.Flow++
		e, ok := b.errorOf(p, b.walk(p))
		if r := b.walk(e); !ok || e.Kind != TimeExceeded || r.End != Delivered || r.Hops != 0 {
			t.Errorf("%s: error from the first router inside: %+v, %v", tc.name, r, ok)
		}
		if f := b.st.Fate(a, tc.h, EchoRequest); f.Hops != int16(tc.hops) || f.DelayForward != tc.delay || f.DelayBack != tc.delay {
			t.Errorf("%s: Fate %+v", tc.name, *f)
		}
		if hops, ok := b.net.Hops(a, tc.h); !ok || hops != tc.hops {
			t.Errorf("%s: Hops = %d, %v", tc.name, hops, ok)
		}
	}
}

// Through a split tunnel goes what is for the networks that it is for; the rest
// goes as from home.
func TestSplitTunnel(t *testing.T) {
	s, vpn, _ := remote(core)
	b := newBench(t, s)
	a := Attachment{Network: vpn, Access: 1}
	for _, tc := range []struct {
		h    HostID
		hops int
	}{{root, 2}, {dmz1, homeToDMZ + 3}} {
		p := b.request(a, tc.h, TCP, MaxTTL)
		r, got, _ := b.arriving(p)
		if r.End != Delivered || r.Hops != tc.hops {
			t.Errorf("to %s: %+v, want delivered over %d routers", b.net.HostName(tc.h), r, tc.hops)
		}
		want := home
		if tc.h == root {
			want = vpn
		}
		if got.Src.At.Network != want {
			t.Errorf("to %s from network %d, want %d", b.net.HostName(tc.h), got.Src.At.Network, want)
		}
		b.delivered("reply", b.answer(p))
	}
}

// What becomes of the outer packet becomes of the inner one, and its sender is
// not told.
func TestOuterPacketsDecide(t *testing.T) {
	vpnOnly := []Rule{{Name: "vpn", Kinds: []Kind{VPN}, From: Match{Networks: []NetworkID{home}}}}
	for _, tc := range []struct {
		name   string
		change func(*Spec)
		end    End
		box    BoxID
		rule   int
	}{
		{"a firewall open for the tunnel", func(s *Spec) { s.guard(edge, Stateful, vpnOnly...) }, Delivered, NoBox, -1},
		{"closed for it", func(s *Spec) { s.guard(edge, Stateful, accepting(TCP, EchoRequest)) }, Filtered, edge, -1},
		{"refusing it", func(s *Spec) { s.guard(edge, Stateful, Rule{Verdict: Reject}) }, Refused, edge, 0},
		{"too far", func(s *Spec) { s.Legs[homeEdge].Routers = 70 }, Expired, NoBox, -1},
		{"lossy", func(s *Spec) { s.Legs[edgeDMZ].Loss = rng.Always }, Lost, NoBox, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, vpn, _ := remote()
			tc.change(s)
			b := newBench(t, s)
			a := Attachment{Network: vpn}
			p := b.request(a, root, TCP, MaxTTL)
			r := b.walk(p)
			if r.End != tc.end || r.Box != tc.box || r.Rule != tc.rule {
				t.Errorf("%+v, want %v by %d", r, tc.end, tc.box)
			}
			if _, ok := b.errorOf(p, r); ok {
				t.Error("the inner source is told")
			}
			f := b.st.Fate(a, root, TCP)
			switch {
			case tc.end == Lost:
				if f.LossForward != rng.Always {
					t.Errorf("Fate = %+v", *f)
				}
			case f.Forward != tc.end || f.RefusedAfter != 0:
				t.Errorf("Fate = %+v", *f)
			case tc.end == Delivered:
				b.delivered("reply", b.answer(p))
			}
		})
	}
}

// A leg of the outer way that is cut cuts the tunnel, and no other.
func TestTunnelsOverCutLegs(t *testing.T) {
	s, vpn, _ := remote()
	b := newBench(t, s)
	b.st.SetLeg(edgeDMZ, false)
	r := b.walk(b.request(Attachment{Network: vpn}, root, TCP, MaxTTL))
	b.wantEnd(r.End, Cut, "over a cut leg")
}

// Outer packets go through translators like any (RFC 3948): the tunnel of a
// client at home behind two of them.
func TestTunnelThroughTranslators(t *testing.T) {
	b := newBench(t, village())
	p, ok := b.st.Request(Attachment{Network: laptop, Access: 1}, 3, office1, EchoRequest, MaxTTL, 9)
	if !ok {
		t.Fatal("no request")
	}
	r, got, _ := b.arriving(p)
	if r.End != Delivered || r.Hops != 1 || got.Src.At.Network != laptop {
		t.Fatalf("%+v from %+v", r, got.Src)
	}
	b.delivered("reply", b.answer(p))
	if n := len(b.st.tables.nats[b.net.boxes[cgn].nat.number].byInside); n != 1 {
		t.Errorf("%d mappings at the carrier's translator, want that of the tunnel", n)
	}
	b.at = b.at.Add(UDPTimeout)
	b.wantEnd(b.walk(b.answer(p)).End, NoMapping, "the tunnel's mapping has expired")
}

// A trace tells of the outer packet where it goes, and of what is translated.
func TestTraceTellsOfTunnelsAndTranslators(t *testing.T) {
	b := newBench(t, village())
	p, _ := b.st.Request(Attachment{Network: laptop}, 3, office1, TCP, MaxTTL, 9)
	_, hops := b.net.Trace(b.st, p, 0)
	var got []string
	for _, h := range hops {
		if h.Tunnel != "" {
			h.Note += ", outer packet of " + h.Tunnel
		}
		got = append(got, strings.TrimSpace(h.Name+": "+h.Note+"; "+h.Translated))
	}
	want := []string{
		"house.a1: forwarded, outer packet of laptop-tunnel;",
		"home-router: accepted: default, outer packet of laptop-tunnel; source client in house port 4500 becomes client in carrier port 4500",
		"house-wan.r2: forwarded, outer packet of laptop-tunnel;",
		"house-wan.r1: forwarded, outer packet of laptop-tunnel;",
		"cgn-inside.r1: forwarded, outer packet of laptop-tunnel;",
		"cgn: accepted: default, outer packet of laptop-tunnel; source client in carrier port 4500 becomes 198.51.100.1 port 4500",
		"cgn-outside.r1: forwarded, outer packet of laptop-tunnel;",
		"gateway: delivered, outer packet of laptop-tunnel;",
		"hub: accepted: default;",
		"office-1: delivered;",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("trace (-want +got):\n%s", d)
	}
	seen := map[string]Seen{}
	for _, h := range hops {
		seen[h.Name] = h.From
	}
	for name, want := range map[string]Seen{
		"home-router": {Network: "house"}, "cgn": {Network: "carrier"}, "gateway": {Network: "internet", Addr: "198.51.100.1"}, "hub": {Network: "laptop"},
	} {
		if seen[name] != want {
			t.Errorf("%s sees a source %+v, want %+v", name, seen[name], want)
		}
	}
	p, _ = b.st.Request(Attachment{Network: house}, 3, yard1, TCP, MaxTTL, 9)
	p.Dst.Addr = b.net.idOf(public)
	_, hops = b.net.Trace(b.st, p, 0)
	for _, h := range hops {
		if h.Name == "front" {
			if want := "destination 203.0.113.10 port 52311 becomes yard-1 10.1.0.10 port 52311"; h.Translated != want {
				t.Errorf("front: %q, want %q", h.Translated, want)
			}
			if want := (Seen{Network: "yard", Addr: "10.1.0.10"}); h.To != want {
				t.Errorf("front sees a destination %+v, want %+v", h.To, want)
			}
			return
		}
	}
	t.Errorf("no front in %+v", hops)
}
