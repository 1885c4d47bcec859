package scenarios

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/relaysim/relaysim/sim"
)

// groups makes the groups and their labels, in file order.
func (b *binder) groups() {
	sec := b.section("group")
	for _, id := range sec.names() {
		n := sec.get(id)
		subject := "group " + strconv.Quote(id)
		label := n.str("label")
		if label == "" {
			label = id
		}
		at := slices.Index(b.plan.Labels, label)
		if at < 0 {
			at = len(b.plan.Labels)
			b.plan.Labels = append(b.plan.Labels, label)
		}
		g := sim.GroupPlan{ID: id, Label: at, Count: int(min(max(n.int("count"), 0), math.MaxInt32)), Life: life(n)}
		g.NoCertificate, g.StaleList = 1-shareOf(n.get("certificate")), n.number("stale_list")
		g.Version, _ = parseVersion(n.str("client_version"))
		g.Guard = b.guard(n, subject)
		home, ok := b.places[n.str("at")]
		switch {
		case ok:
			g.Home = home
		case !n.has("at"):
			b.add(n.at, subject, "lives nowhere (at = PLACE, or count = \"{COLUMN}\" of the sites table)")
		case n.get("at").kind == text:
			b.add(n.spotOf("at"), subject, "place %q is not defined%s", short(n.str("at")), hint(n.str("at"), b.section("place").names()))
		}
		g.Away = b.away(n, subject)
		b.plan.Groups = append(b.plan.Groups, g)
	}
}

// weightUnit is the weight of an away place of weight 1 in the plan.
const weightUnit = 1e6

// away reads the places that clients visit, by name, so that their order in
// the file means nothing.
func (b *binder) away(n *node, subject string) []sim.AwayPlan {
	var out []sim.AwayPlan
	named := false
	places := n.get("away")
	for _, name := range slices.Sorted(slices.Values(places.names())) {
		v := places.get(name)
		id, ok := b.places[name]
		named = named || v.real != 0
		if !ok {
			b.add(v.at, subject, "away: place %q is not defined%s", short(name), hint(name, b.section("place").names()))
			continue
		}
		if w := uint64(math.Round(min(max(v.real, 0), weightUnit) * weightUnit)); w > 0 {
			out = append(out, sim.AwayPlan{Network: id, Weight: w})
		}
	}
	goes := n.number("away_days") > 0 || n.number("evenings") > 0 || n.number("weekends") > 0
	if !named && goes && n.str("life") == "office-laptop" {
		b.add(n.spotOf("away"), subject, "goes away, but away names no place of a weight above 0")
	}
	return out
}

// life reads when clients are online.
func life(n *node) sim.Life {
	l := sim.Life{
		Name:        n.str("life"),
		Always:      n.str("life") == "always-on",
		StartSpread: n.span("start_spread"),
		Jitter:      n.span("jitter"),
		AwayDay:     n.number("away_days"),
		Evening:     n.number("evenings"),
		Weekend:     n.number("weekends"),
	}
	l.Days, _ = parseDays(n.str("days"))
	l.OfficeFrom, l.OfficeTo, _ = parseHours(n.str("hours"))
	l.EveningFrom, l.EveningTo, _ = parseHours(n.str("evening_hours"))
	l.WeekendFrom, l.WeekendTo, _ = parseHours(n.str("weekend_hours"))
	return l
}

// largestSite is the site with the most clients at home in it, the first by
// name among equals.
func (b *binder) largestSite() (network int, ok bool) {
	clients := make([]int, len(b.plan.Networks))
	for i := range b.plan.Groups {
		clients[b.plan.Groups[i].Home] += b.plan.Groups[i].Count
	}
	if len(b.sites) == 0 {
		return 0, false
	}
	order := make([]int, len(b.sites))
	for i := range order {
		order[i] = i
	}
	return slices.MinFunc(order, func(x, y int) int {
		return cmp.Or(cmp.Compare(clients[y], clients[x]), cmp.Compare(b.sites[x], b.sites[y]))
	}), true
}
