//go:build kernel

package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/relaysim/relaysim/topology"
)

// coverage counts what has occurred, in the words of the model's traces.
type coverage map[string]int

var kindNames = map[topology.BoxKind]string{
	topology.Routed: "routed", topology.Stateful: "stateful", topology.Stateless: "stateless", topology.Guard: "guard",
}

func (c coverage) count(d *Design, r *Row) {
	c["end "+r.Model.Request.String()]++
	c["fate "+r.Model.Fate.Outcome.String()]++
	for _, h := range slices.Concat(r.Model.There, r.Model.Back) {
		verdict, _, _ := strings.Cut(h.Note, ":")
		c.countBox(d, &h)
		for w := range strings.FieldsSeq(h.Rule) {
			c["rule "+w+" "+verdict]++
		}
		if h.Translated != "" {
			what, _, _ := strings.Cut(h.Translated, " ")
			c["translated "+what+" "+r.Model.Fate.Outcome.String()]++
		}
	}
}

// countBox counts what befell a packet at a box, or at a router of a Routed
// one.
func (c coverage) countBox(d *Design, h *topology.Hop) {
	for i := range d.Spec.Boxes {
		if b := &d.Spec.Boxes[i]; b.Name == h.Name {
			c[kindNames[b.Kind]+" "+h.Note]++
		}
	}
	for i := range d.Spec.Legs {
		l := &d.Spec.Legs[i]
		if d.Spec.Boxes[l.Box].Kind == topology.Routed && strings.HasPrefix(h.Name, l.Name+".r") {
			c["routed "+h.Note]++
		}
	}
}

// wanted is what has to occur: each kind of rule with each end.
func wanted() (all []string) {
	for _, v := range []string{"accepted", "dropped", "rejected"} {
		for _, end := range []string{"from", "to"} {
			for _, m := range []string{"networks", "roles", "hosts", "prefixes"} {
				all = append(all, "rule "+end+"-"+m+" "+v)
			}
		}
		all = append(all, "rule any "+v, "rule sides "+v)
		for _, b := range []string{"stateful", "stateless", "guard"} {
			all = append(all, b+" "+v+": rule", b+" "+v+": default")
		}
	}
	for _, r := range refusalNames {
		all = append(all, "rule with-"+r+" rejected")
	}
	all = append(all, "rule untracked accepted",
		"stateful accepted: established", "stateful accepted: related error", "guard accepted: established", "guard accepted: related error",
		"guard accepted: sent by the host", "stateful accepted: mapping", "stateful no mapping", "stateful dropped: translator drops errors from outside",
		"stateful TTL exceeded", "stateless TTL exceeded", "routed TTL exceeded", "stateful dropped: box drops this kind",
		"stateless dropped: box drops this kind", "routed dropped: router drops this kind", "guard dropped: the host drops this kind",
		"translated source reply", "translated destination reply", "translated source time-exceeded", "translated destination time-exceeded",
		"translated destination unreachable", "fate reply", "fate time-exceeded", "fate unreachable", "fate reset", "fate silence",
		"end delivered", "end expired", "end filtered", "end refused", "end no_mapping")
	return all
}

// check holds the counts to a least number each, and prints them.
func (c coverage) check(t *testing.T, least int) {
	var lines []string
	want := wanted()
	for _, k := range want {
		// A guard lets out by itself what no rule speaks of.
		if c[k] < least && k != "guard accepted: default" {
			t.Errorf("%q occurred %d times, want at least %d", k, c[k], least)
		}
	}
	for k, n := range c {
		lines = append(lines, fmt.Sprintf("%-60s %8d", k, n))
	}
	slices.Sort(lines)
	t.Logf("occurrences:\n%s", strings.Join(lines, "\n"))
}
