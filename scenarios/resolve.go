package scenarios

import (
	"slices"
	"strconv"
	"strings"
)

// resolver does the second step, on nodes: what is inherited is written out,
// tables become places and relays, groups are spread over sites, defaults are
// filled in. Its result says everything and can be shown.
type resolver struct {
	*faults
	src   *source
	root  *node
	sites []*node // rows
}

func resolve(src *source, root *node, f *faults) {
	r := &resolver{faults: f, src: src, root: root}
	for _, name := range tableSections {
		if !root.has(name) {
			root.set(name, newTable(root.at))
		}
	}
	if t := root.get("tables").get("sites"); t != nil && t.kind == list {
		r.sites = t.list
	}
	r.inherit("place", inheritPlace)
	r.inherit("opening", overlay)
	r.policies()
	r.boxes()
	r.places()
	r.relays()
	r.groups()
	r.policySettings()
	r.events()
	r.fill()
}

// section is a table of tables of the scenario.
func (r *resolver) section(name string) *node { return r.root.get(name) }

func without(n *node, names ...string) *node {
	n = n.copied()
	for _, k := range names {
		n.del(k)
	}
	return n
}

// inherit writes out "like" in every entry of a section.
func (r *resolver) inherit(what string, merge func(base, own *node) *node) {
	sec := r.section(what)
	done := map[string]bool{}
	var visit func(name string, chain []string)
	visit = func(name string, chain []string) {
		own := sec.get(name)
		if done[name] || own.kind != table {
			return
		}
		done[name] = true
		like := own.get("like")
		if like == nil {
			return
		}
		own.del("like")
		if like.kind != text {
			return
		}
		subject := what + " " + strconv.Quote(name)
		chain = append(chain, name)
		base := sec.get(like.text)
		switch {
		case base == nil || like.text == "*" || what == "policy" && like.text == "always":
			r.add(like.at, subject, "like: %s %q is not defined%s", what, short(like.text), hint(like.text, sec.names()))
			orphan(own, what)
			return
		case slices.Contains(chain, like.text):
			r.add(like.at, subject, "like: %q leads back to itself", like.text)
			orphan(own, what)
			return
		}
		visit(like.text, chain)
		if base = sec.get(like.text); base.kind == table {
			merged := merge(base, own)
			merged.at = own.at
			sec.tab[name] = merged
		}
	}
	for _, name := range sec.names() {
		visit(name, nil)
	}
}

// inheritPlace lays a place over another one. A portal of its own and names of
// its own displace what the other has of either.
func inheritPlace(base, own *node) *node {
	base = without(base, "hosts")
	if own.truth("captive_portal") {
		base.del("names")
	}
	if own.has("names") {
		base.del("captive_portal")
	}
	return overlay(base, own)
}

// orphan marks what an entry might have inherited, so that it is not reported
// as missing too.
func orphan(own *node, what string) {
	for _, k := range map[string][]string{"opening": {"at", "from", "to", "service"}, "group": {"count", "life", "at"}}[what] {
		if !own.has(k) {
			own.set(k, &node{at: own.at})
		}
	}
}

// policies turns short policies into tables and writes out inheritance.
func (r *resolver) policies() {
	sec := r.section("policy")
	for _, name := range sec.names() {
		if v := sec.get(name); v.kind == list && name != "always" {
			t := newTable(v.at)
			t.set("open", v)
			sec.tab[name] = t
		}
	}
	r.inherit("policy", func(base, own *node) *node {
		merged := overlay(without(base, "text"), own)
		if open := append(slices.Clone(base.items("open")), own.items("open")...); len(open) > 0 {
			merged.set("open", newList(own.spotOf("open"), open...))
		}
		return merged
	})
}

// places makes a place of every site. What a table of the same name says is
// laid over the row. Columns that are no keys of a place stay in the row. In
// the name of one that is a key "{COLUMN}" is replaced as in a setting.
func (r *resolver) places() {
	places := newTable(r.section("place").at)
	for i, row := range r.sites {
		name := row.str("name")
		place, rest := newTable(row.at), newTable(row.at)
		for _, h := range row.names() {
			if h != "name" && placeKeys.isColumn(h) {
				r.column(place, row, h)
			} else {
				rest.set(h, row.get(h))
			}
		}
		if own := r.section("place").get(name); own != nil && own.kind == table {
			at := place.at
			place = overlay(place, own)
			place.at = at
		}
		places.set(name, place)
		r.sites[i] = rest
	}
	others := slices.Clone(r.section("place").names())
	slices.Sort(others)
	for _, name := range others {
		if !places.has(name) {
			places.set(name, r.section("place").get(name))
		}
	}
	r.root.set("place", places)
}

