package scenarios

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"math"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/selection"
)

// ListedRelay is one row of a relay list for the prober.
type ListedRelay struct {
	Name string
	// Port is 0 if the row has none.
	Port             uint16
	Priority, Weight uint32
	Affiliations     []string
	// Address is the zero Addr if the name is to be resolved.
	Address netip.Addr
}

// RelayList is a relay list for the prober: what a client's Relays.dat has,
// written by hand.
type RelayList struct {
	Relays []ListedRelay
	// Root, Fallback and Port are keys of the TOML form; "" and 0 if absent.
	Root, Fallback string
	Port           uint16
	Warnings       []string
}

// The keys of a relay list: at the top of its TOML form, and of a row, which
// are the columns of its CSV form.
var (
	relayListKeys = newSection("relay list",
		key{name: "relay", form: listedRows},
		key{name: "root", form: aText},
		key{name: "fallback", form: aText},
		key{name: "port", form: aWhole},
	)
	listedKeys = newSection("relay",
		key{name: "name", form: aText},
		key{name: "port", form: aWhole},
		key{name: "priority", form: aWhole},
		key{name: "weight", form: aWhole},
		key{name: "affiliations", form: textOrTexts},
		key{name: "address", form: aText},
	)
	listedRows = &form{doc: "tables", want: "tables [[relay]]", valid: func(n *node) bool { return n.kind == list }}
)

func listedColumns() columns { return columns{"relays", "relay", []string{"name"}, listedKeys, false} }

