package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/selection"
)

// plannedProbe is a dry run for programs.
type plannedProbe struct {
	EchoRequests int           `json:"echo_requests"`
	Bytes        int           `json:"echo_bytes"`
	Rate         float64       `json:"rate_per_second"`
	Attempts     int           `json:"registration_attempts"`
	Checks       int           `json:"tcp_checks_at_most"`
	Lasts        time.Duration `json:"lasts_ns"`
	Steps        []plannedStep `json:"steps"`
}

type plannedStep struct {
	Kind     string        `json:"kind"` // "rounds" or "attempt"
	By       string        `json:"by"`
	Group    string        `json:"group,omitempty"`
	Priority uint32        `json:"priority"`
	TTLs     []int         `json:"ttls,omitempty"`
	Probes   int           `json:"probes,omitempty"`
	Relays   []plannedHost `json:"relays"`
}

type plannedHost struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"` // "" if it is to be resolved
	Port    uint16 `json:"port"`
}

// printPlan prints what a run would send at most.
func (f *probeFlags) printPlan(cmd *cobra.Command, c *probe.Config, plan *probe.Planned) error {
	p := plannedProbe{
		EchoRequests: plan.Probes, Bytes: plan.Bytes, Rate: c.Rate, Attempts: plan.Attempts, Checks: plan.Checks, Lasts: plan.Lasts,
	}
	for i := range plan.Steps {
		p.Steps = append(p.Steps, stepOf(c, &plan.Steps[i]))
	}
	if f.json {
		data, err := json.MarshalIndent(&p, "", "  ")
		if err != nil {
			return broken(err)
		}
		return printed(cmd.OutOrStdout().Write(append(data, '\n')))
	}
	var out bytes.Buffer
	p.text(&out, c)
	return printed(cmd.OutOrStdout().Write(out.Bytes()))
}

func stepOf(c *probe.Config, s *probe.PlannedStep) plannedStep {
	out := plannedStep{Kind: "rounds", By: s.By.String(), Group: labelOf(c.Course, s.Group), Priority: s.Priority, TTLs: s.TTLs, Probes: s.Probes}
	if len(s.TTLs) == 0 {
		out.Kind = "attempt"
	}
	for _, id := range s.Relays {
		if int64(id) < int64(len(c.Hosts)) {
			h := &c.Hosts[id]
			out.Relays = append(out.Relays, plannedHost{h.Name, addressText(h.Address), h.Port})
		}
	}
	return out
}

func (p *plannedProbe) text(out *bytes.Buffer, c *probe.Config) {
	fmt.Fprintf(out, `Dry run: nothing was sent, no name was looked up. If no relay answers, a run sends
  echo requests: %d, of %d bytes with IP header, at most %g per second
  registration attempts: %d, each a connection and one request for the version
  connections afterwards: %d at most, to see whether silent relays have TCP open
and takes about %v. If the selection ends earlier, each silent relay gets one more
echo request, at TTL %d, so that it is known whether it answers at all. Each relay that
answers and then refuses adds one attempt.
`, p.EchoRequests, c.Course.Params.ICMPBytes, p.Rate, p.Attempts, p.Checks, p.Lasts.Round(time.Second), c.Course.Settings.MaximumTTL)
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintln(out)
		if s.Kind == "attempt" {
			h := &s.Relays[0]
			fmt.Fprintf(out, "attempt (%s): %s, tcp/%d\n", s.By, h.where(), h.Port)
			continue
		}
		what := s.By + " relay"
		switch {
		case s.Group == "*":
			what = "relays without affiliation"
		case s.Group != "":
			what = "group " + s.Group
		}
		if s.Priority > 0 {
			what += fmt.Sprintf(", priority %d", s.Priority)
		}
		fmt.Fprintf(out, "%s: %d probes, TTL %s\n", what, s.Probes, strings.Trim(fmt.Sprint(s.TTLs), "[]"))
		for j := range s.Relays {
			fmt.Fprintf(out, "  %s\n", s.Relays[j].where())
		}
	}
}

func (h *plannedHost) where() string {
	switch h.Address {
	case "":
		return h.Name + " (to be resolved)"
	case h.Name:
		return h.Name
	}
	return h.Name + " (" + h.Address + ")"
}

// unverified names the parameters and settings that are at defaults which
// nobody has verified.
func unverified(c *selection.Course) []string {
	out := []string{}
	for i := range selection.ParamTable {
		t := &selection.ParamTable[i]
		if value, _ := c.Params.Get(t.Name); t.Unverified() && value == t.Default {
			out = append(out, t.Name+"="+value)
		}
	}
	for i := range selection.SettingTable {
		t := &selection.SettingTable[i]
		if value, ok := t.Number(&c.Settings); ok && t.Unverified() && value == t.Default {
			out = append(out, t.Name+"="+value)
		}
	}
	return out
}
