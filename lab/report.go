package lab

import (
	"fmt"
	"io"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// Report is what came of comparing a lab with the model.
type Report struct {
	Scenario string        `json:"scenario"`
	Policy   string        `json:"policy"`
	LeftOut  []string      `json:"left_out,omitempty"`
	Nodes    int           `json:"namespaces"`
	Seconds  float64       `json:"seconds"`
	Pairs    []PairReport  `json:"pairs"`
	Choices  []ChoiceEntry `json:"choices"`
	// Unrouted are the pairs that no way joins, which are not compared.
	Unrouted []string `json:"unrouted,omitempty"`
}

// PairReport is a client and a host.
type PairReport struct {
	Client string     `json:"client"`
	Host   string     `json:"host"`
	Kind   string     `json:"kind"`
	Fates  []TTLFates `json:"fates"`
}

// TTLFates are the fates of requests with TTLs from First to Last, which are
// all alike but for who expires them.
type TTLFates struct {
	First  uint8 `json:"first_ttl"`
	Last   uint8 `json:"last_ttl"`
	Kernel Fate  `json:"kernel"`
	Model  Fate  `json:"model"`
	Same   bool  `json:"same"`
}

// ChoiceEntry is what a client chose.
type ChoiceEntry struct {
	Client string  `json:"client"`
	Kernel *Choice `json:"kernel"`
	Model  *Choice `json:"model"`
	Same   bool    `json:"same"`
}

// AddRows groups rows by client, host and kind.
func (r *Report) AddRows(d *Design, rows []Row) {
	for i := range rows {
		row := &rows[i]
		name, host := d.Clients[row.Probe.Client].Name, d.Spec.Hosts[row.Probe.Host].Name
		last := len(r.Pairs) - 1
		if last < 0 || r.Pairs[last].Client != name || r.Pairs[last].Host != host || r.Pairs[last].Kind != row.Probe.Kind.String() {
			r.Pairs = append(r.Pairs, PairReport{Client: name, Host: host, Kind: row.Probe.Kind.String()})
			last++
		}
		p := &r.Pairs[last]
		f := TTLFates{First: row.Probe.TTL, Last: row.Probe.TTL, Kernel: row.Kernel, Model: row.Model.Fate, Same: row.Agrees()}
		if n := len(p.Fates); n > 0 && p.Fates[n-1].Kernel == f.Kernel && p.Fates[n-1].Model == f.Model {
			p.Fates[n-1].Last = f.Last
		} else {
			p.Fates = append(p.Fates, f)
		}
	}
}

// Differs counts the fates and choices that differ.
func (r *Report) Differs() (n int) {
	for i := range r.Pairs {
		for _, f := range r.Pairs[i].Fates {
			if !f.Same {
				n += int(f.Last-f.First) + 1
			}
		}
	}
	for i := range r.Choices {
		if !r.Choices[i].Same {
			n++
		}
	}
	return n
}

// Fates counts the fates.
func (r *Report) Fates() (n int) {
	for i := range r.Pairs {
		for _, f := range r.Pairs[i].Fates {
			n += int(f.Last-f.First) + 1
		}
	}
	return n
}

// Write writes the report as text: a line for each pair, one for each fate that
// differs, and the choices.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, policy %s: %d namespaces, %d fates\n", r.Scenario, r.Policy, r.Nodes, r.Fates())
	for _, l := range r.LeftOut {
		fmt.Fprintf(&b, "  left out: %s\n", l)
	}
	for _, l := range r.Unrouted {
		fmt.Fprintf(&b, "  no way, not compared: %s\n", l)
	}
	client := ""
	for i := range r.Pairs {
		p := &r.Pairs[i]
		if p.Client != client {
			client = p.Client
			fmt.Fprintf(&b, "\n%s\n", client)
		}
		p.write(&b)
	}
	b.WriteString("\n")
	for _, c := range r.Choices {
		fmt.Fprintf(&b, "%s %s chooses %v\n", mark(c.Same), c.Client, c.Kernel)
		if !c.Same {
			fmt.Fprintf(&b, "       the model:  %v\n", c.Model)
		}
	}
	fmt.Fprintf(&b, "\n%d of %d fates and choices differ (%.1f s)\n", r.Differs(), r.Fates()+len(r.Choices), r.Seconds)
	_, err := io.WriteString(w, b.String())
	return err
}

func mark(same bool) string {
	if same {
		return "same  "
	}
	return "DIFFER"
}

func (p *PairReport) write(b *strings.Builder) {
	same := true
	for _, f := range p.Fates {
		same = same && f.Same
	}
	fmt.Fprintf(b, "  %s %-16s %-18s %s\n", mark(same), p.Host, p.Kind, p.story())
	for _, f := range p.Fates {
		if !f.Same {
			fmt.Fprintf(b, "           TTL %d to %d: kernel %v, model %v\n", f.First, f.Last, f.Kernel, f.Model)
		}
	}
}

// story tells what the kernel did: "time-exceeded from TTL 1 to 3, reply from 4".
func (p *PairReport) story() string {
	var parts []string
	for i := 0; i < len(p.Fates); {
		j := i
		for j+1 < len(p.Fates) && p.Fates[j+1].Kernel.Outcome == p.Fates[i].Kernel.Outcome && p.Fates[i].Kernel.Outcome == Exceeded {
			j++
		}
		ttls := fmt.Sprintf("TTL %d", p.Fates[i].First)
		if p.Fates[j].Last > p.Fates[i].First {
			ttls += fmt.Sprintf("-%d", p.Fates[j].Last)
		}
		what := p.Fates[i].Kernel.String()
		if p.Fates[i].Kernel.Outcome == Exceeded {
			what = "time-exceeded"
		}
		parts = append(parts, ttls+" "+what)
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// AddUnrouted names the pairs that no way joins.
func (r *Report) AddUnrouted(d *Design, p *Plan) {
	for c := range p.Unrouted {
		for h, not := range p.Unrouted[c] {
			if not {
				r.Unrouted = append(r.Unrouted, d.Clients[c].Name+" to "+d.Spec.Hosts[topology.HostID(h)].Name)
			}
		}
	}
}
