package scenarios

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/relaysim/relaysim/rng"
)

// company is what a shape becomes under a seed.
type company struct {
	seed  uint64
	hubs  []hub
	sites []shapeSite
	// relays at the sites, by region in turns; at the hubs; in the DMZ.
	siteRelays, hubRelays, dmzRelays []shapeRelay
	retired, installed               string
	failures                         []failure
}

// hub is the hub of a region with the network of that region.
type hub struct {
	Region, Place, Box, Prefix string
	Hops                       int // to the core
	RTT                        string
	SitesText                  string // its sites as a side of the box, in quotes
	sites                      []int
}

type shapeSite struct {
	name              string
	region, hops      int
	rtt               int // ms
	bits              int
	prefix            netip.Prefix
	desktops, laptops int
	relays            int
}

type shapeRelay struct {
	name, place      string
	site             int // of those at sites
	address          netip.Addr
	priority, weight int
	advertise        string
	authenticating   bool
}

type failure struct{ When, Relay, What, Lasts string }

// Sites have addresses of 10.0.0.0/8, hubs of 172.16.0.0/12 and the DMZ of a
// network that is reserved for documentation (RFC 5737).
var (
	siteNetwork = netip.MustParsePrefix("10.0.0.0/8")
	hubNetwork  = netip.MustParsePrefix("172.16.0.0/12")
	dmzNetwork  = netip.MustParsePrefix("203.0.113.0/24")
)

// smallestSite is the length of the prefix of a small site.
const smallestSite = 24

// partOf is the i-th network of so many bits of a larger one.
func partOf(n netip.Prefix, bits, i int) netip.Prefix {
	a := n.Addr().As4()
	first := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	first += uint32(i) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(first >> 24), byte(first >> 16), byte(first >> 8), byte(first)}), bits)
}

// host is the i-th address of a network, from 1.
func host(n netip.Prefix, i int) netip.Addr { return partOf(n, 32, i).Addr() }

// chosen is a number from lo to hi that the seed chooses for what is named.
func (c *company) chosen(lo, hi int, what string, i int) int {
	return lo + int(rng.Below(rng.Hash(fmt.Sprintf("%d %s %d", c.seed, what, i)), uint64(hi-lo+1)))
}

// company lays out sites, hubs and relays.
func (s Shape) company(seed uint64) *company {
	c := &company{seed: seed}
	regions := s.regions()
	for i := range regions {
		region := "r" + padded(i, regions)
		c.hubs = append(c.hubs, hub{
			Region: region, Place: "hub-" + region, Box: "wan-" + region, Prefix: partOf(hubNetwork, 24, i).String(),
			Hops: c.chosen(1, 4, "hub hops", i), RTT: fmt.Sprintf("%dms", c.chosen(4, 30, "hub delay", i)),
		})
	}
	for i := range s.Sites {
		h := &c.hubs[i*regions/s.Sites]
		h.sites = append(h.sites, i)
		c.sites = append(c.sites, shapeSite{region: i * regions / s.Sites})
	}
	for r := range c.hubs {
		for n, i := range c.hubs[r].sites {
			c.sites[i].name = c.hubs[r].Region + "-s" + padded(n, len(c.hubs[r].sites))
			c.sites[i].hops, c.sites[i].rtt = c.chosen(2, 6, "site hops", i), c.chosen(3, 25, "site delay", i)
		}
		c.hubs[r].SitesText = c.sitesText(c.hubs[r].sites)
	}
	c.populate(s.Clients)
	c.equip(s.Relays)
	c.change()
	return c
}

// sitesText joins sites as a side of a box, over several lines if they are many.
func (c *company) sitesText(sites []int) string {
	const perLine = 10
	var lines []string
	for from := 0; from < len(sites); from += perLine {
		var names []string
		for _, i := range sites[from:min(from+perLine, len(sites))] {
			names = append(names, c.sites[i].name)
		}
		lines = append(lines, strings.Join(names, "+"))
	}
	if len(lines) == 1 {
		return `"` + lines[0] + `"`
	}
	return "\"\"\"\\\n  " + strings.Join(lines, "+\\\n  ") + `"""`
}

// populate shares the clients out to the sites, the largest of which are three
// times the size of the smallest. A fifth are laptops.
func (c *company) populate(clients int) {
	total := 0
	for i := range c.sites {
		total += c.chosen(50, 150, "site size", i)
	}
	before, size := 0, 0
	for i := range c.sites {
		size += c.chosen(50, 150, "site size", i)
		until := int(int64(clients) * int64(size) / int64(total))
		c.sites[i].laptops = until/5 - before/5
		c.sites[i].desktops = until - before - c.sites[i].laptops
		before = until
	}
}

