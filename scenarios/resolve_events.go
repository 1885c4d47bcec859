package scenarios

import "strconv"

// events writes out what an event leaves open.
func (r *resolver) events() {
	sec := r.section("events")
	for _, when := range sec.names() {
		for _, e := range sec.items(when) {
			if e.kind != table {
				continue
			}
			if e.has("down") { // only what goes down goes down in some way
				fill(e, eventKeys, nil)
			}
			if seek := e.get("seek"); seek != nil && seek.kind == table {
				e.set("seek", r.spreadSeek(seek, "event "+strconv.Quote(short(when))))
			}
		}
	}
}

// spreadSeek writes out "{site}" in new seek lists: one for a label becomes
// one for each of its groups.
func (r *resolver) spreadSeek(seek *node, subject string) *node {
	asSettings := newTable(seek.at)
	for _, who := range seek.names() {
		v := newTable(seek.spotOf(who))
		v.set(seekSetting, seek.get(who))
		if !hasWords(v) {
			asSettings.set(who, v)
			continue
		}
		r.spreadSettings(asSettings, who, v, subject)
	}
	out := newTable(seek.at)
	for _, who := range asSettings.names() {
		out.set(who, asSettings.get(who).get(seekSetting))
	}
	return out
}