// column makes a key of a place of a cell of its row.
func (r *resolver) column(place, row *node, h string) {
	cell, k := row.get(h), h
	if strings.Contains(h, "{") {
		subject := "site " + strconv.Quote(row.str("name"))
		k = r.substituted(newText(cell.at, h), subject, wordsOf(row)).text
		if k == "" {
			return // reported
		}
		if place.has(k) || row.has(k) {
			r.add(cell.at, subject, "%q: the row has %s twice", h, k)
			return
		}
	}
	place.set(k, cell)
}

// relays joins the rows of the table and the relays of the file, over what
// "*" says of all.
func (r *resolver) relays() {
	named := r.section("relay")
	all := newTable(named.at)
	star := named.get("*")
	if star == nil || star.kind != table {
		star = newTable(named.at)
	}
	star = r.relaySettings(without(star, "id", "address"), "relay \"*\"")
	if rows := r.root.get("tables").get("relays"); rows != nil {
		for _, row := range rows.list {
			n := newTable(row.at)
			for _, h := range row.names() {
				if h == "site" {
					n.set("place", row.get(h))
				} else if h != "name" {
					n.set(h, row.get(h))
				}
			}
			all.set(row.str("name"), r.relaySettings(n, "relay "+strconv.Quote(row.str("name"))))
		}
		r.root.get("tables").del("relays")
	}
	for _, name := range named.names() {
		if name != "*" {
			all.set(name, overlay(all.get(name), r.relaySettings(named.get(name), "relay "+strconv.Quote(name))))
		}
	}
	for _, name := range all.names() {
		if n := all.get(name); n.kind == table {
			r.relay(all, name, star)
		}
	}
	r.root.set("relay", all)
}

func (r *resolver) relay(all *node, name string, star *node) {
	at := all.get(name).at
	n := overlay(star, all.get(name))
	n.at = at
	if a := n.get("advertise"); a != nil && strings.Contains(a.text, "{") {
		words := map[string]string{"site": n.str("place"), "name": name}
		n = n.copied()
		n.set("advertise", r.substituted(a, "relay "+strconv.Quote(name), words))
	}
	if !n.has("id") {
		n.set("id", newText(at, name))
	}
	all.tab[name] = n
}

// substituted replaces each "{word}" of a text.
func (r *resolver) substituted(v *node, subject string, words map[string]string) *node {
	var b strings.Builder
	rest := v.text
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return newText(v.at, b.String())
		}
		word, tail, closed := strings.Cut(after, "}")
		value, known := words[word]
		if !closed || !known {
			r.add(v.at, subject, "%q: {%s} stands for nothing here%s", short(v.text), short(word), hint(word, sortedKeys(words)))
			return &node{at: v.at}
		}
		b.WriteString(value)
		rest = tail
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// fill sets the defaults of every section.
func (r *resolver) fill() {
	fill(r.root, topKeys, nil)
	for _, s := range []struct {
		name string
		sec  *section
		skip func(n *node, key string) bool
	}{
		{"place", placeKeys, func(n *node, key string) bool { return key == "strangers" && !n.has("reuses") }},
		{"box", boxKeys, func(n *node, key string) bool {
			return !boxHas(n.str("kind"), key) || n.has("preset") && presetDecides(key)
		}},
		{"opening", openingKeys, nil},
		{"policy", policyKeys, nil},
		{"relay", relayKeys, nil},
		{"group", groupKeys, func(n *node, key string) bool { return !lifeHas(n.str("life"), key) }},
	} {
		for _, name := range r.section(s.name).names() {
			if n := r.section(s.name).get(name); n.kind == table {
				fill(n, s.sec, s.skip)
			}
		}
	}
	r.fillNetwork()
	root := r.relaySettings(r.section("root"), "root")
	r.root.set("root", root)
	fill(root, rootKeys, nil)
	if !root.has("id") {
		root.set("id", newText(root.at, root.str("name")))
	}
}

// fill sets the keys that are absent and have a default.
func fill(n *node, sec *section, skip func(n *node, key string) bool) {
	for i := range sec.keys {
		k := &sec.keys[i]
		_, open := k.prefix()
		if n.has(k.name) || k.standard == nil || open || skip != nil && skip(n, k.name) {
			continue
		}
		v := k.standard
		if k.standardLaptop != nil && n.str("life") == "office-laptop" {
			v = k.standardLaptop
		}
		n.set(k.name, v.movedTo(n.at))
	}
}

// boxHas tells whether a kind of box has a key.
func boxHas(kind, key string) bool {
	switch key {
	case "between":
		return kind != "host"
	case "otherwise", "preset", "rules":
		return kind != "router"
	case "related_errors", "lifetimes":
		return kind == "stateful" || kind == "host"
	case "nat", "flows":
		return kind == "stateful"
	case "eats_expiring", "echo_for":
		return kind == "stateful" || kind == "stateless"
	case "errors_from":
		return kind != "host"
	}
	return true
}

// presetDecides tells whether a preset has the say about a key.
func presetDecides(key string) bool { return key == "otherwise" || key == "related_errors" }
