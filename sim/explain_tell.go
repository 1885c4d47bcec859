package sim

import (
	"slices"
	"strings"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// teller turns the record of a selection into a story.
type teller struct {
	plan *Plan
	net  *topology.Network
	rec  *record
}

func (t *teller) tell(s *Story) {
	r := t.rec
	settings := &r.course.Settings
	s.Client.At = t.plan.Networks[r.at.Network].Name
	s.Client.Mode, s.Client.Seek, s.Client.MaximumTTL = "manual", "", settings.MaximumTTL
	if settings.Automatic {
		s.Client.Mode, s.Client.Seek = "automatic", settings.SeekList
	}
	s.Trigger, s.Started = r.trigger.String(), r.started
	if r.previous != selection.NoRelay {
		s.Previous = t.name(r.previous)
	}
	s.List = StoryList{Version: r.course.List.Version, Entries: len(r.course.List.Entries), Outdated: r.outdated}
	if r.listAt != longAgo {
		age := r.started.Sub(r.listAt)
		s.List.Age = &age
	}
	s.Sought, s.Steps = t.sought(), t.steps()
	s.Outcome = t.outcome()
	if e := r.ended; e != nil {
		s.Rounds, s.Probes = e.Rounds, e.Probes
	}
	if r.ended != nil && r.ended.Kind != selection.GaveUp {
		s.Rest = t.rest()
	}
	if r.next != vtime.Never {
		s.Next = &r.next
	}
}

// name is the name of a relay, or of the unknown host that a setting names.
func (t *teller) name(id selection.RelayID) string {
	if id.Known() {
		return t.plan.Relays[id].Name
	}
	if host, ok := t.rec.course.UnknownHost(id); ok {
		return host
	}
	return id.String()
}

func (t *teller) names(ids []selection.RelayID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = t.name(id)
	}
	return out
}

// sought are the stages of the course, with the relays of each by name.
func (t *teller) sought() []StoryGroup {
	out := make([]StoryGroup, len(t.rec.course.Stages))
	for i := range t.rec.course.Stages {
		st := &t.rec.course.Stages[i]
		out[i] = StoryGroup{Group: t.label(st.Group), Priority: st.Priority, By: st.By.String()}
		for _, c := range t.byName(st) {
			out[i].Relays = append(out[i].Relays, t.relay(&st.Candidates[c]))
		}
	}
	for i := range t.rec.entries {
		if a := &t.rec.entries[i].action; a.Kind == selection.AskRound {
			out[a.Stage].Asked = true
		}
	}
	return out
}

func (t *teller) relay(c *selection.Candidate) StoryRelay {
	r := StoryRelay{Name: t.name(c.Relay), Weight: c.Weight, Routers: -1}
	if !c.Relay.Known() {
		return r
	}
	r.Network = t.plan.Networks[t.plan.Relays[c.Relay].Network].Name
	if n, ok := t.net.Hops(t.rec.at, topology.HostID(c.Relay)); ok {
		r.Routers = n
	}
	return r
}

// label is an affiliation as the seek list has it; the course has it folded.
func (t *teller) label(group string) string {
	for label := range strings.SplitSeq(t.rec.course.Settings.SeekList, ";") {
		if label = strings.TrimSpace(label); strings.EqualFold(label, group) {
			return label
		}
	}
	return group
}

// byName orders the candidates of a stage as the plan does, which a reader
// knows; their own order is that of their keys.
func (t *teller) byName(st *selection.Stage) []int {
	order := make([]int, len(st.Candidates))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return int(int64(st.Candidates[a].Relay) - int64(st.Candidates[b].Relay))
	})
	return order
}

// steps are the entries of the record; rounds that look alike are put
// together.
func (t *teller) steps() []StoryStep {
	var out []StoryStep
	for i := range t.rec.entries {
		e := &t.rec.entries[i]
		if e.action.Kind == selection.AskRound {
			r := t.round(i)
			if n := len(out); n == 0 || out[n-1].Rounds == nil || !out[n-1].Rounds.merge(r) {
				out = append(out, StoryStep{Rounds: r})
			}
			continue
		}
		if len(e.draw) > 0 {
			out = append(out, StoryStep{Draw: t.draw(i)})
		}
		out = append(out, StoryStep{Register: t.registration(e)})
	}
	return out
}

