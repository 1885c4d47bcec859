package scenarios

import (
	"bytes"
	"strings"
)

// settingsFile reads a clientsettings.cfg: lines "name=value", comments after
// '#' or ';', as the vendor's installer takes it. ref is where the scenario
// names the file.
func (r *resolver) settingsFile(ref *node, file, subject string) *node {
	out := newTable(ref.at)
	data, why := r.src.read(file)
	if why != nil {
		if why.at.Line == 0 {
			r.add(ref.at, subject, "settings_file %q: %s", file, why.problem)
		} else {
			r.add(spot{file, why.at.Line, why.at.Col}, "settings", "%s", why.problem)
		}
		return out
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		r.settingsLine(out, string(line), spot{file, number, 1})
	}
	return out
}

func (r *resolver) settingsLine(out *node, line string, at spot) {
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
		return
	}
	at.col = strings.Index(line, trimmed) + 1
	name, value, found := strings.Cut(trimmed, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	switch {
	case !found || name == "":
		r.add(at, "settings", "%q is neither \"name=value\" nor a comment after '#' or ';'", short(trimmed))
	case out.has(name):
		r.add(at, "settings", "%q is set twice (first at %s)", name, out.spotOf(name))
	default:
		out.set(name, newText(at, value))
	}
}
