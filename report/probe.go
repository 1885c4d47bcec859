package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/relaysim/relaysim/sim"
)

// Probe is what a prober found on a real network: the story of its one
// selection, and what it learnt of each relay. It is plain data.
type Probe struct {
	// Began is the time of day, as RFC 3339 has it.
	Began string `json:"began"`
	List  string `json:"relay_list"`
	// Settings is the file of settings, "" for none.
	Settings string `json:"settings,omitempty"`
	// Socket is the way in which echo requests were sent.
	Socket string `json:"socket"`
	// Rate is the cap on packets per second; Paced is for how long probes
	// waited under it, which the times of the story leave out.
	Rate  float64       `json:"rate_per_second"`
	Paced time.Duration `json:"paced_ns"`
	// Sent counts echo requests, Connections those over TCP.
	Sent        int          `json:"echo_requests"`
	Connections int          `json:"tcp_connections"`
	Story       *sim.Story   `json:"story"`
	Relays      []ProbeRelay `json:"relays"`
	// NotAsked counts relays of the list to which the selection did not come.
	NotAsked int `json:"relays_not_asked"`
	// Unchecked counts relays left out by the cap on connections.
	Unchecked int `json:"relays_not_checked"`
	// Requests is what to ask the firewall team for.
	Requests []string `json:"requests"`
	// Unverified are the parameters and settings at defaults that nobody has
	// verified, Set those that were given.
	Unverified []string `json:"unverified_defaults"`
	Set        []string `json:"model,omitempty"`
}

// ProbeRelay is what was learnt of one relay.
type ProbeRelay struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Port    uint16 `json:"port"`
	// Class is one of docs/probe.md, "The verdict".
	Class string `json:"class"`
	// DistanceMin and DistanceMax are the range of hops, or -1.
	DistanceMin int `json:"distance_min"`
	DistanceMax int `json:"distance_max"`
	// RTT of the echo reply; 0 without one.
	RTT time.Duration `json:"rtt_ns,omitempty"`
	// AskedTTL is the highest TTL at which it was probed, 0 for none.
	AskedTTL int `json:"asked_ttl"`
	// Router is the last that sent a time-exceeded, at RouterTTL.
	Router    string `json:"last_router,omitempty"`
	RouterTTL int    `json:"last_router_ttl,omitempty"`
	// Rejected says who sent an unreachable message, and which.
	Rejected string `json:"rejected,omitempty"`
	// TCP is how a connection ended in words, "" if none was tried.
	TCP string `json:"tcp,omitempty"`
	// Detail has words on a name or on sending.
	Detail string `json:"detail,omitempty"`
}

// Fates of probes as they are seen from outside, beside those of a Story.
const (
	FateSilent   = "silent"      // no answer
	FateRejected = "unreachable" // Where sent an unreachable message, Rule says which
	FateUnnamed  = "unnamed"     // the name has no address; Rule says why
	FateNotSent  = "not_sent"    // this machine could not send it; Rule says why
	FateSaid     = "said"        // Rule has the words
)

// probeFate words a fate that is seen from outside.
func probeFate(f *sim.StoryFate) (string, bool) {
	switch f.End {
	case FateSilent:
		return "no answer", true
	case FateRejected:
		return "rejected by " + f.Where + " (" + f.Rule + ")", true
	case FateUnnamed:
		return "name does not resolve: " + f.Rule, true
	case FateNotSent:
		return "could not be sent: " + f.Rule, true
	case FateSaid:
		return f.Rule, true
	}
	return "", false
}

// ProbeJSON writes what a prober found as JSON, on one line if it is one of
// several.
func ProbeJSON(w io.Writer, p *Probe, oneLine bool) error {
	if !oneLine {
		return sendJSON(w, "probe", p)
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the probe: %w", err)
	}
	return send(w, append(data, '\n'))
}

