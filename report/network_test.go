package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/sim"
)

// madeUpNetwork has everything in it that a picture can show: homes behind two
// translators, a tunnel, branches that are alike, firewalls of hosts, a place
// that nothing leads to, and names that XML and Graphviz must quote.
func madeUpNetwork() *sim.NetworkMap {
	m := &sim.NetworkMap{
		Scenario: "acme", Title: `Who finds "DMZ" & <relays>?`, Policy: "echo", PolicyText: "TCP 52311 and echo request in",
		Places: []sim.MapPlace{
			{Name: "core", Root: "root"},
			{Name: "dmz", Relays: []string{"dmz-1", "dmz-2"}, Notes: []string{"192.168.9.0/24"}},
			{Name: "internet", Outside: true},
			{Name: "carrier", Outside: true},
			{
				Name: "home", Outside: true, AccessMax: 3, Groups: []sim.MapGroup{{Label: "remote", Count: 400}}, Visitors: []string{"laptop"},
				Notes: []string{"names: view public", "home host has 10.0.0.0/8 (silent)"},
			},
			{Name: "vpn", Outside: true, Visitors: []string{"laptop"}, Notes: []string{"VPN clients in home, tunnel for everything"}},
			{Name: "island"},
		},
		Boxes: []sim.MapBox{
			{Name: "edge", Kind: "stateful", Otherwise: "drop", Rules: []sim.MapRule{
				{Name: "relay-port", Verdict: "accept", Text: "any to dmz relays: tcp/52311"},
				{Name: "no-ping", Verdict: "reject", Text: `"guests" to any: icmp/echo-request, 5/s burst 5`},
			}},
			{Name: "inner", Kind: "stateless", Otherwise: "drop"},
			{Name: "wan", Kind: "router", Notes: []string{"forwards no icmp/time-exceeded"}},
			{Name: "home-router", Kind: "stateful", Otherwise: "drop", Notes: []string{"NAT towards carrier, one for each client"}},
			{Name: "cgn", Kind: "stateful", Otherwise: "drop", Notes: []string{"NAT towards internet, 4 addresses"}},
			{Name: "concentrator", Kind: "stateful", Otherwise: "accept"},
			{Name: "winfw", Kind: "host", Otherwise: "drop", Guards: []string{"dmz-1", "dmz-2"}},
		},
	}
	leg := func(name, place string, box string, side, routers int) {
		at := slices.IndexFunc(m.Places, func(p sim.MapPlace) bool { return p.Name == place })
		by := slices.IndexFunc(m.Boxes, func(b sim.MapBox) bool { return b.Name == box })
		m.Links = append(m.Links, sim.MapLink{Name: name, Place: at, Box: by, Side: side, Routers: routers, RTT: 10 * time.Millisecond})
	}
	leg("home-home-router", "home", "home-router", 0, 0)
	leg("carrier-home-router", "carrier", "home-router", 1, 2)
	leg("carrier-cgn", "carrier", "cgn", 0, 3)
	leg("internet-cgn", "internet", "cgn", 1, 1)
	leg("internet-edge", "internet", "edge", 0, 8)
	leg("dmz-edge", "dmz", "edge", 1, 2)
	leg("dmz-inner", "dmz", "inner", 0, 2)
	leg("core-inner", "core", "inner", 1, 0)
	leg("core-wan", "core", "wan", 0, 0)
	leg("vpn-concentrator", "vpn", "concentrator", 0, 1)
	m.Links[len(m.Links)-1].Tunnel = "tunnel over home to dmz"
	leg("core-concentrator", "core", "concentrator", 1, 0)
	for i := range 30 {
		name := fmt.Sprintf("branch-%02d", i+1)
		m.Places = append(m.Places, sim.MapPlace{
			Name: name, Site: true, Groups: []sim.MapGroup{{Label: "desktop", Count: 20 + i}}, Relays: []string{"relay-" + name},
			Notes: []string{fmt.Sprintf("10.1.%d.0/24", i)},
		})
		leg(name+"-wan", name, "wan", 1, 1+i%9)
	}
	return m
}