// addressed gives each site the smallest network that holds its hosts, and its
// relays their addresses in it. Larger networks come first, so that none of the
// addresses between them is lost.
func (c *company) addressed() error {
	order := make([]int, len(c.sites))
	for i := range c.sites {
		order[i] = i
		s := &c.sites[i]
		s.bits = smallestSite
		for s.desktops+s.laptops+s.relays > 1<<(32-s.bits)-2 && s.bits > siteNetwork.Bits() {
			s.bits--
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.sites[a].bits, c.sites[b].bits) })
	next, end := 0, 1<<(32-siteNetwork.Bits())
	for _, i := range order {
		s := &c.sites[i]
		s.prefix = partOf(siteNetwork, s.bits, next>>(32-s.bits))
		if next += 1 << (32 - s.bits); next > end {
			return fmt.Errorf("%s has too few addresses for so many clients at %d %s", siteNetwork, len(c.sites), plural(len(c.sites), "site"))
		}
	}
	used := make([]int, len(c.sites))
	for i := range c.siteRelays {
		r := &c.siteRelays[i]
		used[r.site]++
		r.address = host(c.sites[r.site].prefix, used[r.site])
	}
	return nil
}

// equip places the relays: one in 25 in the DMZ but at least two, one or two at
// each hub, the others at sites, which with a relay are near their hub.
func (c *company) equip(relays int) {
	dmz, perHub := max(2, relays/25), 1
	if relays >= 10*len(c.hubs) {
		perHub = 2
	}
	for i := range dmz {
		c.dmzRelays = append(c.dmzRelays, c.ranked(shapeRelay{
			name: "dmz-" + padded(i, dmz), place: "dmz", address: host(dmzNetwork, i+1), advertise: "DMZ", authenticating: true,
		}, i))
	}
	for r := range c.hubs {
		h := &c.hubs[r]
		for i := range perHub {
			c.hubRelays = append(c.hubRelays, shapeRelay{
				name: h.Place + "-" + padded(i, perHub), place: h.Place, weight: 100, advertise: h.Place,
				address: host(partOf(hubNetwork, 24, r), i+1),
			})
		}
	}
	rest := relays - dmz - perHub*len(c.hubs)
	for i := range rest {
		region, n := i%len(c.hubs), i/len(c.hubs)
		in := (rest - region + len(c.hubs) - 1) / len(c.hubs) // relays of the region
		h := &c.hubs[region]
		at := h.sites[n*len(h.sites)/in]
		site := &c.sites[at]
		site.relays++
		site.hops = 1
		if n%4 == 3 {
			site.hops = 2
		}
		c.siteRelays = append(c.siteRelays, c.ranked(shapeRelay{
			name: fmt.Sprintf("relay-%s-%s", h.Region, padded(n, in)), place: site.name, site: at, advertise: h.Region,
		}, n))
	}
}

// ranked gives the n-th relay of a group its priority and weight: one in five
// is in reserve, one in three takes twice the share.
func (c *company) ranked(r shapeRelay, n int) shapeRelay {
	r.weight = 100
	if n%3 == 1 {
		r.weight = 200
	}
	if n%5 == 2 {
		r.priority = 1
	}
	return r
}

// failures of the week, one in six hours.
const shapeFailures = 28

var weekDays = [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// change decides which relays come, go and fail. The last two at sites come and
// go; there are more in their regions. None fails twice at a time.
func (c *company) change() {
	stay := len(c.siteRelays) - 2
	c.retired, c.installed = c.siteRelays[stay].name, c.siteRelays[stay+1].name
	for i := range shapeFailures {
		from := c.siteRelays[:stay]
		switch i % 7 {
		case 3:
			from = c.hubRelays
		case 6:
			from = c.dmzRelays
		}
		what := "host"
		if i%2 == 1 {
			what = "service"
		}
		minute := (6*i+1)*60 + c.chosen(0, 59, "failure minute", i)
		c.failures = append(c.failures, failure{
			When:  fmt.Sprintf("%s %02d:%02d", weekDays[minute/1440], minute/60%24, minute%60),
			Relay: from[c.chosen(0, len(from)-1, "failure", i)].name, What: what,
			Lasts: fmt.Sprintf("%dm", c.chosen(90, 180, "failure length", i)),
		})
	}
}

// sitesCSV is the table of sites.
func (c *company) sitesCSV() []byte {
	var b bytes.Buffer
	b.WriteString("name,prefix,region,hub,hops_to_{hub},rtt,loss,desktops,laptops\n")
	for i := range c.sites {
		s := &c.sites[i]
		h := &c.hubs[s.region]
		fmt.Fprintf(&b, "%s,%s,%s,%s,%d,%dms,0.01,%d,%d\n", s.name, s.prefix, h.Region, h.Place, s.hops, s.rtt, s.desktops, s.laptops)
	}
	return b.Bytes()
}

// relaysCSV is the table of relays.
func (c *company) relaysCSV() []byte {
	var b bytes.Buffer
	b.WriteString("name,site,address,priority,weight,advertise,authenticating\n")
	for _, list := range [][]shapeRelay{c.siteRelays, c.hubRelays, c.dmzRelays} {
		for _, r := range list {
			fmt.Fprintf(&b, "%s,%s,%s,%d,%d,%s,%t\n", r.name, r.place, r.address, r.priority, r.weight, r.advertise, r.authenticating)
		}
	}
	return b.Bytes()
}
