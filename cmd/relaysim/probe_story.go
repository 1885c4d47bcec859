package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// page is a record as the report shows it.
func (f *probeFlags) page(rec *probe.Record) *report.Probe {
	t := prober{rec}
	p := &report.Probe{
		Began: rec.Began.Format(time.RFC3339), List: f.relays, Settings: f.settings, Socket: string(rec.Mode), Rate: f.rate,
		Sent: rec.Sent, Connections: rec.Connections, Unchecked: rec.Unchecked, Story: t.story(),
		Relays: []report.ProbeRelay{}, Requests: rec.Requests(), Unverified: unverified(rec.Course), Set: f.model,
	}
	p.Story.Seed = f.seed
	if p.Requests == nil {
		p.Requests = []string{}
	}
	for _, e := range rec.Entries {
		if e.Round != nil {
			p.Paced += e.Round.Paced
		}
	}
	for _, found := range rec.Findings() {
		if found.Class == probe.NotAsked {
			p.NotAsked++
			continue
		}
		p.Relays = append(p.Relays, relayRow(&found))
	}
	return p
}

func relayRow(f *probe.Finding) report.ProbeRelay {
	r := report.ProbeRelay{
		Name: f.Name, Address: addressText(f.Address), Port: f.Port, Class: string(f.Class),
		DistanceMin: f.DistanceMin, DistanceMax: f.DistanceMax, RTT: f.RTT, AskedTTL: f.AskedTTL,
		Router: addressText(f.Router), RouterTTL: f.RouterTTL,
	}
	if f.Rejected != nil {
		r.Rejected = fmt.Sprintf("%v (%s)", f.Rejected.From, f.Rejected.Words())
	}
	switch {
	case !f.Tried:
		r.Detail = f.Detail
	case !f.Asked && f.TCP == selection.Registered:
		r.TCP = "open"
	case f.TCP == selection.RelayDown:
		r.TCP = "refused"
	default:
		r.TCP = f.Detail
	}
	return r
}

// prober tells a record as a story.
type prober struct{ rec *probe.Record }

func (t prober) story() *sim.Story {
	r := t.rec
	settings := &r.Course.Settings
	s := &sim.Story{
		ModelVersion: sim.ModelVersion, Replication: 1, StartOfWeek: sinceMonday(r.Began) - time.Duration(r.Started),
		Client:  sim.StoryClient{ID: "this machine", Mode: "manual", MaximumTTL: settings.MaximumTTL},
		Trigger: r.Trigger.String(), Started: r.Started,
		List:   sim.StoryList{Version: r.Course.List.Version, Entries: len(r.Course.List.Entries)},
		Sought: t.sought(), Steps: t.steps(), Outcome: t.outcome(),
		Changes: []sim.StoryChange{}, Parameters: []sim.StoryChange{}, Policies: []sim.StoryPolicy{},
	}
	if settings.Automatic {
		s.Client.Mode, s.Client.Seek = "automatic", settings.SeekList
	}
	if e := r.Ended; e != nil {
		s.Rounds, s.Probes = e.Rounds, e.Probes
		if e.Kind != selection.GaveUp {
			s.Rest = t.rest()
		}
	}
	if r.Next != vtime.Never {
		s.Next = &r.Next
	}
	return s
}

// sinceMonday is the local time of the week.
func sinceMonday(at time.Time) time.Duration {
	days := (int(at.Weekday()) + 6) % 7
	h, m, sec := at.Clock()
	return time.Duration(days*24+h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second
}

func (t prober) name(id selection.RelayID) string { return hostName(t.rec, id) }

// label is an affiliation as the seek list has it; the course has it folded.
func (t prober) label(group string) string { return labelOf(t.rec.Course, group) }

func labelOf(c *selection.Course, group string) string {
	for label := range strings.SplitSeq(c.Settings.SeekList, ";") {
		if label = strings.TrimSpace(label); strings.EqualFold(label, group) {
			return label
		}
	}
	return group
}

// inListOrder orders the candidates of a stage as the list has them.
func inListOrder(st *selection.Stage) []int {
	order := make([]int, len(st.Candidates))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(int64(st.Candidates[a].Relay) - int64(st.Candidates[b].Relay))
	})
	return order
}

func (t prober) sought() []sim.StoryGroup {
	out := make([]sim.StoryGroup, len(t.rec.Course.Stages))
	for i := range out {
		st := t.rec.Course.Stage(i)
		out[i] = sim.StoryGroup{Group: t.label(st.Group), Priority: st.Priority, By: st.By.String()}
		for _, c := range inListOrder(st) {
			cand := &st.Candidates[c]
			out[i].Relays = append(out[i].Relays, sim.StoryRelay{Name: t.name(cand.Relay), Weight: cand.Weight, Routers: -1})
		}
	}
	for _, e := range t.rec.Entries {
		if e.Round != nil {
			out[e.Round.Action.Stage].Asked = true
		}
	}
	return out
}

