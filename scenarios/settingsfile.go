package scenarios

import (
	"bytes"
	"path"
	"strings"

	"github.com/relaysim/relaysim/selection"
)

// deployed are the settings of one file with the spots where they stand. Of
// several values of one name the one with the newest effective date holds.
type deployed struct {
	*faults
	store selection.Store
	names []string // in the order of the file
	at    map[string]spot
}

// put stores a setting. An older value than the stored one is reported.
func (d *deployed) put(name, value string, effective int64, at spot) {
	first, twice := d.at[name]
	if !d.store.Put(name, value, effective) {
		d.warn(at, "settings", "%s: is older than the value at %s, ignored", name, first)
		return
	}
	if !twice {
		d.names = append(d.names, name)
	}
	d.at[name] = at
}

// table has the settings as if they were written in the scenario.
func (d *deployed) table(at spot) *node {
	out := newTable(at)
	raw := d.store.Raw()
	for _, name := range d.names {
		out.set(name, newText(d.at[name], raw[name]))
	}
	return out
}

// settingsFile reads a clientsettings.cfg or, by the ending .reg, an export of
// the registry. ref is where the scenario names the file.
func (r *resolver) settingsFile(ref *node, file, subject string) *node {
	d := &deployed{faults: r.faults, at: map[string]spot{}}
	export := strings.EqualFold(path.Ext(file), ".reg")
	data, why := r.src.readAs(file, export)
	switch {
	case why != nil && why.at.Line == 0:
		r.add(ref.at, subject, "settings_file %q: %s", file, why.problem)
	case why != nil:
		r.add(spot{file, why.at.Line, why.at.Col}, "settings", "%s", why.problem)
	case export:
		readRegistry(d, file, data)
	default:
		readClientSettings(d, file, data)
	}
	return d.table(ref.at)
}

// readClientSettings reads lines "name=value" and comments after '#' or ';',
// as the vendor's installer takes them. They have no effective dates.
func readClientSettings(d *deployed, file string, data []byte) {
	number := 0
	for line := range bytes.Lines(data) {
		number++
		d.clientSetting(string(line), spot{file, number, 1})
	}
}

func (d *deployed) clientSetting(line string, at spot) {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
		return
	}
	at.col = strings.Index(line, trimmed) + 1
	name, value, found := strings.Cut(trimmed, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	first, twice := d.at[name]
	switch {
	case !found || name == "":
		d.add(at, "settings", "%q is neither \"name=value\" nor a comment after '#' or ';'", short(trimmed))
	case twice:
		d.add(at, "settings", "%q is set twice (first at %s)", name, first)
	default:
		d.put(name, value, 0, at)
	}
}