// ProbeText writes what a prober found for a reader: the selection in order of
// time, a row for each relay, and what to ask for.
func ProbeText(w io.Writer, p *Probe, o Options) error {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	page := &probePage{p, &storyPage{s: p.Story, t: screen{o: o}}}
	page.head()
	page.course()
	page.ended()
	page.relays()
	page.requests()
	page.unknowns()
	return send(w, page.t.b.Bytes())
}

// probePage lays out a Probe; what a story has in common with it is laid out
// as that is.
type probePage struct {
	p *Probe
	*storyPage
}

func (p *probePage) head() {
	s := p.s
	p.t.line("From this machine: " + storyEnd(s.Outcome))
	files := p.p.List
	if p.p.Settings != "" {
		files += " · " + p.p.Settings
	}
	p.t.line(fmt.Sprintf("%s · %s ICMP · seed %d · model %d", files, p.p.Socket, s.Seed, s.ModelVersion))
	p.t.line("")
	p.item("Started", fmt.Sprintf("%s: %s", p.p.Began, storyTrigger(s)))
	p.item("Client", fmt.Sprintf("%s; %s", settings(&s.Client), counted(s.List.Entries, "relay on the list", "relays on the list")))
	p.sought()
	p.t.line("")
}

// ended writes how the selection ended, what a client would do next, and what
// the times leave out.
func (p *probePage) ended() {
	s := p.s
	p.t.line("")
	p.item("Ended", fmt.Sprintf("%s: %s; %s, %s in %s", storyClock(s, s.Outcome.At), storyEnd(s.Outcome),
		counted(int(s.Rounds), "round", "rounds"), counted(int(s.Probes), "probe", "probes"), lasting(s.Outcome.At.Sub(s.Started))))
	if s.Next != nil {
		p.item("Next", fmt.Sprintf("a client would select again %s later, if nothing happens before", lasting(s.Next.Sub(s.Outcome.At))))
	}
	if len(s.Rest) > 0 {
		var rest []string
		for i := range s.Rest {
			rest = append(rest, restWords(&s.Rest[i]))
		}
		p.item("Course", "after this step: "+strings.Join(rest, ", then "))
	}
	if p.p.Paced >= time.Second {
		p.item("Pace", fmt.Sprintf("probes waited %s for their turn at %g packets per second, which the times above leave out", lasting(p.p.Paced), p.p.Rate))
	}
}

// relays writes the verdict: a row for each relay.
func (p *probePage) relays() {
	p.t.heading("Relays as seen from here")
	var rows [][]string
	for i := range p.p.Relays {
		r := &p.p.Relays[i]
		rows = append(rows, []string{r.Name, r.Address, r.echo(), r.distance(), r.tcp(), r.way()})
	}
	for _, l := range p.t.table([]string{"relay", "address", "echo", "hops", "tcp", "last router (TTL)"}, make([]bool, 6), rows) {
		p.t.line(l)
	}
	for i := range p.p.Relays {
		if note := p.p.Relays[i].note(); note != "" {
			p.t.lines(note, 3)
		}
	}
	if p.p.NotAsked > 0 {
		p.t.line(fmt.Sprintf("not asked: %s of the list", counted(p.p.NotAsked, "other relay", "other relays")))
	}
	if p.p.Unchecked > 0 {
		p.t.line(fmt.Sprintf("not checked over TCP: %s, beyond the cap", counted(p.p.Unchecked, "relay", "relays")))
	}
}

func (r *ProbeRelay) echo() string {
	switch r.Class {
	case "echo":
		return "yes, " + roundTrip(r.RTT)
	case "late":
		return "too late"
	case "beyond":
		if r.RTT > 0 {
			return fmt.Sprintf("yes, beyond TTL %d", r.AskedTTL)
		}
		return fmt.Sprintf("not within TTL %d", r.AskedTTL)
	case "unresolved":
		return "no address"
	case "not_sent":
		return "not sent"
	case "not_probed":
		return "not asked"
	}
	return fmt.Sprintf("NO, to TTL %d", r.AskedTTL)
}

// roundTrip is a short time, to a tenth where that says something.
func roundTrip(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return lasting(d)
}

