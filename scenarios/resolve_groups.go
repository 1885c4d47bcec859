package scenarios

import (
	"slices"
	"strconv"
	"strings"
)

// seekSetting is the vendor's name of what "seek" is short for (spec 4.2).
const seekSetting = "_BESClient_Register_Affiliation_SeekList"

// passwordSetting is the vendor's name of what "password" is short for (spec 10.3).
const passwordSetting = "_BESClient_SecureRegistration"

// groups writes out inheritance, reads settings files and spreads groups over
// the sites.
func (r *resolver) groups() {
	r.rejectForeignLifeKeys()
	r.inherit("group", func(base, own *node) *node {
		base = without(base, "over", "label")
		if own.has("over") || strings.HasPrefix(own.str("count"), "{") {
			base.del("at")
		}
		merged := overlay(base, own)
		for _, k := range slices.Clone(merged.names()) {
			if !own.has(k) && !lifeHas(merged.str("life"), k) {
				merged.del(k)
			}
		}
		return merged
	})
	cache := map[string]*node{}
	spread := newTable(r.section("group").at)
	for _, name := range r.section("group").names() {
		if n := r.section("group").get(name); n.kind == table {
			r.group(spread, name, r.withSettings(n, name, cache))
		}
	}
	r.root.set("group", spread)
}

// rejectForeignLifeKeys refuses keys that the life written next to them does
// not have. Inherited ones are left out without a word, since a child may
// change its life.
func (r *resolver) rejectForeignLifeKeys() {
	sec := r.section("group")
	for _, name := range sec.names() {
		n := sec.get(name)
		life := n
		for range sec.names() { // at most so many steps, should they go round
			if life == nil || life.has("life") {
				break
			}
			life = sec.get(life.str("like"))
		}
		if life.str("life") == "" {
			continue
		}
		for _, k := range n.names() {
			if !lifeHas(life.str("life"), k) {
				r.add(n.spotOf(k), "group "+strconv.Quote(name), "%s means nothing for the life %q (only for %s)", k, life.str("life"), strings.Join(livesWith[k], ", "))
			}
		}
	}
}

// withSettings joins the settings file, the settings, seek and password into
// settings.
func (r *resolver) withSettings(n *node, name string, cache map[string]*node) *node {
	n = n.copied()
	all := newTable(n.at)
	if f := n.get("settings_file"); f != nil && f.kind == text {
		file := beside(f.at.file, f.text)
		if cache[file] == nil {
			cache[file] = r.settingsFile(f, file, "group "+strconv.Quote(name))
		}
		all = overlay(all, cache[file])
	}
	if s := n.get("settings"); s != nil && s.kind == table {
		all = overlay(all, s)
	}
	if s := n.get("seek"); s != nil {
		all = all.copied()
		all.set(seekSetting, s)
	}
	if s := n.get("password"); s != nil {
		all = all.copied()
		all.set(passwordSetting, s)
	}
	n.set("settings", all)
	n.del("settings_file")
	n.del("seek")
	n.del("password")
	return n
}

// group adds a group to the spread ones: itself, or one for each site.
func (r *resolver) group(spread *node, name string, n *node) {
	label := n.get("label")
	if label == nil {
		label = newText(n.at, name)
	}
	n.set("label", label)
	subject := "group " + strconv.Quote(name)
	over := n.has("over") || strings.HasPrefix(n.str("count"), "{")
	if !over {
		n.set("settings", r.settingsFor(n.get("settings"), subject, nil))
		spread.set(name, n)
		return
	}
	if n.has("at") {
		r.add(n.spotOf("at"), subject, "at is given, but the group is spread over the sites")
	}
	if len(r.sites) == 0 {
		r.add(n.at, subject, "is spread over the sites, but there is no sites table")
	}
	for _, row := range r.sites {
		site := row.str("name")
		words := wordsOf(row)
		one := n.copied()
		one.del("over")
		one.set("count", r.count(n.get("count"), subject, row))
		one.set("at", newText(n.at, site))
		one.set("settings", r.settingsFor(n.get("settings"), subject, words))
		spread.set(name+"/"+site, one)
	}
}

// count replaces "{COLUMN}" by the number in that column.
func (r *resolver) count(v *node, subject string, row *node) *node {
	if v == nil || v.kind != text {
		return v
	}
	column := strings.Trim(v.text, "{}")
	cell := row.get(column)
	if cell == nil {
		r.add(v.at, subject, "count: the sites table has no number in the column %q for %q%s", column, row.str("name"), hint(column, row.names()))
		return &node{at: v.at}
	}
	if cell.kind == whole {
		return cell
	}
	x, err := strconv.ParseInt(cell.text, 10, 64)
	if err != nil {
		r.add(cell.at, subject, "count: %q in the column %q is not a whole number", short(cell.text), column)
		return &node{at: v.at}
	}
	return newWhole(cell.at, x)
}

// wordsOf are what "{site}" and "{COLUMN}" stand for in one row.
func wordsOf(row *node) map[string]string {
	words := map[string]string{"site": row.str("name")}
	for _, h := range row.names() {
		if v := row.get(h); v.kind == whole {
			words[h] = strconv.FormatInt(v.whole, 10)
		} else {
			words[h] = v.text
		}
	}
	return words
}

// settingsFor replaces the words in every setting.
func (r *resolver) settingsFor(settings *node, subject string, words map[string]string) *node {
	out := settings.copied()
	for _, k := range out.names() {
		if v := out.get(k); v.kind == text && strings.Contains(v.text, "{") {
			out.tab[k] = r.substituted(v, subject+": "+k, words)
		}
	}
	return out
}

// policySettings writes out "{site}" in the settings of policies: a table for
// a label becomes one for each of its groups.
func (r *resolver) policySettings() {
	sec := r.section("policy")
	for _, name := range sec.names() {
		p := sec.get(name)
		set := p.get("set")
		if set == nil || set.kind != table {
			continue
		}
		out := newTable(set.at)
		for _, who := range set.names() {
			v := set.get(who)
			if v.kind != table || !hasWords(v) {
				out.set(who, overlay(out.get(who), v))
				continue
			}
			r.spreadSettings(out, who, v, "policy "+strconv.Quote(name))
		}
		p = p.copied()
		p.set("set", out)
		sec.tab[name] = p
	}
}

func hasWords(settings *node) bool {
	for _, k := range settings.names() {
		if v := settings.get(k); v.kind == text && strings.Contains(v.text, "{") {
			return true
		}
	}
	return false
}

func (r *resolver) spreadSettings(out *node, who string, v *node, subject string) {
	groups := r.section("group")
	for label := range strings.SplitSeq(who, "+") {
		label = strings.TrimSpace(label)
		found := false
		for _, id := range groups.names() {
			g := groups.get(id)
			if id != label && g.str("label") != label {
				continue
			}
			found = true
			var words map[string]string
			for _, row := range r.sites {
				if row.str("name") == g.str("at") {
					words = wordsOf(row)
				}
			}
			out.set(id, overlay(out.get(id), r.settingsFor(v, subject, words)))
		}
		if !found {
			out.set(label, v) // an unknown name, reported with the others
		}
	}
}
