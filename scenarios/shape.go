package scenarios

import (
	"bytes"
	"embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/template"
)

// Shape is the size of a fleet from which a scenario can be made: a company
// with sites in regions, a hub for each region, a core and a DMZ.
type Shape struct {
	// Name is "S", "M", "L", "XL" or "XXL".
	Name string
	// Clients is their number, from 10 to the most that a scenario may have. A
	// fifth are laptops.
	Clients int
	// Relays is their number without the root; at least two for each region
	// and four more, at most MostShapeRelays.
	Relays int
	// Sites is their number, from 1 to MostShapeSites.
	Sites int
	// Replications is how often the scenario is to be run, 1 or more.
	Replications int
	// Closed adds a policy under which nothing comes in from the internet.
	Closed bool
}

// Bounds of what a shape may have. Of relays it is the addresses of the DMZ, to
// which one in 25 go, that run out; of sites, the sizes of files that are read.
const (
	MostShapeRelays = 5000
	MostShapeSites  = 20000
)

// Shapes are the sizes that have a name, in ascending order.
func Shapes() []Shape {
	return []Shape{
		{Name: "S", Clients: 400, Relays: 8, Sites: 1, Replications: 10, Closed: true},
		{Name: "M", Clients: 6_000, Relays: 30, Sites: 25, Replications: 5, Closed: true},
		{Name: "L", Clients: 100_000, Relays: 120, Sites: 200, Replications: 2},
		{Name: "XL", Clients: 1_000_000, Relays: 500, Sites: 2000, Replications: 1},
		{Name: "XXL", Clients: 10_000_000, Relays: 500, Sites: 2000, Replications: 1},
	}
}

// File is a file of a scenario. Name has no folder.
type File struct {
	Name string
	Data []byte
}

//go:embed shapes
var shapeFiles embed.FS

var shapeText = template.Must(template.New("scenario.toml.tmpl").
	Funcs(template.FuncMap{"plural": plural}).ParseFS(shapeFiles, "shapes/scenario.toml.tmpl"))

// Files makes the scenario with its tables and settings. Its own file comes
// first and is called after the shape, "xl.toml". Equal shapes and seeds give
// equal bytes.
// The seed becomes that of the scenario and decides how large and how far off
// sites are and which relays fail; a scenario takes seeds up to
// math.MaxInt64. The error says what of the shape is out of bounds.
func (s Shape) Files(seed uint64) ([]File, error) {
	if err := s.check(seed); err != nil {
		return nil, err
	}
	c := s.company(seed)
	if err := c.addressed(); err != nil {
		return nil, err
	}
	name := strings.ToLower(s.Name)
	settings, err := shapeFiles.ReadFile("shapes/clientsettings.cfg")
	if err != nil {
		panic(err) // it is part of the program
	}
	var text bytes.Buffer
	if err := shapeText.Execute(&text, c.page(s, name)); err != nil {
		panic(err) // the template is part of the program
	}
	return []File{
		{name + ".toml", text.Bytes()},
		{"sites.csv", c.sitesCSV()},
		{"relays.csv", c.relaysCSV()},
		{"clientsettings.cfg", settings},
	}, nil
}

func (s Shape) check(seed uint64) error {
	least := 2*s.regions() + 4
	switch {
	case seed > math.MaxInt64:
		return fmt.Errorf("seed %d is outside [0, %d]", seed, int64(math.MaxInt64))
	case s.Sites < 1 || s.Sites > MostShapeSites:
		return fmt.Errorf("%d sites are outside [1, %d]", s.Sites, MostShapeSites)
	case s.Clients < 10 || s.Clients > mostClients:
		return fmt.Errorf("%d clients are outside [10, %d]", s.Clients, mostClients)
	case s.Relays < least || s.Relays > MostShapeRelays:
		return fmt.Errorf("%d relays are outside [%d, %d]: each of %d %s has at least two", s.Relays, least, MostShapeRelays, s.regions(), plural(s.regions(), "region"))
	}
	return nil
}

// regions is their number: about as many as each has sites.
func (s Shape) regions() int { return int(math.Sqrt(float64(s.Sites))) }

// page is what the template is filled with.
type page struct {
	Name, Shape                      string
	Clients, Relays, Sites, PerRelay int
	Replications                     int
	Seed                             uint64
	Closed                           bool
	Hubs                             []hub
	HubPlaces, Retired, Installed    string
	Failures                         []failure
}

func (c *company) page(s Shape, name string) page {
	var places []string
	for i := range c.hubs {
		places = append(places, c.hubs[i].Place)
	}
	return page{
		Name: name, Shape: s.Name, Clients: s.Clients, Relays: s.Relays, Sites: s.Sites, PerRelay: s.Clients / s.Relays,
		Replications: s.Replications, Seed: c.seed, Closed: s.Closed,
		Hubs: c.hubs, HubPlaces: strings.Join(places, "+"), Retired: c.retired, Installed: c.installed, Failures: c.failures,
	}
}

// padded numbers the i-th of n things from 1, with as many digits as n has.
func padded(i, n int) string {
	return fmt.Sprintf("%0*d", len(strconv.Itoa(n)), i+1)
}
