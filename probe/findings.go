package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/relaysim/relaysim/selection"
)

// Class is what was found of a relay.
type Class string

// Classes.
const (
	AnswersEcho Class = "echo"       // it answered a probe in time
	AnswersLate Class = "late"       // it answered after the round only
	OnlyTCP     Class = "tcp_only"   // no answer to probes, and a connection could be made
	Refuses     Class = "refused"    // no answer to probes; the host refuses the connection
	Silent      Class = "silent"     // no answer to anything
	Unchecked   Class = "unchecked"  // no answer to probes, and no connection was tried
	Beyond      Class = "beyond"     // the selection ended before it was asked at every TTL; RTT is set if it answered a probe at the highest one afterwards
	Unresolved  Class = "unresolved" // the name has no address
	NotSent     Class = "not_sent"   // this machine could not send the probes
	NotProbed   Class = "not_probed" // only a registration was tried, as with a failover relay
	NotAsked    Class = "not_asked"  // the selection did not come to it
)

// Finding is what was found of one host.
type Finding struct {
	Relay   selection.RelayID
	Name    string
	Address netip.Addr
	Port    uint16
	Class   Class
	// DistanceMin and DistanceMax are the range of hops of an echo reply, or -1.
	DistanceMin, DistanceMax int
	RTT                      time.Duration
	// AskedTTL is the highest TTL with which it was probed.
	AskedTTL int
	// Router is the last one that sent a time-exceeded from the path, at
	// RouterTTL; RouterTTL 0 means none did.
	Router    netip.Addr
	RouterTTL int
	// Rejected is the first unreachable message from the path, if there was one.
	Rejected *Heard
	// Tried: a connection was tried, with the end TCP. Asked: it was asked for
	// its version as well, so that Registered means that a relay answered.
	Tried, Asked bool
	TCP          selection.Outcome
	// Detail has words on the connection, the name or the sending.
	Detail string
}

// Findings returns what was found of each host, in the order of the list.
func (r *Record) Findings() []Finding {
	out := make([]Finding, len(r.Hosts))
	for i := range out {
		h := &r.Hosts[i]
		out[i] = Finding{
			Relay: selection.RelayID(i), Name: h.Name, Port: h.Port, Address: h.Address,
			Class: NotAsked, DistanceMin: -1, DistanceMax: -1,
		}
	}
	for _, e := range r.Entries {
		if e.Round != nil {
			r.findRound(out, e.Round)
		} else if id := e.Attempt.Action.Target; int64(id) < int64(len(out)) {
			out[id].attempted(e.Attempt)
		}
	}
	for i := range out {
		if f := &out[i]; (f.Class == Silent || f.Class == Beyond) && f.AskedTTL < int(r.lastTTL()) {
			f.Class = Beyond
		} else if f.Class == Beyond {
			f.Class = Silent // it expired at every TTL
		}
	}
	for i := range r.Checks {
		out[r.Checks[i].Relay].checked(&r.Checks[i])
	}
	for i := range out {
		out[i].settle()
	}
	return out
}

// findRound takes one round into the findings.
func (r *Record) findRound(out []Finding, round *Round) {
	st := r.Course.Stage(int(round.Action.Stage))
	ttl := int(round.Action.TTL)
	for i := range round.Probes {
		p := &round.Probes[i]
		if p.Struck || int64(p.Relay) >= int64(len(out)) {
			continue
		}
		f := &out[p.Relay]
		f.probed(p, ttl)
		if _, ok := p.Echo(); ok && f.DistanceMin < 0 && st.Kind == selection.Sweep {
			f.DistanceMin, f.DistanceMax = r.Course.Distance(round.Action.TTL)
		}
	}
}

// probed takes one probe into the finding. The class is that of the probes so
// far; the connection is looked at when all is in.
func (f *Finding) probed(p *Probe, ttl int) {
	if p.Address.IsValid() {
		f.Address = p.Address
	}
	f.AskedTTL = max(f.AskedTTL, ttl)
	echo, answered := p.Echo()
	expired, wasExpired := p.first(selection.TimeExceeded)
	if wasExpired && ttl >= f.RouterTTL {
		f.Router, f.RouterTTL = expired.From, ttl
	}
	if h, ok := p.first(selection.Unreachable); ok && f.Rejected == nil {
		f.Rejected = &h
	}
	switch {
	case f.Class == AnswersEcho:
	case answered:
		f.Class, f.RTT = AnswersEcho, echo.RTT
	case p.replied():
		f.Class = AnswersLate
	case f.Class == AnswersLate:
	case p.Unresolved != nil:
		f.Class, f.Detail = Unresolved, p.Unresolved.Error()
	case p.SendError != nil && p.Sent == 0:
		f.Class, f.Detail = NotSent, plainError(p.SendError).Error()
	case wasExpired:
		f.Class = Beyond
	default:
		f.Class = Silent
	}
}

