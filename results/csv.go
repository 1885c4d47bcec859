package results

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"

	"github.com/relaysim/relaysim/selection"
)

// column is one figure of a table with its heading, units in the name.
type column[T any] struct {
	name string
	of   func(*T) Estimate
}

// PoliciesCSV has one row for each policy and scope. Every figure has three
// columns: mean, and the ends of the 95 % interval; what does not exist is
// empty.
func (s *Summary) PoliciesCSV() ([]byte, error) {
	cols := s.policyColumns()
	rows := [][]string{append(append(identityColumns(), "policy", "scope_kind", "scope"), headings(cols)...)}
	for i := range s.Policies {
		for j := range s.Policies[i].Scopes {
			sc := &s.Policies[i].Scopes[j]
			row := append(s.identity(), s.Policies[i].Name, sc.Kind, sc.Name)
			rows = append(rows, appendCells(row, cols, &sc.Measures))
		}
	}
	return writeCSV("policies", rows)
}

// RelaysCSV has one row for each policy and relay.
func (s *Summary) RelaysCSV() ([]byte, error) {
	cols := []column[RelayResult]{
		{"load_mean_clients", func(r *RelayResult) Estimate { return r.LoadMean }},
		{"load_p95_clients", func(r *RelayResult) Estimate { return r.LoadP95 }},
		{"load_peak_clients", func(r *RelayResult) Estimate { return r.LoadPeak }},
		{"load_share_fraction", func(r *RelayResult) Estimate { return r.LoadShare }},
		{"console_count_clients", func(r *RelayResult) Estimate { return r.ConsoleCount }},
		{"registrations_count", func(r *RelayResult) Estimate { return r.Registrations }},
	}
	rows := [][]string{append(append(identityColumns(), "policy", "relay", "network", "root"), headings(cols)...)}
	for i := range s.Policies {
		p := &s.Policies[i]
		if len(p.Relays) != len(s.Relays) {
			return nil, fmt.Errorf("write relays table: policy %q has %d relays, the summary %d", p.Name, len(p.Relays), len(s.Relays))
		}
		for j := range p.Relays {
			row := append(s.identity(), p.Name, p.Relays[j].Name, s.Relays[j].Network, strconv.FormatBool(s.Relays[j].Root))
			rows = append(rows, appendCells(row, cols, &p.Relays[j]))
		}
	}
	return writeCSV("relays", rows)
}

func identityColumns() []string {
	return []string{"scenario", "scenario_hash", "seed", "model_version", "replications"}
}

func (s *Summary) identity() []string {
	return []string{s.Scenario, s.ScenarioHash, strconv.FormatUint(s.Seed, 10), strconv.Itoa(s.ModelVersion), strconv.Itoa(s.Replications)}
}

// policyColumns are the figures of a scope in the order of Measures.
func (s *Summary) policyColumns() []column[Measures] {
	cols := []column[Measures]{
		{"sessions_count", func(m *Measures) Estimate { return m.Sessions }},
		{"online_client_days", func(m *Measures) Estimate { return m.ClientDays }},
	}
	for i, b := range s.FoundBoundsS {
		cols = append(cols, column[Measures]{fmt.Sprintf("found_within_%ds_fraction", b), func(m *Measures) Estimate { return m.FoundWithin[i].Share }})
	}
	cols = append(cols, []column[Measures]{
		{"found_time_p50_s", func(m *Measures) Estimate { return figure(m.FoundTime.P50) }},
		{"found_time_p95_s", func(m *Measures) Estimate { return figure(m.FoundTime.P95) }},
		{"time_without_relay_fraction", func(m *Measures) Estimate { return m.TimeWithoutRelay }},
		{"never_registered_fraction", func(m *Measures) Estimate { return figure(m.NeverRegistered) }},
		{"selections_count", func(m *Measures) Estimate { return m.Selections }},
	}...)
	for by := range selection.NumBy {
		cols = append(cols, column[Measures]{fmt.Sprintf("selected_by_%s_count", by), func(m *Measures) Estimate { return m.selectedBy(by) }})
	}
	return append(cols, []column[Measures]{
		{"selection_time_p50_s", func(m *Measures) Estimate { return figure(m.SelectionTime.P50) }},
		{"selection_time_p95_s", func(m *Measures) Estimate { return figure(m.SelectionTime.P95) }},
		{"rounds_mean_count", func(m *Measures) Estimate { return figure(m.Rounds.Mean) }},
		{"probes_mean_count", func(m *Measures) Estimate { return m.Probes }},
		{"echo_replies_expected_count", func(m *Measures) Estimate { return m.EchoReplies }},
		{"distance_mean_hops", func(m *Measures) Estimate { return figure(m.Distance.Mean) }},
		{"distance_known_fraction", func(m *Measures) Estimate { return m.DistanceKnown }},
		{"rehomes_per_client_day", func(m *Measures) Estimate { return m.Rehomes }},
		{"rehome_time_p50_s", func(m *Measures) Estimate { return figure(m.RehomeTime.P50) }},
		{"rehome_time_p95_s", func(m *Measures) Estimate { return figure(m.RehomeTime.P95) }},
		{"rehome_time_p99_s", func(m *Measures) Estimate { return figure(m.RehomeTime.P99) }},
		{"rehome_time_max_s", func(m *Measures) Estimate { return figure(m.RehomeTime.Max) }},
		{"rehome_detection_mean_s", func(m *Measures) Estimate { return m.Parts.Detection }},
		{"rehome_resist_mean_s", func(m *Measures) Estimate { return m.Parts.Resist }},
		{"rehome_probing_mean_s", func(m *Measures) Estimate { return m.Parts.Probing }},
		{"rehome_registration_mean_s", func(m *Measures) Estimate { return m.Parts.Registration }},
		{"rehome_retry_wait_mean_s", func(m *Measures) Estimate { return m.Parts.RetryWait }},
		{"roams_per_client_day", func(m *Measures) Estimate { return m.Roams }},
		{"moves_per_client_day", func(m *Measures) Estimate { return m.Moves }},
		{"flaps_per_client_day", func(m *Measures) Estimate { return m.Flaps }},
	}...)
}

// selectedBy is the count of one way: 0 if it did not occur, none if there
// was no selection at all.
func (m *Measures) selectedBy(by selection.By) Estimate {
	switch p, ok := part(m.SelectedBy, by.String()); {
	case ok:
		return p.Mean
	case m.Selections.Max == 0:
		return Estimate{}
	}
	return Estimate{N: m.Selections.N}
}

func figure(e *Estimate) Estimate {
	if e == nil {
		return Estimate{}
	}
	return *e
}

func headings[T any](cols []column[T]) []string {
	var out []string
	for _, c := range cols {
		out = append(out, c.name, c.name+"_lo95", c.name+"_hi95")
	}
	return out
}

func appendCells[T any](row []string, cols []column[T], of *T) []string {
	for _, c := range cols {
		e := c.of(of)
		cells := [3]string{}
		if e.N > 0 {
			cells[0] = formatted(e.Mean)
		}
		if e.N > 1 {
			cells[1], cells[2] = formatted(e.Lo), formatted(e.Hi)
		}
		row = append(row, cells[:]...)
	}
	return row
}

func writeCSV(what string, rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write %s table: %w", what, err)
	}
	return b.Bytes(), nil
}