// pictureOf is the text of a picture.
func pictureOf(t *testing.T, draw func(io.Writer, *sim.NetworkMap) error, m *sim.NetworkMap) string {
	t.Helper()
	var b bytes.Buffer
	if err := draw(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNetworkShowsEverything(t *testing.T) {
	for name, draw := range map[string]func(io.Writer, *sim.NetworkMap) error{"svg": NetworkSVG, "dot": NetworkDOT} {
		got := pictureOf(t, draw, madeUpNetwork())
		for _, want := range []string{
			"30 sites", "branch-01 … branch-30", "1,035 clients, desktop", "30 relays, one each", "1 to 9 routers",
			"relays dmz-1, dmz-2", "192.168.9.0/24", "root server", "400 clients, remote", "visited by laptop", "0 to 3 routers",
			"names: view public", "NAT towards carrier, one for each client", "no-ping", "otherwise", "stateless filter",
			"tunnel over home to dmz", "VPN clients in home", "island", "forwards no icmp/time-exceeded",
			"winfw, firewall of dmz-1, dmz-2: otherwise drop", "dash",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in:\n%s", name, want, got)
			}
		}
		if strings.Contains(got, "branch-17<") || strings.Contains(got, "10.1.3.0") {
			t.Errorf("%s shows a branch of a stack by itself", name)
		}
	}
}

// The texts of a scenario are its author's; whatever they are, the picture is
// well-formed.
func TestNetworkSVGIsXML(t *testing.T) {
	m := madeUpNetwork()
	m.Places[1].Name = "a<b>&\"'\x01\ufffe"
	d := xml.NewDecoder(strings.NewReader(pictureOf(t, NetworkSVG, m)))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The order of a scenario's tables reaches no picture.
func TestNetworkDoesNotDependOnOrder(t *testing.T) {
	m, r := madeUpNetwork(), madeUpNetwork()
	slices.Reverse(r.Places)
	slices.Reverse(r.Boxes)
	slices.Reverse(r.Links)
	for i := range r.Links {
		l := &r.Links[i]
		l.Place, l.Box = len(r.Places)-1-l.Place, len(r.Boxes)-1-l.Box
	}
	for name, draw := range map[string]func(io.Writer, *sim.NetworkMap) error{"svg": NetworkSVG, "dot": NetworkDOT} {
		if got, want := pictureOf(t, draw, r), pictureOf(t, draw, m); got != want {
			t.Errorf("%s of the reversed scenario is another:\n%s\nwant\n%s", name, got, want)
		}
	}
}

// Nothing covers anything: cards keep apart, and each link has room for its
// label beside it.
func TestNetworkLayout(t *testing.T) {
	p := newNetworkPicture(madeUpNetwork())
	for i, a := range p.cards {
		if a.x < 0 || a.y < p.headHeight() {
			t.Errorf("%s lies at %d, %d", a.id, a.x, a.y)
		}
		for _, b := range p.cards[:i] {
			if a.x < b.x+b.width && b.x < a.x+a.width && a.y < b.y+b.height && b.y < a.y+a.height {
				t.Errorf("%s covers %s", a.id, b.id)
			}
		}
	}
	for i, l := range p.links {
		if l.px < l.place.x || l.px > l.place.x+l.place.width || l.bx < l.box.x || l.bx > l.box.x+l.box.width {
			t.Errorf("%s misses its cards", l.title)
		}
		if d := l.place.row - l.box.row; d != 1 && d != -1 {
			t.Errorf("%s leads over %d rows", l.title, d)
		}
		for _, o := range p.links[:i] {
			if o.place == l.place && o.above() == l.above() && l.px < o.px+o.width()-10 && o.px < l.px+l.width()-10 {
				t.Errorf("the labels of %s and %s overlap", o.title, l.title)
			}
		}
	}
	if first, last := p.rows[0], p.rows[len(p.rows)-1]; first[0].title != "home" || !slices.ContainsFunc(last, func(c *networkCard) bool { return c.title == "core" }) {
		t.Errorf("the rows go from %s to %s, want from home to core", first[0].title, last[0].title)
	}
}