// checked takes in what was tried after the selection.
func (f *Finding) checked(c *Check) {
	f.Tried, f.TCP, f.Detail = true, c.Outcome, c.Detail
	if c.Probe == nil {
		return
	}
	for _, h := range c.Probe.Answers {
		switch {
		case h.Kind == selection.EchoReply:
			f.RTT = h.RTT
			return
		case h.Kind == selection.TimeExceeded:
			f.Router, f.RouterTTL = h.From, int(c.TTL)
		case f.Rejected == nil:
			f.Rejected = &h
		}
	}
	f.Class, f.AskedTTL = Silent, int(c.TTL)
}

func (f *Finding) attempted(a *Attempt) {
	if !a.Done {
		return
	}
	if a.Address.IsValid() {
		f.Address = a.Address.Addr()
	}
	f.TCP, f.Detail = a.Outcome, a.Detail
	f.Tried, f.Asked = a.Outcome != selection.NameNotResolved, a.Outcome != selection.NameNotResolved
	switch {
	case f.Class != NotAsked:
	case a.Outcome == selection.NameNotResolved:
		f.Class = Unresolved
	default:
		f.Class = NotProbed
	}
}

// settle tells apart, by the connection, relays that answered no probe.
func (f *Finding) settle() {
	if f.Class != Silent {
		return
	}
	switch {
	case !f.Tried:
		f.Class = Unchecked
	case f.TCP == selection.RelayDown:
		f.Class = Refuses
	case f.TCP != selection.TCPBlocked:
		f.Class = OnlyTCP
	}
}

// Requests says what to ask those who run the firewalls for so that this
// client finds its relays by probing, a line each, and no more than that: the
// echo request where only it is missing, TCP where only that is, and both to
// relays that are silent altogether if the client found none.
func (r *Record) Requests() []string {
	var out []string
	found := r.Ended != nil && r.Ended.Kind == selection.Decided && (r.Ended.By == selection.ByProbe || r.Ended.By == selection.ByManual)
	for _, f := range r.Findings() {
		if text := f.request(found); text != "" {
			out = append(out, text)
		}
	}
	if r.Course.Params.NeedsTimeExceeded && !found && !r.sawTimeExceeded() {
		out = append(out, "icmp/time-exceeded back to here: none came from any router, and needs_time_exceeded is set")
	}
	return out
}

// request is the line for one relay, or "".
func (f *Finding) request(found bool) string {
	tcp := fmt.Sprintf("tcp/%d", f.Port)
	to := fmt.Sprintf(" to %s (%v) from here: ", f.Name, f.Address)
	if f.Name == f.Address.String() {
		to = fmt.Sprintf(" to %s from here: ", f.Name)
	}
	switch {
	case f.Class == OnlyTCP:
		return "icmp/echo-request" + to + "no answer although " + tcp + " is open" + f.where()
	case f.Class == Refuses && !found:
		return "icmp/echo-request" + to + "no answer; the host is there, but refuses " + tcp + f.where()
	case f.Class == AnswersEcho && f.Tried && f.TCP == selection.TCPBlocked:
		return tcp + to + "no connection although it answers echo"
	case f.Class == Silent && !found:
		return "icmp/echo-request and " + tcp + to + "no answer to either, unless the host is down" + f.where()
	}
	return ""
}

// where is the place up to which packets are known to have come.
func (f *Finding) where() string {
	switch {
	case f.Rejected != nil:
		return fmt.Sprintf("; %v rejects it (%s)", f.Rejected.From, f.Rejected.Words())
	case f.RouterTTL > 0:
		return fmt.Sprintf("; the last router seen on the way is %v at TTL %d", f.Router, f.RouterTTL)
	}
	return ""
}

func (r *Record) sawTimeExceeded() bool {
	for _, e := range r.Entries {
		if e.Round == nil {
			continue
		}
		for i := range e.Round.Probes {
			if _, ok := e.Round.Probes[i].first(selection.TimeExceeded); ok {
				return true
			}
		}
	}
	return false
}

// Codes of destination unreachable (RFC 792, RFC 1812 5.2.7.1; RFC 4443, 3.1).
var (
	codes4 = map[uint8]string{
		0: "net unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable", 4: "fragmentation needed",
		9: "administratively prohibited", 10: "administratively prohibited", 13: "administratively prohibited",
	}
	codes6 = map[uint8]string{
		0: "no route", 1: "administratively prohibited", 3: "address unreachable", 4: "port unreachable",
		5: "source address failed policy", 6: "reject route",
	}
)

// Words says what an ICMP error means.
func (h Heard) Words() string {
	if h.Kind != selection.Unreachable {
		return h.Kind.String()
	}
	codes := codes4
	if h.From.Is6() {
		codes = codes6
	}
	if text, ok := codes[h.Code]; ok {
		return text
	}
	return fmt.Sprintf("unreachable, code %d", h.Code)
}
