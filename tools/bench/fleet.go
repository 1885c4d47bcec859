package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing/fstest"
	"time"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
)

// fleetJob is a scenario as `relaysim new` writes it, with all features in use:
// 20 % laptops that roam, seek lists of three groups, two priorities, 5 % stale
// lists, 5 % without a certificate, 1 % loss, 28 failures.
type fleetJob struct {
	Shape string `json:"shape,omitempty"`
	// Clients, Relays, Sites if not those of the shape.
	Clients int `json:"clients,omitempty"`
	Relays  int `json:"relays,omitempty"`
	Sites   int `json:"sites,omitempty"`
	// Days of the week that are run, 0 for all.
	Days float64 `json:"days,omitempty"`
	// Loss is the fraction of probes that are lost on the way there or back, of
	// every probe between places; nil means the scenario's, 1 % on each leg
	// that has loss, each way.
	Loss *float64 `json:"loss,omitempty"`
	// Change is what else is altered: see changes.
	Change string `json:"change,omitempty"`
}

// changes are the ways in which a fleet can be altered.
var changes = map[string]func(*sim.Plan){
	"":       func(*sim.Plan) {},
	"steady": dropFailures,
	"storm":  storm,
	"roam":   roam,
	"limit":  func(*sim.Plan) {}, // of the scenario's text
	"often":  selectOften,
}

const (
	refPing   = `ping        = { at = "edge", from = "any", to = "dmz relays", service = "icmp/echo-request" }`
	limitPing = `ping        = { at = "edge", from = "any", to = "dmz relays", service = "icmp/echo-request", limit = "100000/s burst 100000" }`
)

// files are the scenario's.
func (j *fleetJob) files() ([]scenarios.File, error) {
	shapes := scenarios.Shapes()
	i := slices.IndexFunc(shapes, func(s scenarios.Shape) bool { return s.Name == j.Shape })
	if i < 0 {
		return nil, fmt.Errorf("shape %q is not known", j.Shape)
	}
	s := shapes[i]
	s.Clients, s.Relays, s.Sites = cmp.Or(j.Clients, s.Clients), cmp.Or(j.Relays, s.Relays), cmp.Or(j.Sites, s.Sites)
	s.Replications, s.Closed = 1, false
	files, err := s.Files(1)
	if err != nil {
		return nil, err
	}
	if j.Loss != nil {
		loss := fmt.Sprint(eachWay(*j.Loss))
		err = errors.Join(err, alter(files, ".toml", "loss = 0.01", "loss = "+loss), alter(files, "sites.csv", "ms,0.01,", "ms,"+loss+","))
	}
	if j.Change == "limit" {
		err = errors.Join(err, alter(files, ".toml", refPing, limitPing))
	}
	return files, err
}

// alter replaces what must be there in the file whose name ends so.
func alter(files []scenarios.File, name, from, to string) error {
	for i := range files {
		if f := &files[i]; bytes.HasSuffix([]byte(f.Name), []byte(name)) && bytes.Contains(f.Data, []byte(from)) {
			f.Data = bytes.ReplaceAll(f.Data, []byte(from), []byte(to))
			return nil
		}
	}
	return fmt.Errorf("%q is not in %s as it is expected to be", from, name)
}

// parse reads a scenario from its files, the first of which is its own.
func parse(files []scenarios.File) (*sim.Plan, error) {
	fsys := fstest.MapFS{}
	for _, f := range files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	s, err := scenarios.Parse(fsys, files[0].Name, scenarios.Options{})
	if err != nil {
		return nil, err
	}
	return s.Plan(), nil
}

