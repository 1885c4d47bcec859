package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"testing/fstest"
	"text/template"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/sim"
)

//go:embed ref.toml.tmpl
var refSource string

var refText = template.Must(template.New("ref.toml").Funcs(template.FuncMap{"next": func(i int) int { return i + 1 }}).Parse(refSource))

// refRelay is a relay of the reference job.
type refRelay struct {
	Name   string
	Router int // 1 to 10
	Weight int // 1 to 3
}

// refRelays are 50, at the last four routers: with these numbers the rounds and
// replies of a selection are those of the job in its other forms, 5.6 and 12.1.
func refRelays() []refRelay {
	var out []refRelay
	for k, n := range []int{12, 13, 13, 12} {
		for range n {
			i := len(out)
			out = append(out, refRelay{fmt.Sprintf("relay-%02d", i), 7 + k, 1 + i%3})
		}
	}
	return out
}

// refDeath is the relay that dies.
const refDeath = "relay-00"

// refNetworks are at the first 8 routers.
const refNetworks = 8

// refTTL is the TTL that a client of a network, from 1, needs for a relay.
func refTTL(network int, r refRelay) int {
	return max(network-r.Router, r.Router-network) + 3
}

// refJob is the reference job with a number of clients. Loss is the fraction of
// exchanges that lose the request or the answer.
type refJob struct {
	Clients      int     `json:"clients"`
	Replications int     `json:"replications"`
	Loss         float64 `json:"loss,omitempty"`
	// Death lets a relay die at 60 s.
	Death bool `json:"death,omitempty"`
}

// eachWay is the chance of loss per direction that comes to one on the way there
// and back.
func eachWay(loss float64) float64 { return 1 - math.Sqrt(1-loss) }

// plan makes the plan by way of a scenario, as a user would.
func (j refJob) plan() (*sim.Plan, error) {
	type group struct{ Network, Count int }
	page := struct {
		Replications   int
		Line, Networks []int
		Relays         []refRelay
		Groups         []group
		LegLoss        float64
		Death          string
	}{Replications: j.Replications, Relays: refRelays()}
	for i := range 10 {
		page.Line = append(page.Line, i+1)
	}
	for i := range refNetworks {
		page.Networks = append(page.Networks, i+1)
		page.Groups = append(page.Groups, group{i + 1, (i+1)*j.Clients/refNetworks - i*j.Clients/refNetworks})
	}
	if j.Death {
		page.Death = refDeath
	}
	// Each packet crosses the leg from a network to its firewall once.
	page.LegLoss = eachWay(j.Loss)
	var text bytes.Buffer
	if err := refText.Execute(&text, page); err != nil {
		return nil, err
	}
	s, err := scenarios.Parse(fstest.MapFS{"ref.toml": {Data: text.Bytes()}}, "ref.toml", scenarios.Options{})
	if err != nil {
		return nil, err
	}
	return s.Plan(), nil
}
