package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/relaysim/relaysim/topology"
)

// key is one key of a section: what docs/scenario.md says of it and what the
// reader holds its values to.
type key struct {
	// name ends in NAME where any name may follow.
	name string
	form *form
	unit string
	// def is the default as it would be written, "" for none; defLaptop that
	// of the life "office-laptop" if it is another.
	def, defLaptop string
	required       bool
	// lo and hi bound the value as it would be written, both "" for no bound.
	lo, hi string

	standard, standardLaptop *node
}

// prefix is the fixed part of a name that ends in NAME.
func (k *key) prefix() (string, bool) { return strings.CutSuffix(k.name, "NAME") }

// section is a table of the format with its known keys.
type section struct {
	name string
	keys []key
	// open sections may have other keys as well: columns of a table.
	open bool
}

func newSection(name string, keys ...key) *section {
	for i := range keys {
		if keys[i].def != "" {
			keys[i].standard = literal(keys[i].def)
		}
		if keys[i].defLaptop != "" {
			keys[i].standardLaptop = literal(keys[i].defLaptop)
		}
	}
	return &section{name: name, keys: keys}
}

// find returns the key of that name, or nil.
func (s *section) find(name string) *key {
	for i := range s.keys {
		k := &s.keys[i]
		if p, ok := k.prefix(); k.name == name || ok && len(name) > len(p) && strings.HasPrefix(name, p) {
			return k
		}
	}
	return nil
}

func (s *section) names() []string {
	var out []string
	for i := range s.keys {
		out = append(out, s.keys[i].name)
	}
	return out
}

// isColumn tells whether name is a column of a table that is a key of the
// section.
func (s *section) isColumn(name string) bool { return s.find(name) != nil && name != "like" }

// quotedSpan is a span as the default of a key.
func quotedSpan(d time.Duration) string { return strconv.Quote(formatSpan(d)) }