// round tells one round.
func (t *teller) round(i int) *StoryRounds {
	e := &t.rec.entries[i]
	st := t.rec.course.Stage(int(e.action.Stage))
	r := &StoryRounds{
		Group: t.label(st.Group), Priority: st.Priority, Single: st.Kind == selection.Single, By: st.By.String(),
		Count: 1, TTLs: []int{int(e.action.TTL)}, From: e.action.At, To: t.endOf(i),
	}
	for _, j := range t.byName(st) {
		p := &e.probes[j]
		r.Errors += p.errors
		probe := StoryProbe{Relay: t.name(st.Candidates[j].Relay), Fate: t.probeFate(e, j, r.To)}
		if p.answered != vtime.Never {
			probe.RTT = &p.rtt
		}
		r.Probes = append(r.Probes, probe)
	}
	return r
}

// endOf is when the i-th entry was over: when the next began, or the
// selection ended.
func (t *teller) endOf(i int) vtime.Instant {
	switch r := t.rec; {
	case i+1 < len(r.entries):
		return r.entries[i+1].action.At
	case r.ended != nil:
		return r.ended.At
	default:
		return r.gaveWay
	}
}

// merge takes o into r if they look alike.
func (r *StoryRounds) merge(o *StoryRounds) bool {
	if r.Group != o.Group || r.Priority != o.Priority || r.Single != o.Single || r.By != o.By || r.To != o.From ||
		!slices.EqualFunc(r.Probes, o.Probes, StoryProbe.alike) {
		return false
	}
	r.Count, r.To, r.Errors = r.Count+o.Count, o.To, r.Errors+o.Errors
	r.TTLs = append(r.TTLs, o.TTLs...)
	return true
}

// alike tells whether two probes have the same story. Where a probe expires
// depends on its TTL and is no difference; an answer is always worth a line.
func (p StoryProbe) alike(o StoryProbe) bool {
	if p.RTT != nil || o.RTT != nil || p.Relay != o.Relay {
		return false
	}
	a, b := p.Fate, o.Fate
	if a.End == topology.Expired.String() {
		a.Where, b.Where = "", ""
		a.Box, b.Box = "", ""
		a.From, b.From, a.FromAddress, b.FromAddress = "", "", "", ""
		a.To, b.To = "", ""
	}
	return a == b
}

// probeFate is what became of the probe to candidate j in a round that was
// over at the given instant.
func (t *teller) probeFate(e *entry, j int, over vtime.Instant) StoryFate {
	p := &e.probes[j]
	cand := &t.rec.course.Stage(int(e.action.Stage)).Candidates[j]
	switch {
	case p.struck:
		return StoryFate{End: FateStruck}
	case !cand.Relay.Known():
		return StoryFate{End: FateUnresolved}
	case p.nameless > 0:
		return t.nameless()
	case p.request == nil:
		return StoryFate{End: FateUnsent}
	case p.answered != vtime.Never:
		return t.answered(p.request, cand.Relay)
	case p.request.result.End != topology.Delivered:
		return t.fate(p.request)
	case p.reply == nil || p.reply.result.End == topology.Delivered:
		return StoryFate{End: FateLate}
	default:
		return t.fate(p.reply)
	}
}

// nameless is the fate of what is not sent because a name does not resolve
// where the client is.
func (t *teller) nameless() StoryFate {
	return StoryFate{End: FateUnresolved, From: t.plan.Networks[t.rec.at.Network].Name}
}

// answered is the fate of a request to a relay that was answered.
func (t *teller) answered(s *sighting, relay selection.RelayID) StoryFate {
	f := StoryFate{End: FateAnswered}
	switch {
	case s.result.By == topology.Middlebox:
		f.By, f.Where = s.result.By.String(), s.last.Name
	case s.packet.Dst.Host != topology.HostID(relay):
		f.By, f.Where, f.Address = s.result.By.String(), s.last.Name, t.address(s)
	}
	return f
}

// address is that of a packet's destination, "" if it has none.
func (t *teller) address(s *sighting) string {
	if s.last.Tunnel != "" {
		return s.last.To.Addr
	}
	return t.net.Seen(&s.packet.Dst).Addr
}

// fate is how a packet that was not delivered ended.
func (t *teller) fate(s *sighting) StoryFate {
	if host := s.packet.Dst.Host; s.result.End == topology.NoHost && host != topology.AnyHost && s.last.Tunnel == "" {
		return StoryFate{End: FateDead, Where: t.net.HostName(host)}
	}
	f := StoryFate{
		End: s.result.End.String(), Packet: s.kind().String(), Tunnel: s.last.Tunnel, Back: s.packet.Back, Where: s.last.Name,
		From: s.last.From.Network, To: s.last.To.Network,
	}
	if s.through != "" && s.last.From.Addr != t.net.Seen(&s.packet.Src).Addr {
		f.FromAddress = s.last.From.Addr
	}
	if s.result.Box != topology.NoBox {
		f.Box = t.net.BoxName(s.result.Box)
		f.Rule, f.Source = t.net.RuleName(s.result.Box, s.result.Rule)
		f.Default = s.result.Rule < 0 && s.last.Name == f.Box && strings.Contains(s.last.Note, "default")
	}
	f.Through = s.through
	switch s.result.End {
	case topology.NoHost, topology.NoRoute, topology.NoMapping:
		f.Address = t.address(s)
	}
	return f
}

