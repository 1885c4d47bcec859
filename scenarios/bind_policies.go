package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
)

// policy is a policy on its way into the plan.
type policy struct {
	sim.PolicyPlan
	node *node
	own  []string // its openings without the common ones
	spec *topology.Spec
	raw  []map[string]string // settings by group, as written
}

func (b *binder) bindPolicies() {
	networks := make([]topology.NetworkSpec, 0, len(b.places))
	for _, name := range b.section("place").names() {
		if b.section("place").get(name).kind == table {
			networks = append(networks, b.network(name))
		} else {
			networks = append(networks, topology.NetworkSpec{Name: name})
		}
	}
	common := b.openingNames(b.section("policy"), "always", "policy \"always\"")
	share := map[string]*selection.Settings{}
	for _, name := range b.section("policy").names() {
		n := b.section("policy").get(name)
		if name == "always" || n.kind != table {
			continue
		}
		subject := "policy " + strconv.Quote(name)
		p := &policy{node: n, own: b.openingNames(n, "open", subject)}
		p.Name, p.Like = name, -1
		p.Openings = unique(append(slices.Clone(common), p.own...))
		p.Text = n.str("text")
		if p.Text == "" {
			p.Text = inWords(unique(p.own))
		}
		p.spec = b.spec(p, networks, subject)
		p.Params, p.World = b.params(n, subject)
		b.settings(p, share, subject)
		b.policies = append(b.policies, p)
	}
}

// openingNames reads a list of openings.
func (b *binder) openingNames(n *node, key, subject string) []string {
	var out []string
	for _, v := range n.items(key) {
		switch _, ok := b.openings[v.text]; {
		case ok:
			out = append(out, v.text)
		case v.kind == text && !b.section("opening").has(v.text):
			b.add(v.at, subject, "opening %q is not defined%s", short(v.text), hint(v.text, b.section("opening").names()))
		}
	}
	return out
}