func (r *ProbeRelay) distance() string {
	switch {
	case r.DistanceMin < 0:
		return none
	case r.DistanceMin == r.DistanceMax:
		return fmt.Sprint(r.DistanceMax)
	}
	return fmt.Sprintf("%d..%d", r.DistanceMin, r.DistanceMax)
}

func (r *ProbeRelay) tcp() string {
	if r.TCP == "" {
		return none
	}
	return fmt.Sprintf("%d %s", r.Port, r.TCP)
}

// way is the last router that was seen on the path.
func (r *ProbeRelay) way() string {
	switch {
	case r.RouterTTL == 0 && r.AskedTTL > 1:
		return "none seen"
	case r.RouterTTL == 0:
		return none
	case r.Class != "echo" && r.Class != "beyond" && r.AskedTTL > r.RouterTTL:
		return fmt.Sprintf("%s (%d), then none", r.Router, r.RouterTTL)
	}
	return fmt.Sprintf("%s (%d)", r.Router, r.RouterTTL)
}

// note is what the columns have no room for.
func (r *ProbeRelay) note() string {
	var parts []string
	if r.Rejected != "" {
		parts = append(parts, "rejected by "+r.Rejected)
	}
	if r.Detail != "" {
		parts = append(parts, r.Detail)
	}
	if len(parts) == 0 {
		return ""
	}
	return r.Name + ": " + strings.Join(parts, "; ")
}

func (p *probePage) requests() {
	p.t.heading("To ask the firewall team for")
	if len(p.p.Requests) == 0 {
		p.t.line("nothing")
	}
	for _, l := range p.p.Requests {
		p.t.lines(l, 3)
	}
}

// unknowns names what the selection rests on.
func (p *probePage) unknowns() {
	p.t.line("")
	text := fmt.Sprintf("Unknowns: %s at unverified defaults (--json names them)", counted(len(p.p.Unverified), "parameter or setting", "parameters and settings"))
	if len(p.p.Set) > 0 {
		text += "; set: " + strings.Join(p.p.Set, ", ")
	}
	p.t.lines(text+".", 3)
}

// ProbeChanges says in lines what differs between two probes of one list.
func ProbeChanges(before, after *Probe) []string {
	var out []string
	if a, b := storyEnd(before.Story.Outcome), storyEnd(after.Story.Outcome); a != b {
		out = append(out, fmt.Sprintf("choice: %s → %s", a, b))
	}
	was := map[string]string{}
	for i := range before.Relays {
		was[before.Relays[i].Name] = before.Relays[i].state()
	}
	for i := range after.Relays {
		r := &after.Relays[i]
		old, known := was[r.Name]
		delete(was, r.Name)
		switch now := r.state(); {
		case !known:
			out = append(out, fmt.Sprintf("%s: not asked → %s", r.Name, now))
		case old != now:
			out = append(out, fmt.Sprintf("%s: %s → %s", r.Name, old, now))
		}
	}
	for i := range before.Relays {
		if name := before.Relays[i].Name; was[name] != "" {
			out = append(out, fmt.Sprintf("%s: %s → not asked", name, was[name]))
		}
	}
	return out
}

// state is what a change of is worth a line: no round-trip times, and no more
// of the path than who rejects.
func (r *ProbeRelay) state() string {
	text := map[string]string{
		"echo": "answers echo", "late": "answers echo too late", "tcp_only": "no echo", "refused": "no echo", "silent": "no echo",
		"unchecked": "no echo", "beyond": "farther than asked", "unresolved": "no address", "not_sent": "probes not sent", "not_probed": "not probed",
	}[r.Class]
	if r.Class == "beyond" && r.RTT > 0 {
		text = "answers echo, farther than asked"
	}
	if r.DistanceMin >= 0 {
		text += " at " + hopRange(r.DistanceMin, r.DistanceMax)
	}
	if r.TCP != "" {
		text += ", tcp " + r.TCP
	}
	if r.Rejected != "" {
		text += ", rejected by " + r.Rejected
	}
	return text
}
