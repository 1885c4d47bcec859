package report

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// Decisions writes decisions as they come, a line each.
type Decisions struct {
	head *results.DecisionsHead
	out  *bufio.Writer
	csv  *csv.Writer // nil unless it is a table
	line func(*results.Decision) error
	// widths of the columns of the text
	policy, replication, time, client, place int
	buffer                                   []byte
}

// NewDecisionsText writes decisions for a reader.
func NewDecisionsText(w io.Writer, head *results.DecisionsHead) *Decisions {
	p := newDecisions(w, head)
	for _, name := range head.Policies {
		p.policy = max(p.policy, utf8.RuneCountInString(name))
	}
	for _, name := range head.Places {
		p.place = max(p.place, utf8.RuneCountInString(name))
	}
	for _, g := range head.Groups {
		p.client = max(p.client, utf8.RuneCountInString(g.ID)+1+len(strconv.Itoa(max(0, g.Count-1))))
	}
	p.replication = len(strconv.Itoa(head.Replications))
	p.time = len(LocalTime(head.StartOfWeek, vtime.Instant(head.Duration))) // the week may have a number then
	p.line = p.text
	return p
}

// NewDecisionsJSON writes an object a line.
func NewDecisionsJSON(w io.Writer, head *results.DecisionsHead) *Decisions {
	p := newDecisions(w, head)
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	p.line = func(d *results.Decision) error { return e.Encode(p.row(d)) }
	return p
}

// NewDecisionsCSV writes a table with a heading.
func NewDecisionsCSV(w io.Writer, head *results.DecisionsHead) (*Decisions, error) {
	p := newDecisions(w, head)
	p.csv = csv.NewWriter(p.out)
	row := make([]string, 0, len(decisionColumns))
	p.line = func(d *results.Decision) error {
		row = p.row(d).cells(row[:0])
		return p.csv.Write(row)
	}
	return p, p.csv.Write(decisionColumns)
}

func newDecisions(w io.Writer, head *results.DecisionsHead) *Decisions {
	return &Decisions{head: head, out: bufio.NewWriterSize(w, 1<<16)}
}

// Write writes a decision, at the latest with the next Flush.
func (p *Decisions) Write(d *results.Decision) error { return p.line(d) }

// Flush writes what is left.
func (p *Decisions) Flush() error {
	if p.csv != nil {
		p.csv.Flush() // whose error p.out has as well
	}
	return p.out.Flush()
}

// decisionRow is a decision for programs.
type decisionRow struct {
	Policy      string `json:"policy"`
	Replication int    `json:"replication"`
	Client      string `json:"client"`
	Group       string `json:"group"`
	Place       string `json:"place"`
	Trigger     string `json:"trigger"`
	Started     string `json:"started"`
	StartedNS   int64  `json:"started_ns"`
	EndedNS     int64  `json:"ended_ns"`
	Kind        string `json:"kind"`
	Parent      string `json:"parent,omitempty"`
	By          string `json:"by"`
	DistanceMax int    `json:"distance_max"`
	Candidates  int    `json:"candidates"`
	Rounds      uint32 `json:"rounds"`
	Probes      uint32 `json:"probes"`
}

// decisionColumns are the headings of the table, in the order of cells.
var decisionColumns = []string{
	"policy", "replication", "client", "group", "place", "trigger", "started", "started_ns", "ended_ns",
	"kind", "parent", "by", "distance_max_hops", "candidates_count", "rounds_count", "probes_count",
}

func (p *Decisions) row(d *results.Decision) *decisionRow {
	h := p.head
	r := &decisionRow{
		Policy: h.Policies[d.Policy], Replication: d.Replication, Client: p.clientID(d), Group: h.Groups[d.Group].ID,
		Place: h.Places[d.Place], Trigger: d.Trigger, Started: LocalTime(h.StartOfWeek, d.Started),
		StartedNS: int64(d.Started), EndedNS: int64(d.Ended), Kind: d.Kind, By: d.By,
		DistanceMax: d.DistanceMax, Candidates: d.Candidates, Rounds: d.Rounds, Probes: d.Probes,
	}
	if d.Parent >= 0 {
		r.Parent = h.Relays[d.Parent]
	}
	return r
}

// cells appends the row in the order of decisionColumns.
func (r *decisionRow) cells(to []string) []string {
	return append(to, r.Policy, strconv.Itoa(r.Replication), r.Client, r.Group, r.Place, r.Trigger, r.Started,
		strconv.FormatInt(r.StartedNS, 10), strconv.FormatInt(r.EndedNS, 10), r.Kind, r.Parent, r.By,
		strconv.Itoa(r.DistanceMax), strconv.Itoa(r.Candidates),
		strconv.FormatUint(uint64(r.Rounds), 10), strconv.FormatUint(uint64(r.Probes), 10))
}

func (p *Decisions) clientID(d *results.Decision) string {
	return p.head.Groups[d.Group].ID + "/" + strconv.Itoa(d.Number)
}

// text writes a decision in words, those of an explanation.
func (p *Decisions) text(d *results.Decision) error {
	h := p.head
	b := padded(p.buffer[:0], h.Policies[d.Policy], p.policy)
	b = padded(b, strconv.Itoa(d.Replication), p.replication)
	b = padded(b, LocalTime(h.StartOfWeek, d.Started), p.time)
	b = padded(b, p.clientID(d), p.client)
	b = padded(b, h.Places[d.Place], p.place)
	o := sim.StoryOutcome{Kind: d.Kind, By: d.By}
	if d.Parent >= 0 {
		o.Parent = h.Relays[d.Parent]
	}
	b = append(b, storyEnd(o)...)
	if d.Candidates > 0 {
		b = fmt.Appendf(b, ", drawn from %d", d.Candidates)
	}
	if d.DistanceMax >= 0 {
		b = append(append(b, ", at most "...), counted(d.DistanceMax, "hop", "hops")...)
	}
	b = append(append(b, "; "...), counted(int(d.Rounds), "round", "rounds")...)
	b = append(append(b, ", "...), counted(int(d.Probes), "probe", "probes")...)
	b = append(append(b, ", "...), lasting(d.Ended.Sub(d.Started))...)
	b = append(append(b, "; "...), triggerWords(d.Trigger, "")...)
	p.buffer = append(b, '\n')
	_, err := p.out.Write(p.buffer)
	return err
}

// padded appends a cell and the space after it.
func padded(b []byte, cell string, width int) []byte {
	b = append(b, cell...)
	for n := utf8.RuneCountInString(cell); n < width+2; n++ {
		b = append(b, ' ')
	}
	return b
}