// draw tells the race that led to the registration at the i-th entry.
func (t *teller) draw(i int) *StoryDraw {
	e := &t.rec.entries[i]
	return TellDraw(e.action.At, e.draw, t.rec.course, &t.roundBefore(i).action, t.name)
}

// TellDraw tells of the race at an instant among the repliers of a round of a
// course.
func TellDraw(at vtime.Instant, standings []selection.Standing, course *selection.Course, round *selection.Action, name func(selection.RelayID) string) *StoryDraw {
	st := course.Stage(int(round.Stage))
	d := &StoryDraw{At: at, Size: len(standings)}
	for _, r := range standings {
		d.Weight += uint64(r.Weight)
	}
	for _, r := range standings {
		x := StoryReplier{Relay: name(st.Candidates[r.Candidate].Relay), Weight: r.Weight, Kept: r.Kept}
		if r.Weight > 0 {
			x.Chance = float64(r.Weight) / float64(d.Weight)
			x.Time = unitMean(r.Variate) / float64(r.Weight) * float64(d.Weight) / float64(d.Size)
		}
		d.Repliers = append(d.Repliers, x)
	}
	d.DistanceMin, d.DistanceMax = course.Distance(round.TTL)
	return d
}

// unitMean is a variate of rng.Exponential, which counts binary logarithms in
// units of 2^-57, with the mean 1.
func unitMean(variate uint64) float64 {
	const log2e, unit = 1.4426950408889634, 1 << 57
	return float64(variate) / unit / log2e
}

// roundBefore is the round to whose repliers the i-th entry belongs.
func (t *teller) roundBefore(i int) *entry {
	for ; t.rec.entries[i].action.Kind != selection.AskRound; i-- {
	}
	return &t.rec.entries[i]
}

// registration tells one attempt.
func (t *teller) registration(e *entry) *StoryRegistration {
	r := &StoryRegistration{
		Relay: t.name(e.action.Target), By: e.action.By.String(), From: e.action.At, To: e.ended, Tries: len(e.tries),
	}
	if e.action.Target.Known() {
		r.Address = t.plan.Relays[e.action.Target].Address
	}
	if e.resolved {
		r.Outcome = e.outcome.String()
	} else {
		r.To = t.rec.gaveWay
	}
	r.Fate = t.synFate(e)
	return r
}

// synFate is what became of the last SYN of an attempt.
func (t *teller) synFate(e *entry) StoryFate {
	if !e.action.Target.Known() {
		return StoryFate{End: FateUnresolved}
	}
	if e.resolved && e.outcome == selection.NameNotResolved {
		return t.nameless()
	}
	if len(e.tries) == 0 {
		return StoryFate{End: FateUnsent}
	}
	last := &e.tries[len(e.tries)-1]
	switch {
	case e.resolved && e.outcome != selection.TCPBlocked && e.outcome != selection.RelayDown:
		return t.answered(last.request, e.action.Target)
	case last.request.result.End != topology.Delivered:
		return t.fate(last.request)
	case e.outcome == selection.RelayDown:
		return StoryFate{End: FateClosed, Where: t.name(e.action.Target)}
	case last.reply == nil || last.reply.result.End == topology.Delivered:
		return StoryFate{End: FateLate}
	}
	return t.fate(last.reply)
}

func (t *teller) outcome() StoryOutcome {
	o := StoryOutcome{Kind: "none", DistanceMin: -1, DistanceMax: -1}
	if t.rec == nil {
		return o
	}
	o.Kind, o.At = "abandoned", t.rec.gaveWay
	if e := t.rec.ended; e != nil {
		o.Kind, o.At = e.Kind.String(), e.At
		o.DistanceMin, o.DistanceMax = int(e.DistanceMin), int(e.DistanceMax)
		if e.Kind != selection.GaveUp {
			o.Parent, o.By = t.name(e.Target), e.By.String()
		}
	}
	return o
}

func (t *teller) rest() []StoryRest {
	var out []StoryRest
	for _, st := range t.rec.ahead {
		out = append(out, StoryRest{By: st.By.String(), Group: t.label(st.Group), Relays: t.names(st.Relays), Probed: st.Probed, Keeps: st.Keeps})
	}
	return out
}