// unique keeps the first of equal names, in order.
func unique(names []string) []string {
	var out []string
	for _, s := range names {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// inWords is a policy's text if it has none.
func inWords(open []string) string {
	if len(open) == 0 {
		return "opens nothing"
	}
	return "opens " + strings.Join(open, ", ")
}

// spec is the network under a policy: its boxes with its rules in the order
// of its openings.
func (b *binder) spec(p *policy, networks []topology.NetworkSpec, subject string) *topology.Spec {
	s := &topology.Spec{
		Networks: networks, Hosts: b.hostSpecs, Views: b.viewsUnder(p, subject), Routes: b.routesUnder(p, subject),
		Balance: balances[b.root.str("balance")],
	}
	for i := range b.boxes {
		s.Boxes = append(s.Boxes, b.box(p, topology.BoxID(i), subject))
	}
	for i := range b.legs {
		s.Legs = append(s.Legs, b.legs[i].LegSpec)
	}
	boxes := p.node.get("box")
	for _, name := range boxes.names() {
		if !slices.ContainsFunc(b.boxes, func(x boxNode) bool { return x.name == name }) {
			b.add(boxes.spotOf(name), subject, "box %q is not defined%s", short(name), hint(name, b.section("box").names()))
		}
	}
	return s
}

// idleKeys refuses keys that a kind of box does not have.
func (b *binder) idleKeys(n *node, kind, subject string) {
	for _, k := range n.names() {
		if kind != "" && !boxHas(kind, k) {
			b.add(n.spotOf(k), subject, "%s means nothing for the kind %q", k, kind)
		}
	}
}

func defaulted(s, standard string) string {
	if s == "" {
		return standard
	}
	return s
}

// paramNames are the parameters of the client, then those of the deployment
// around it.
func paramNames() []string { return append(selection.ParamNames(), sim.WorldParamNames()...) }

// params reads the parameters: the model's, then the policy's.
func (b *binder) params(n *node, subject string) (selection.Params, sim.WorldParams) {
	p, w := selection.DefaultParams(), sim.DefaultWorldParams()
	b.setParams(&p, &w, b.section("model"), "model")
	b.setParams(&p, &w, n.get("model"), subject+": model")
	return p, w
}

func (b *binder) setParams(p *selection.Params, w *sim.WorldParams, n *node, subject string) {
	for _, name := range n.names() {
		v := n.get(name)
		if !slices.Contains(paramNames(), name) {
			b.add(v.at, subject, "parameter %q is not known%s", short(name), hint(name, paramNames()))
			continue
		}
		if v.kind == bad {
			continue
		}
		set := p.Set
		if slices.Contains(sim.WorldParamNames(), name) {
			set = w.Set
		}
		if err := set(name, v.written()); err != nil {
			b.add(v.at, subject, "%v", err)
		}
	}
}

// written is a single value as text.
func (n *node) written() string {
	if n.kind == text {
		return n.text
	}
	return n.shown()
}

// settings reads every group's settings under a policy. Groups and policies
// with equal settings share them.
func (b *binder) settings(p *policy, share map[string]*selection.Settings, subject string) {
	set := p.node.get("set")
	b.settingOwners(set, subject)
	for i := range b.plan.Groups {
		g := &b.plan.Groups[i]
		n := b.section("group").get(g.ID).get("settings")
		for _, who := range set.names() {
			if v := set.get(who); v.kind == table && b.concerns(who, g) {
				n = overlay(n, v)
			}
		}
		raw := map[string]string{}
		for _, name := range n.names() {
			if v := n.get(name); v.kind != bad {
				raw[name] = v.written()
			}
		}
		p.raw = append(p.raw, raw)
		p.password(i, raw[passwordSetting])
		b.ascii(n.get(passwordSetting), "group "+strconv.Quote(g.ID))
		key := settingsKey(raw)
		if share[key] == nil {
			share[key] = b.parseSettings(raw, n)
		}
		p.Settings = append(p.Settings, share[key])
	}
}

// password keeps the password of a group; nil is kept while none has one.
func (p *policy) password(group int, s string) {
	if s != "" {
		p.Passwords = append(p.Passwords, make([]string, group+1-len(p.Passwords))...)
	}
	if p.Passwords != nil {
		p.Passwords = append(p.Passwords[:group], s)
	}
}

// parseSettings applies the vendor's rules. What they do not take as written
// is a warning, since a client would not refuse it either. The password is no
// part of a selection.
func (b *binder) parseSettings(raw map[string]string, n *node) *selection.Settings {
	raw = maps.Clone(raw)
	delete(raw, passwordSetting)
	s, warnings := selection.ParseSettings(raw)
	for _, w := range warnings {
		name, _, _ := strings.Cut(w, ":")
		b.warn(n.spotOf(name), "settings", "%s", w)
	}
	return &s
}

// concerns tells whether "laptop+remote" speaks of a group: by label or id.
func (b *binder) concerns(who string, g *sim.GroupPlan) bool {
	for name := range strings.SplitSeq(who, "+") {
		name = strings.TrimSpace(name)
		if name == g.ID || name == b.plan.Labels[g.Label] {
			return true
		}
	}
	return false
}

// settingOwners reports settings for groups that do not exist.
func (b *binder) settingOwners(set *node, subject string) {
	for _, who := range set.names() {
		for name := range strings.SplitSeq(who, "+") {
			name = strings.TrimSpace(name)
			if !slices.Contains(b.plan.Labels, name) && !b.section("group").has(name) {
				b.add(set.spotOf(who), subject, "set: group %q is not defined%s", short(name), hint(name, b.plan.Labels))
			}
		}
	}
}

// settingsKey identifies equal settings.
func settingsKey(raw map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		fmt.Fprintf(&b, "%q=%q\n", name, raw[name])
	}
	return b.String()
}

// relate finds for each policy the first one from which it differs in
// parameters alone.
func relate(policies []*policy) {
	for i, p := range policies {
		for j, o := range policies[:i] {
			if p.Changed = changedParams(o, p); len(p.Changed) > 0 && sameButModel(o, p) {
				p.Like = j
				break
			}
			p.Changed = nil
		}
	}
}

func sameButModel(a, b *policy) bool {
	return sameNetwork(a.spec, b.spec) && slices.EqualFunc(a.raw, b.raw, maps.Equal[map[string]string, map[string]string])
}

// changedParams lists what b sets otherwise than a, as "name=value".
func changedParams(a, b *policy) []string {
	var out []string
	for _, name := range selection.ParamNames() {
		x, _ := a.Params.Get(name)
		y, _ := b.Params.Get(name)
		if x != y {
			out = append(out, name+"="+y)
		}
	}
	for _, name := range sim.WorldParamNames() {
		x, _ := a.World.Get(name)
		y, _ := b.World.Get(name)
		if x != y {
			out = append(out, name+"="+y)
		}
	}
	return out
}

// sameNetwork compares what policies can make different: the boxes, but for
// where their rules were written, the views of names and the routes.
func sameNetwork(a, b *topology.Spec) bool {
	return reflect.DeepEqual(a.Views, b.Views) && reflect.DeepEqual(a.Routes, b.Routes) && slices.EqualFunc(a.Boxes, b.Boxes, func(x, y topology.BoxSpec) bool {
		return reflect.DeepEqual(unsourced(x), unsourced(y))
	})
}

func unsourced(x topology.BoxSpec) topology.BoxSpec {
	x.Source, x.DropsSource = "", ""
	x.Rules = slices.Clone(x.Rules)
	for i := range x.Rules {
		x.Rules[i].Source = ""
	}
	return x
}