// LoadRelayList reads a relay list: TOML by the ending .toml, else CSV. The
// error is an ErrorList.
func LoadRelayList(file string) (*RelayList, error) {
	file = filepath.ToSlash(file)
	f := &faults{}
	r := &listReader{parser: &parser{f, newSource(disk{})}, seen: map[string]spot{}}
	rows := r.read(file)
	if rows != nil && rows.kind == list {
		for _, row := range rows.list {
			r.row(row)
		}
		if len(r.out.Relays) == 0 && len(f.errors) == 0 {
			r.add(rows.at, "relays", "no rows")
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	r.out.Warnings = f.printed()
	return &r.out, nil
}

// LoadSettings reads the settings of a client from a clientsettings.cfg or, by
// the ending .reg, an export of the registry. Settings that have no part in a
// selection are counted in one warning, unless they may be misspelt. The error
// is an ErrorList.
func LoadSettings(file string) (s *selection.Settings, warnings []string, err error) {
	file = filepath.ToSlash(file)
	f := &faults{}
	if _, err := fs.Stat(disk{}, file); err != nil {
		return nil, nil, ErrorList{{File: file, Subject: "settings", Problem: fileProblem(err)}}
	}
	r := &resolver{faults: f, src: newSource(disk{})}
	n := r.settingsFile(newText(spot{file: file}, file), file, "settings")
	if err := f.err(); err != nil {
		return nil, nil, err
	}
	raw, others := map[string]string{}, 0
	for _, name := range n.names() {
		if !slices.Contains(selection.SettingNames(), name) && !misspelt(name) {
			others++
			continue
		}
		raw[name] = n.str(name)
	}
	parsed, problems := selection.ParseSettings(raw)
	for _, w := range problems {
		name, _, _ := strings.Cut(w, ":")
		f.warn(n.spotOf(name), "settings", "%s", w)
	}
	if others > 0 {
		f.warn(spot{file, 1, 1}, "settings", "settings that have no part in a selection: %d, ignored", others)
	}
	return &parsed, f.printed(), nil
}

// misspelt tells whether a name is nearly that of a setting.
func misspelt(name string) bool {
	const few = 3
	return slices.ContainsFunc(selection.SettingNames(), func(known string) bool {
		return selection.EditDistance(strings.ToLower(name), strings.ToLower(known)) <= few
	})
}

// listReader reads one relay list.
type listReader struct {
	*parser
	out  RelayList
	seen map[string]spot
}

// read returns the rows of the file, or nil.
func (r *listReader) read(file string) *node {
	data, why := r.src.read(file)
	switch {
	case why != nil:
		r.add(spot{file, why.at.Line, why.at.Col}, "relays", "%s", why.problem)
		return nil
	case strings.EqualFold(path.Ext(file), ".toml"):
		return r.toml(file, data)
	}
	c := listedColumns()
	in := csv.NewReader(bytes.NewReader(data))
	in.TrimLeadingSpace = true
	head, err := in.Read()
	if err != nil {
		r.csvError(file, c, err)
		return nil
	}
	if !r.head(in, file, head, c) {
		return nil
	}
	return r.records(in, file, head, c)
}

func (r *listReader) toml(file string, data []byte) *node {
	root := r.decode(file, data)
	if root == nil {
		return nil
	}
	r.section(root, relayListKeys, "relay list")
	r.out.Root, r.out.Fallback = root.str("root"), root.str("fallback")
	for key, name := range map[string]string{"root": r.out.Root, "fallback": r.out.Fallback} { // order: errors are sorted
		if root.has(key) && root.get(key).kind == text && !isHostName(name) {
			r.add(root.spotOf(key), "relay list", "%s %q is no host name or address", key, short(name))
		}
	}
	r.out.Port = uint16(r.number(root, "port", "relay list", 1, math.MaxUint16))
	if !root.has("relay") {
		r.add(root.at, "relay list", "has no relay (tables [[relay]] with name, port, priority, weight, affiliations, address)")
		return nil
	}
	return root.get("relay")
}

func (r *listReader) row(row *node) {
	if row.kind != table {
		r.wrong(row, "relays", "a row", "a table")
		return
	}
	name := row.str("name")
	if !row.has("name") || row.get("name").kind != text {
		r.add(row.at, "relays", "a row without a name")
		return
	}
	subject := "relay " + strconv.Quote(short(name))
	if !isHostName(name) {
		r.add(row.spotOf("name"), subject, "is no host name or address")
		return
	}
	folded := strings.TrimSuffix(strings.ToLower(name), ".")
	if first, twice := r.seen[folded]; twice {
		r.add(row.spotOf("name"), subject, "is listed twice (first at %s); several affiliations go into one row, separated by ';'", first)
		return
	}
	r.seen[folded] = row.spotOf("name")
	r.parser.row(row, listedColumns(), subject)
	relay := ListedRelay{
		Name: name, Port: uint16(r.number(row, "port", subject, 1, math.MaxUint16)),
		Priority: uint32(r.number(row, "priority", subject, 0, math.MaxUint32)), Weight: defaultWeight,
	}
	if row.has("weight") {
		relay.Weight = uint32(r.number(row, "weight", subject, 0, 1000000))
	}
	for _, item := range row.items("affiliations") {
		for label := range strings.SplitSeq(item.text, ";") {
			if strings.TrimSpace(label) != "" {
				relay.Affiliations = append(relay.Affiliations, label)
			}
		}
	}
	r.address(row, subject, &relay)
	r.out.Relays = append(r.out.Relays, relay)
}

// defaultWeight is that of a relay (spec 2.8).
const defaultWeight = 100

func (r *listReader) address(row *node, subject string, relay *ListedRelay) {
	written := row.str("address")
	if written == "" {
		if a, err := netip.ParseAddr(relay.Name); err == nil {
			relay.Address = a
		}
		return
	}
	a, err := netip.ParseAddr(written)
	if err != nil || a.IsUnspecified() || a.IsMulticast() {
		r.add(row.spotOf("address"), subject, "address %q is not the IP address of a host", short(written))
		return
	}
	relay.Address = a.Unmap()
}

// number reads a whole number within bounds; 0 if there is none.
func (r *listReader) number(n *node, key, subject string, least, most int64) int64 {
	v := n.get(key)
	if v == nil || v.kind != whole {
		return 0
	}
	if v.whole < least || v.whole > most {
		r.add(v.at, subject, "%s %d is outside [%d, %d]", key, v.whole, least, most)
		return 0
	}
	return v.whole
}

// isHostName tells whether a resolver can be asked for the name: RFC 1123,
// section 2.1, and the underscore, which Windows takes. Addresses are names too.
func isHostName(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	const longest = 253
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > longest {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
			if !letter && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
