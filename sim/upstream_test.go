package sim

import (
	"strings"
	"testing"

	"github.com/relaysim/relaysim/topology"
)

func TestUpstreamNamesTheBoxThatCutsARelayOff(t *testing.T) {
	w := newWorld()
	if cut := w.plan(t).Upstream(0); len(cut) != 0 {
		t.Errorf("with an opening from the DMZ: %q, want none", cut)
	}
	w.spec.Boxes[1].Rules = w.spec.Boxes[1].Rules[:2] // without dmz to root
	cut := w.plan(t).Upstream(0)
	if len(cut) != 2 || !strings.Contains(cut[0], `"dmz-1"`) || !strings.Contains(cut[0], "filtered at inner") {
		t.Errorf("without it: %q, want dmz-1 and dmz-2 filtered at inner", cut)
	}
}

func TestUpstreamWarningsNameThePolicies(t *testing.T) {
	open := newWorld().plan(t)
	w := newWorld()
	w.spec.Boxes[1].Rules = w.spec.Boxes[1].Rules[:2]
	p := w.plan(t)
	for _, c := range []struct {
		policies []PolicyPlan
		want     string
	}{
		{p.Policies, "under every policy relay"},
		{append(p.Policies[:1:1], open.Policies...), "under policy only relay"},
	} {
		p.Policies = c.policies
		got := p.UpstreamWarnings()
		if len(got) != 2 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("warnings %q, want two that begin with %q", got, c.want)
		}
	}
}

// A relay comes to the root by the root's name where the relay stands, through
// the root's own firewall and translators between.
func TestUpstreamThroughTheWholeNetwork(t *testing.T) {
	tcp := []topology.Kind{topology.TCP}
	guard := func(w *world, rules ...topology.Rule) {
		w.spec.Hosts[5].Guard = topology.GuardOf(w.box(topology.BoxSpec{Name: "own", Kind: topology.Guard, Otherwise: topology.Drop, Rules: rules}))
	}
	for _, tc := range []struct {
		name string
		with func(w *world)
		want string // of dmz-1, "" if it reaches the root
	}{
		{"addresses", func(*world) {}, ""},
		{"root's firewall", func(w *world) { guard(w) }, "filtered at own"},
		{"opened", func(w *world) { guard(w, topology.Rule{FromSides: 2, Kinds: tcp, Verdict: topology.Accept}) }, ""},
		{"no such name", func(w *world) {
			w.view(netDMZ, topology.ViewSpec{Name: "dmz", Answers: []topology.NameAnswer{{Host: 5}}})
		}, "its name does not resolve there"},
		{"a stale name", func(w *world) {
			w.spec.Boxes[1].Rules[2].Kinds = allKinds
			w.view(netDMZ, topology.ViewSpec{Name: "dmz", Answers: []topology.NameAnswer{{Host: 5, Addrs: addrs("10.1.0.10")}}})
		}, "its name resolves to another host there"},
		{"masqueraded", func(w *world) {
			w.spec.Boxes[1].NAT = &topology.NATSpec{Outside: 1, Pool: addrs("10.0.0.200")}
		}, ""},
		{"an answer by another way", func(w *world) {
			w.spec.Legs[w.leg(netDMZ, 2, 0, 0)].Metric = 2 // over the WAN, at equal cost
			w.spec.Routes = []topology.RouteSpec{{At: netCore, To: []topology.NetworkID{netDMZ}, Leg: 6}}
		}, ""},
	} {
		w := newWorld()
		w.addressed()
		tc.with(w)
		got := ""
		for _, cut := range w.plan(t).Upstream(0) {
			if strings.Contains(cut, `"dmz-1"`) {
				got = cut
			}
		}
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