func (j *fleetJob) plan() (*sim.Plan, error) {
	files, err := j.files()
	if err != nil {
		return nil, err
	}
	whole, err := parse(files)
	if err != nil {
		return nil, err
	}
	p := *whole
	p.Groups, p.Events = slices.Clone(p.Groups), slices.Clone(p.Events)
	if j.Days > 0 {
		p.Duration, p.WarmUp = time.Duration(j.Days*float64(24*time.Hour)), 0
		p.Events = slices.DeleteFunc(p.Events, func(e sim.EventPlan) bool { return e.At >= p.Duration })
	}
	change, known := changes[j.Change]
	if !known {
		return nil, fmt.Errorf("change %q is not known", j.Change)
	}
	change(&p)
	return &p, nil
}

// dropFailures leaves out what fails and is repaired.
func dropFailures(p *sim.Plan) {
	p.Events = slices.DeleteFunc(p.Events, func(e sim.EventPlan) bool { return e.Kind <= sim.RelayUp })
}

// selectOften lets clients select again after half of the time.
func selectOften(p *sim.Plan) {
	p.Policies = slices.Clone(p.Policies)
	halved := map[*selection.Settings]*selection.Settings{}
	for i := range p.Policies {
		settings := slices.Clone(p.Policies[i].Settings)
		for k, s := range settings {
			if halved[s] == nil {
				often := *s
				often.Interval /= 2
				halved[s] = &often
			}
			settings[k] = halved[s]
		}
		p.Policies[i].Settings = settings
	}
}

// storm lets every other relay die an hour before the end, and nothing else fail.
func storm(p *sim.Plan) {
	dropFailures(p)
	for i := range p.Relays {
		if i%2 == 0 && !p.Relays[i].Root {
			p.Events = append(p.Events, sim.EventPlan{At: p.Duration - time.Hour, Kind: sim.HostDown, Relay: selection.RelayID(i), Text: "down"})
		}
	}
	slices.SortStableFunc(p.Events, func(a, b sim.EventPlan) int { return cmp.Compare(a.At, b.At) })
}

// roam lets every client change its network about four times a day: on in the
// morning, off, on elsewhere in the evening, off.
func roam(p *sim.Plan) {
	i := slices.IndexFunc(p.Groups, func(g sim.GroupPlan) bool { return !g.Life.Always })
	laptop := p.Groups[i]
	laptop.Life.Days, laptop.Life.Evening, laptop.Life.AwayDay = 0b1111111, 1, 0.5
	for k := range p.Groups {
		p.Groups[k].Life, p.Groups[k].Away = laptop.Life, laptop.Away
	}
}

// read reads the scenario or, to compare with, its tables as JSON.
func (j *fleetJob) read(tables bool) (*outcome, error) {
	files, err := j.files()
	if err != nil {
		return nil, err
	}
	if tables {
		if files, err = jsonTables(files); err != nil {
			return nil, err
		}
	}
	o := timed(func() {
		if !tables {
			_, err = parse(files)
			return
		}
		for _, f := range files {
			var rows []map[string]string
			err = errors.Join(err, json.Unmarshal(f.Data, &rows))
		}
	})
	for _, f := range files {
		o.Bytes += uint64(len(f.Data))
	}
	return o, err
}

// jsonTables are the CSV files as JSON: a list of objects.
func jsonTables(files []scenarios.File) ([]scenarios.File, error) {
	var out []scenarios.File
	for _, f := range files {
		if !bytes.HasSuffix([]byte(f.Name), []byte(".csv")) {
			continue
		}
		records, err := csv.NewReader(bytes.NewReader(f.Data)).ReadAll()
		if err != nil {
			return nil, err
		}
		var rows []map[string]string
		for _, r := range records[1:] {
			row := map[string]string{}
			for i, name := range records[0] {
				row[name] = r[i]
			}
			rows = append(rows, row)
		}
		data, err := json.Marshal(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, scenarios.File{Name: f.Name, Data: data})
	}
	return out, nil
}

// shippedPlan is internet-relays with 20 replications.
func shippedPlan() (*sim.Plan, error) {
	s, err := scenarios.Load("internet-relays", scenarios.Options{Replications: 20})
	if err != nil {
		return nil, err
	}
	return s.Plan(), nil
}