// The sections of a scenario. Section names are the headings of
// docs/scenario.md.
var (
	topKeys = newSection("Top level",
		key{name: "title", form: aText, required: true},
		key{name: "seed", form: aWhole, def: "1", lo: "0", hi: "9223372036854775807"},
		key{name: "replications", form: aWhole, def: "20", lo: "1", hi: "10000"},
		key{name: "duration", form: aSpan, unit: "time", def: `"7d"`, lo: "1m", hi: "366d"},
		key{name: "warmup", form: aSpan, unit: "time", def: `"1d"`, lo: "0s", hi: "366d"},
		key{name: "starts", form: someTime, unit: "local time", def: `"Mon 00:00"`},
		key{name: "extends", form: aText, unit: "path"},
		key{name: "found_bounds", form: someSpans, unit: "time", def: `["15m"]`, lo: "1s", hi: "30d"},
		key{name: "design_load", form: aWhole, unit: "clients", def: "1000", lo: "1", hi: "1000000000"},
		key{name: "limit_load", form: aWhole, unit: "clients", def: "5000", lo: "1", hi: "1000000000"},
		key{name: "flap_within", form: aSpan, unit: "time", def: `"1h"`, lo: "0s", hi: "366d"},
		key{name: "balance", form: oneOf("one-way", "per-flow", "per-packet"), def: `"one-way"`},
		key{name: "tables", form: tableOf(func() *section { return tableKeys })},
		key{name: "place", form: named(func() *section { return placeKeys })},
		key{name: "link", form: links},
		key{name: "route", form: named(func() *section { return routeKeys })},
		key{name: "names", form: views},
		key{name: "box", form: named(func() *section { return boxKeys })},
		key{name: "opening", form: named(func() *section { return openingKeys })},
		key{name: "policy", form: policies, required: true},
		key{name: "relay", form: named(func() *section { return relayKeys })},
		key{name: "root", form: tableOf(func() *section { return rootKeys })},
		key{name: "group", form: named(func() *section { return groupKeys })},
		key{name: "events", form: events},
		key{name: "model", form: someParams},
		key{name: "goals", form: expectations},
		key{name: "findings", form: expectations},
	)
	tableKeys = newSection("tables",
		key{name: "sites", form: someRows, unit: "path or rows"},
		key{name: "relays", form: someRows, unit: "path or rows"},
	)
	placeKeys = newSection("place.NAME",
		key{name: "hosts", form: someTexts},
		key{name: "prefix", form: textOrTexts, unit: "CIDR"},
		key{name: "hops_to_NAME", form: someHops, unit: "routers", def: "0", lo: "0", hi: "200"},
		key{name: "hops_behind_NAME", form: someHops, unit: "routers", def: "0", lo: "0", hi: "200"},
		key{name: "metric_to_NAME", form: aWhole, lo: "1", hi: "65535"},
		key{name: "rtt", form: aSpan, unit: "time", def: `"1ms"`, lo: "0s", hi: "1m"},
		key{name: "loss", form: aNumber, unit: "fraction", def: "0", lo: "0", hi: "1"},
		key{name: "jitter", form: aSpan, unit: "time", def: `"0s"`, lo: "0s", hi: "1m"},
		key{name: "jitter_law", form: jitterLaw, def: `"exponential"`},
		key{name: "bursts", form: tableOf(func() *section { return burstKeys })},
		key{name: "duplicates", form: aNumber, unit: "fraction", def: "0", lo: "0", hi: "1"},
		key{name: "reordered", form: aNumber, unit: "fraction", def: "0", lo: "0", hi: "1"},
		key{name: "reordered_by", form: aSpan, unit: "time", def: `"10ms"`, lo: "1ms", hi: "1m"},
		key{name: "hops_inside", form: aWhole, unit: "routers", def: "1", lo: "0", hi: "64"},
		key{name: "rtt_inside", form: aSpan, unit: "time", def: `"1ms"`, lo: "0s", hi: "1m"},
		key{name: "loss_inside", form: aNumber, unit: "fraction", def: "0", lo: "0", hi: "1"},
		key{name: "names", form: aText, unit: "view"},
		key{name: "captive_portal", form: aFlag, def: "false"},
		key{name: "reuses", form: textOrTexts, unit: "CIDR"},
		key{name: "strangers", form: oneOf("silent", "echo", "echo+tcp"), def: `"silent"`},
		key{name: "tells_absent", form: aFlag, def: "false"},
		key{name: "tunnel", form: tableOf(func() *section { return tunnelKeys })},
		key{name: "outside", form: aFlag},
		key{name: "like", form: aText, unit: "place"},
	)
	burstKeys = newSection("place.NAME.bursts",
		key{name: "bad", form: aNumber, unit: "fraction", required: true, lo: "0.000001", hi: "0.999"},
		key{name: "lasts", form: aSpan, unit: "time", required: true, lo: "1ms", hi: "1d"},
		key{name: "loss", form: aNumber, unit: "fraction", required: true, lo: "0", hi: "1"},
		key{name: "slot", form: aSpan, unit: "time", def: `"100ms"`, lo: "1ms", hi: "1h"},
	)
	tunnelKeys = newSection("place.NAME.tunnel",
		key{name: "box", form: aText, unit: "box", required: true},
		key{name: "over", form: aText, unit: "place", required: true},
		key{name: "gateway", form: aText, unit: "place", required: true},
		key{name: "hops", form: aWhole, unit: "routers", lo: "0", hi: "200"},
		key{name: "clients", form: aFlag, def: "false"},
		key{name: "into", form: textOrTexts, unit: "places"},
	)
	linkKeys = newSection("link.PLACE-BOX",
		key{name: "hops", form: someHops, unit: "routers", lo: "0", hi: "200"},
		key{name: "metric", form: aWhole, lo: "1", hi: "65535"},
		key{name: "rtt", form: aSpan, unit: "time", lo: "0s", hi: "1m"},
		key{name: "loss", form: aNumber, unit: "fraction", lo: "0", hi: "1"},
		key{name: "jitter", form: aSpan, unit: "time", lo: "0s", hi: "1m"},
		key{name: "jitter_law", form: jitterLaw},
		key{name: "bursts", form: tableOf(func() *section { return burstKeys })},
		key{name: "duplicates", form: aNumber, unit: "fraction", lo: "0", hi: "1"},
		key{name: "reordered", form: aNumber, unit: "fraction", lo: "0", hi: "1"},
		key{name: "reordered_by", form: aSpan, unit: "time", lo: "1ms", hi: "1m"},
	)
	routeKeys = newSection("route.NAME",
		key{name: "at", form: aText, unit: "place", required: true},
		key{name: "to", form: textOrTexts, unit: "places", required: true},
		key{name: "over", form: aText, unit: "box", required: true},
	)
	viewKeys = newSection("names.VIEW",
		key{name: "NAME", form: textOrTexts, unit: "IP address"},
	)
	boxKeys = newSection("box.NAME",
		key{name: "between", form: someTexts, unit: "places"},
		key{name: "kind", form: oneOf("stateful", "stateless", "router", "host"), required: true},
		key{name: "preset", form: oneOf(presetNames()...)},
		key{name: "rules", form: someRules, unit: "path or rows"},
		key{name: "otherwise", form: oneOf("drop", "accept", "reject"), def: `"drop"`},
		key{name: "related_errors", form: oneOf("pass", "drop"), def: `"pass"`},
		key{name: "silent", form: aFlag, def: "false"},
		key{name: "drops", form: textOrTexts, unit: "services", def: "[]"},
		key{name: "nat", form: tableOf(func() *section { return natKeys })},
		key{name: "lifetimes", form: tableOf(func() *section { return lifetimeKeys })},
		key{name: "flows", form: aWhole, unit: "flows", def: "0", lo: "0", hi: "1000000000"},
		key{name: "icmp_errors", form: errorLimits, unit: "rates", def: `"unlimited"`},
		key{name: "eats_expiring", form: aFlag, def: "false"},
		key{name: "echo_for", form: textOrTexts, unit: "ends", def: "[]"},
		key{name: "errors_from", form: aText, unit: "IP address"},
	)
	natKeys = newSection("box.NAME.nat",
		key{name: "outside", form: aText, unit: "places", required: true},
		key{name: "per_client", form: aFlag, def: "false"},
		key{name: "pool", form: textOrTexts, unit: "IP addresses or CIDR", def: "[]"},
		key{name: "mapping", form: dependence, def: `"endpoint-independent"`},
		key{name: "filtering", form: dependence, def: `"address-and-port-dependent"`},
		key{name: "mappings", form: aWhole, unit: "mappings", def: "0", lo: "0", hi: "1000000000"},
		key{name: "per_host", form: aWhole, unit: "mappings", def: "0", lo: "0", hi: "1000000000"},
		key{name: "hairpin", form: aFlag, def: "false"},
		key{name: "drops_errors", form: aFlag, def: "false"},
		key{name: "error_source", form: oneOf("translator", "destination"), def: `"translator"`},
		key{name: "static", form: hostsByAddress, unit: "IP address = relay"},
		key{name: "forward", form: listOfTables(func() *section { return forwardKeys })},
	)
	forwardKeys = newSection("box.NAME.nat.forward",
		key{name: "public", form: aText, unit: "IP address", required: true},
		key{name: "service", form: textOrTexts, unit: "services", required: true},
		key{name: "to", form: aText, unit: "relay", required: true},
	)
	lifetimeKeys = newSection("box.NAME.lifetimes",
		key{name: "tcp", form: aSpan, unit: "time", def: quotedSpan(topology.TCPTimeout), lo: "1s", hi: "366d"},
		key{name: "udp", form: aSpan, unit: "time", def: quotedSpan(topology.UDPTimeout), lo: "1s", hi: "366d"},
		key{name: "icmp", form: aSpan, unit: "time", def: quotedSpan(topology.ICMPTimeout), lo: "1s", hi: "366d"},
	)
	errorLimitKeys = newSection("box.NAME.icmp_errors",
		key{name: "per_destination", form: aText, unit: "rate"},
		key{name: "global", form: aText, unit: "rate"},
	)
	ruleKeys = newSection("box.NAME.rules",
		key{name: "no", form: aWhole, required: true, lo: "0", hi: "4294967295"},
		key{name: "from", form: aText, unit: "end", required: true},
		key{name: "to", form: aText, unit: "end", required: true},
		key{name: "service", form: aText, unit: "services", required: true},
		key{name: "action", form: oneOf(actions...), required: true},
		key{name: "stateful", form: yesOrNo, def: "true"},
	)
	openingKeys = newSection("opening.NAME",
		key{name: "at", form: textOrTexts, unit: "boxes", required: true},
		key{name: "from", form: aText, unit: "end", required: true},
		key{name: "to", form: aText, unit: "end", required: true},
		key{name: "service", form: textOrTexts, unit: "services", required: true},
		key{name: "action", form: oneOf(actions...), def: `"accept"`},
		key{name: "limit", form: aText, unit: "rate"},
		key{name: "side_from", form: aText, unit: "places"},
		key{name: "side_to", form: aText, unit: "places"},
		key{name: "families", form: oneOf("ipv4", "ipv6")},
		key{name: "untracked", form: aFlag, def: "false"},
		key{name: "like", form: aText, unit: "opening"},
	)
	policyKeys = newSection("policy.NAME",
		key{name: "open", form: someTexts, unit: "openings", def: "[]"},
		key{name: "like", form: aText, unit: "policy"},
		key{name: "set", form: settingsBy},
		key{name: "model", form: someParams},
		key{name: "box", form: named(func() *section { return policyBoxKeys })},
		key{name: "names", form: views},
		key{name: "without_routes", form: someTexts, unit: "routes"},
		key{name: "text", form: aText},
	)
	policyBoxKeys = newSection("policy.NAME.box.NAME",
		key{name: "kind", form: oneOf("stateful", "stateless", "router")},
		key{name: "preset", form: oneOf(presetNames()...)},
		key{name: "rules", form: someRules, unit: "path or rows"},
		key{name: "otherwise", form: oneOf("drop", "accept", "reject")},
		key{name: "related_errors", form: oneOf("pass", "drop")},
		key{name: "silent", form: aFlag},
		key{name: "drops", form: textOrTexts, unit: "services"},
		key{name: "nat", form: tableOf(func() *section { return natKeys })},
		key{name: "lifetimes", form: tableOf(func() *section { return lifetimeKeys })},
		key{name: "flows", form: aWhole, unit: "flows", lo: "0", hi: "1000000000"},
		key{name: "icmp_errors", form: errorLimits, unit: "rates"},
		key{name: "eats_expiring", form: aFlag},
		key{name: "echo_for", form: textOrTexts, unit: "ends"},
		key{name: "errors_from", form: aText, unit: "IP address"},
	)
	relayKeys = newSection("relay.NAME",
		key{name: "place", form: aText, unit: "place", required: true},
		key{name: "address", form: textOrTexts, unit: "IP address"},
		key{name: "listed_as", form: aText, unit: "IP address"},
		key{name: "firewall", form: aText, unit: "box"},
		key{name: "priority", form: aWhole, def: "0", lo: "0", hi: "4294967295"},
		key{name: "weight", form: aWhole, lo: "0", hi: "1000000"},
		key{name: "advertise", form: aText, unit: "labels", def: `""`},
		key{name: "id", form: aText},
		key{name: "auto_select", form: aFlag, def: "true"},
		key{name: "authenticating", form: aFlag, def: "false"},
		key{name: "password", form: aText},
		key{name: "max_children", form: aWhole, unit: "clients", def: "0", lo: "0", hi: "4294967295"},
		key{name: "settings", form: someSettings},
	)
	rootKeys = newSection("root",
		key{name: "name", form: aText, def: `"root"`},
		key{name: "id", form: aText},
		key{name: "address", form: textOrTexts, unit: "IP address"},
		key{name: "listed_as", form: aText, unit: "IP address"},
		key{name: "firewall", form: aText, unit: "box"},
		key{name: "priority", form: aWhole, def: "0", lo: "0", hi: "4294967295"},
		key{name: "weight", form: aWhole, lo: "0", hi: "1000000"},
		key{name: "advertise", form: aText, unit: "labels", def: `""`},
		key{name: "listed", form: aFlag, def: "true"},
		key{name: "auto_select", form: aFlag, def: "true"},
		key{name: "fallback", form: aText, unit: "relay"},
		key{name: "authenticating", form: aFlag, def: "false"},
		key{name: "password", form: aText},
		key{name: "max_children", form: aWhole, unit: "clients", def: "0", lo: "0", hi: "4294967295"},
		key{name: "settings", form: someSettings},
	)
	groupKeys = newSection("group.NAME",
		key{name: "count", form: aCount, unit: "clients", required: true, lo: "0", hi: "10000000"},
		key{name: "life", form: oneOf("always-on", "desktop", "office-laptop"), required: true},
		key{name: "at", form: aText, unit: "place"},
		key{name: "over", form: oneOf("sites")},
		key{name: "label", form: aText},
		key{name: "away", form: someWeights, unit: "place = weight", lo: "0", hi: "1000000"},
		key{name: "seek", form: aText, unit: "labels"},
		key{name: "settings", form: someSettings},
		key{name: "settings_file", form: aText, unit: "path"},
		key{name: "like", form: aText, unit: "group"},
		key{name: "certificate", form: aShare, unit: "fraction", def: "true", lo: "0", hi: "1"},
		key{name: "password", form: aText},
		key{name: "client_version", form: aVersion},
		key{name: "firewall", form: aText, unit: "box"},
		key{name: "stale_list", form: aNumber, unit: "fraction", def: "0", lo: "0", hi: "1"},
		key{name: "start_spread", form: aSpan, unit: "time", def: `"1h"`, lo: "0s", hi: "366d"},
		key{name: "days", form: someDays, def: `"Mon..Fri"`},
		key{name: "hours", form: hours, unit: "local time", def: `"08:00..18:00"`, defLaptop: `"08:00..17:30"`},
		key{name: "jitter", form: aSpan, unit: "time", def: `"30m"`, lo: "0s", hi: "6h"},
		key{name: "away_days", form: aNumber, unit: "fraction", def: "0.2", lo: "0", hi: "1"},
		key{name: "evenings", form: aNumber, unit: "fraction", def: "0.5", lo: "0", hi: "1"},
		key{name: "evening_hours", form: hours, unit: "local time", def: `"19:00..22:30"`},
		key{name: "weekends", form: aNumber, unit: "fraction", def: "0.3", lo: "0", hi: "1"},
		key{name: "weekend_hours", form: hours, unit: "local time", def: `"10:00..16:00"`},
	)
	eventKeys = newSection("events.WHEN",
		key{name: "down", form: aText, unit: "relay"},
		key{name: "what", form: oneOf("host", "service"), def: `"host"`},
		key{name: "cut", form: aText, unit: "leg"},
		key{name: "install", form: aText, unit: "relay"},
		key{name: "retire", form: aText, unit: "relay"},
		key{name: "list", form: aText, unit: "relay"},
		key{name: "unlist", form: aText, unit: "relay"},
		key{name: "authenticating", form: aText, unit: "relay"},
		key{name: "names_down", form: aText, unit: "view"},
		key{name: "lasts", form: aSpan, unit: "time", lo: "1s", hi: "366d"},
		key{name: "relay_select", form: aText, unit: "groups"},
		key{name: "restart", form: aText, unit: "groups"},
		key{name: "address_change", form: aText, unit: "groups"},
		key{name: "vpn_up", form: aText, unit: "groups"},
		key{name: "adapter_change", form: aText, unit: "groups"},
		key{name: "clock_back", form: aSpan, unit: "time", lo: "1s", hi: "366d"},
		key{name: "groups", form: aText, unit: "groups"},
		key{name: "seek", form: seekByGroup, unit: "groups = labels"},
	)
)

// allSections in the order of docs/scenario.md.
func allSections() []*section {
	return []*section{
		topKeys, tableKeys, placeKeys, burstKeys, tunnelKeys, linkKeys, routeKeys, viewKeys,
		boxKeys, ruleKeys, natKeys, forwardKeys, lifetimeKeys, errorLimitKeys, openingKeys,
		policyKeys, policyBoxKeys, relayKeys, rootKeys, groupKeys, eventKeys,
	}
}

// livesWith are the group keys that only some lives have, with those lives.
var livesWith = map[string][]string{
	"start_spread":  {"always-on"},
	"days":          {"desktop", "office-laptop"},
	"hours":         {"desktop", "office-laptop"},
	"jitter":        {"desktop", "office-laptop"},
	"away":          {"office-laptop"},
	"away_days":     {"office-laptop"},
	"evenings":      {"office-laptop"},
	"evening_hours": {"office-laptop"},
	"weekends":      {"office-laptop"},
	"weekend_hours": {"office-laptop"},
}

// lifeHas tells whether a life has a group key.
func lifeHas(life, name string) bool {
	only, restricted := livesWith[name]
	return !restricted || slices.Contains(only, life)
}