// steps are the entries of the record; rounds that look alike are put together.
func (t prober) steps() []sim.StoryStep {
	var out []sim.StoryStep
	var last *probe.Round
	for _, e := range t.rec.Entries {
		if e.Round != nil {
			last = e.Round
			r := t.round(e.Round)
			if n := len(out); n == 0 || out[n-1].Rounds == nil || !merge(out[n-1].Rounds, r) {
				out = append(out, sim.StoryStep{Rounds: r})
			}
			continue
		}
		if len(e.Attempt.Standings) > 0 {
			out = append(out, sim.StoryStep{Draw: sim.TellDraw(e.Attempt.Action.At, e.Attempt.Standings, t.rec.Course, &last.Action, t.name)})
		}
		out = append(out, sim.StoryStep{Register: t.registration(e.Attempt)})
	}
	return out
}

func (t prober) round(r *probe.Round) *sim.StoryRounds {
	st := t.rec.Course.Stage(int(r.Action.Stage))
	out := &sim.StoryRounds{
		Group: t.label(st.Group), Priority: st.Priority, Single: st.Kind == selection.Single, By: st.By.String(),
		Count: 1, TTLs: []int{int(r.Action.TTL)}, From: r.Action.At, To: r.End,
	}
	for _, i := range inListOrder(st) {
		p := &r.Probes[i]
		told := sim.StoryProbe{Relay: t.name(p.Relay), Fate: t.fate(p)}
		if h, ok := p.Echo(); ok {
			told.RTT = &h.RTT
		}
		for _, h := range p.Answers {
			if h.Kind != selection.EchoReply && !h.Late {
				out.Errors++
			}
		}
		out.Probes = append(out.Probes, told)
	}
	return out
}

// fate is what is known of a probe from here.
func (t prober) fate(p *probe.Probe) sim.StoryFate {
	_, answered := p.Echo()
	failure, failed := p.Error()
	switch {
	case p.Struck:
		return sim.StoryFate{End: sim.FateStruck}
	case p.Unresolved != nil:
		return sim.StoryFate{End: report.FateUnnamed, Rule: p.Unresolved.Error()}
	case answered:
		return sim.StoryFate{End: sim.FateAnswered}
	case p.SendError != nil && p.Sent == 0:
		return sim.StoryFate{End: report.FateNotSent, Rule: p.SendError.Error()}
	case failed && failure.Kind == selection.TimeExceeded:
		return sim.StoryFate{End: "expired", Packet: "icmp/echo-request", Where: failure.From.String()}
	case failed:
		return sim.StoryFate{End: report.FateRejected, Packet: "icmp/echo-request", Where: failure.From.String(), Rule: failure.Words()}
	case slices.ContainsFunc(p.Answers, func(h probe.Heard) bool { return h.Kind == selection.EchoReply }):
		return sim.StoryFate{End: sim.FateLate}
	case p.Sent == 0:
		return sim.StoryFate{End: sim.FateUnsent}
	}
	return sim.StoryFate{End: report.FateSilent}
}

// merge takes o into r if the same became of the probes of both. Where a probe
// expired depends on its TTL and is no difference; an answer always has a line
// of its own.
func merge(r, o *sim.StoryRounds) bool {
	alike := func(a, b sim.StoryProbe) bool {
		if a.Fate.End == "expired" {
			a.Fate.Where, b.Fate.Where = "", ""
		}
		return a.RTT == nil && b.RTT == nil && a == b
	}
	if r.Group != o.Group || r.Priority != o.Priority || r.Single != o.Single || r.By != o.By || !slices.EqualFunc(r.Probes, o.Probes, alike) {
		return false
	}
	r.Count, r.To, r.Errors = r.Count+o.Count, o.To, r.Errors+o.Errors
	r.TTLs = append(r.TTLs, o.TTLs...)
	return true
}

func (t prober) registration(a *probe.Attempt) *sim.StoryRegistration {
	r := &sim.StoryRegistration{
		Relay: t.name(a.Action.Target), By: a.Action.By.String(), From: a.From, To: a.To, Tries: 1,
		Fate: sim.StoryFate{End: report.FateSaid, Rule: a.Detail},
	}
	if a.Address.IsValid() {
		r.Address = a.Address.String()
	}
	if a.Done {
		r.Outcome = a.Outcome.String()
	}
	return r
}

func (t prober) outcome() sim.StoryOutcome {
	o := sim.StoryOutcome{Kind: "abandoned", At: t.rec.BrokenOff, DistanceMin: -1, DistanceMax: -1}
	if e := t.rec.Ended; e != nil {
		o.Kind, o.At = e.Kind.String(), e.At
		o.DistanceMin, o.DistanceMax = int(e.DistanceMin), int(e.DistanceMax)
		if e.Kind != selection.GaveUp {
			o.Parent, o.By = t.name(e.Target), e.By.String()
		}
	}
	return o
}

func (t prober) rest() []sim.StoryRest {
	var out []sim.StoryRest
	for _, st := range t.rec.Ahead {
		x := sim.StoryRest{By: st.By.String(), Group: t.label(st.Group), Probed: st.Probed, Keeps: st.Keeps}
		for _, id := range st.Relays {
			x.Relays = append(x.Relays, t.name(id))
		}
		out = append(out, x)
	}
	return out
}
