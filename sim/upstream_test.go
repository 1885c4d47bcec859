package sim

import (
	"strings"
	"testing"
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
