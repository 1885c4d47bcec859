package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/relaysim/relaysim/sim"
)

// TraceJSON writes a trace as JSON.
func TraceJSON(w io.Writer, t *sim.PacketTrace) error {
	return sendJSON(w, "trace", t)
}

// TraceText writes a trace as traceroute would if it knew everything: of one
// exchange every element, of several a verdict for each policy and then the
// ways that differ, with routers that only forward put together.
func TraceText(w io.Writer, t *sim.PacketTrace, o Options) error {
	if o.Width <= 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, minWidth)
	p := &tracePage{t: t, s: screen{o: o}, brief: len(t.Exchanges) > 1}
	p.head()
	p.verdicts()
	for i := range t.Exchanges {
		p.exchange(&t.Exchanges[i])
	}
	return send(w, p.s.b.Bytes())
}

// tracePage lays out one trace.
type tracePage struct {
	t *sim.PacketTrace
	s screen
	// brief puts routers that only forward together.
	brief bool
}

func (p *tracePage) head() {
	t := p.t
	story := sim.Story{StartOfWeek: t.StartOfWeek}
	p.s.lines(fmt.Sprintf("%s to %s: %s, TTL %d, %s", traceEnd(t.From.Name, t.From.Place), traceEnd(t.To.Name, t.To.Place),
		t.Packet, t.TTL, storyDay(&story, t.At)), everyLine)
	p.s.line(fmt.Sprintf("%s · seed %d · model %d", t.Scenario, t.Seed, t.ModelVersion))
	for _, note := range p.notes() {
		p.s.lines(note, everyLine)
	}
}

// notes say what the trace takes for granted.
func (p *tracePage) notes() []string {
	f := &p.t.From
	var notes []string
	if f.Offline {
		notes = append(notes, f.Name+" is not online then; this is its packet as if it were, from "+f.Place+".")
	}
	if f.AccessMax > f.AccessMin {
		who := f.Name + " is behind"
		if f.Kind == "place" {
			who = "this is one behind"
		}
		notes = append(notes, fmt.Sprintf("Clients at %s are behind %d to %d routers of their own; %s %d.", f.Place, f.AccessMin, f.AccessMax, who, f.Access))
	}
	return append(notes, "Nothing is lost by chance here, limits are not exceeded, and no box remembers an earlier flow.")
}

// traceEnd names an end with its place, if that is another word.
func traceEnd(name, place string) string {
	if name == place {
		return "a client at " + place
	}
	return name + " (" + place + ")"
}

// verdicts writes a line for each policy.
func (p *tracePage) verdicts() {
	p.s.line("")
	width := 0
	for i := range p.t.Exchanges {
		for _, policy := range p.t.Exchanges[i].Policies {
			width = max(width, utf8.RuneCountInString(policy.Name))
		}
	}
	for i := range p.t.Exchanges {
		x := &p.t.Exchanges[i]
		verdict := hang(p.s.said(p.verdict(x)), max(p.s.o.Width-width-2, minWidth/2))
		for _, policy := range x.Policies {
			p.hanging(policy.Name+strings.Repeat(noBreak, width-utf8.RuneCountInString(policy.Name)+2), verdict)
		}
	}
}

// hanging writes lines behind a head.
func (p *tracePage) hanging(head string, lines []string) {
	for i, l := range lines {
		if i > 0 {
			head = strings.Repeat(noBreak, utf8.RuneCountInString(head))
		}
		p.s.line(head + l)
	}
}

// exchange writes both ways of an exchange.
func (p *tracePage) exchange(x *sim.TracedExchange) {
	if p.brief {
		p.s.line("")
		p.s.lines("Under "+policyNames(x.Policies)+":", everyLine)
	}
	if text := p.name(x); text != "" {
		p.s.line("")
		p.s.lines(text, everyLine)
	}
	p.packet(x.Request)
	p.packet(x.Answer)
	if x.Unanswered != "" && x.Request != nil {
		p.s.line("")
		p.s.lines("No answer: "+x.Unanswered, everyLine)
	}
}

func policyNames(policies []sim.TracedPolicy) string {
	var names []string
	for _, policy := range policies {
		names = append(names, policy.Name)
	}
	return strings.Join(names, ", ")
}

// name says what the name of the target is where the sender is.
func (p *tracePage) name(x *sim.TracedExchange) string {
	n := x.Name
	if n == nil {
		return ""
	}
	from := ""
	if n.View != "" {
		from = " (view " + n.View + ")"
	}
	switch target := p.t.To.Name; {
	case x.Request == nil:
		return fmt.Sprintf("%s does not resolve at %s%s.", target, p.t.From.Place, from)
	case n.Translator != "":
		return fmt.Sprintf("%s is %s at %s%s, which belongs to %s.", target, n.Address, p.t.From.Place, from, n.Translator)
	case n.Unreached != "":
		return fmt.Sprintf("%s is %s at %s%s, which is %s's, but no way leads there.", target, n.Address, p.t.From.Place, from, n.Unreached)
	case n.Address == "":
		return fmt.Sprintf("%s is %s at %s%s.", target, orNobody(n.Owner), p.t.From.Place, from)
	case n.Owner == target:
		return fmt.Sprintf("%s is %s at %s%s.", target, n.Address, p.t.From.Place, from)
	default:
		return fmt.Sprintf("%s is %s at %s%s, which is %s there.", target, n.Address, p.t.From.Place, from, orNobody(n.Owner))
	}
}

func orNobody(owner string) string {
	if owner == "" {
		return "nobody's of this scenario"
	}
	return owner
}

// packet writes the way of one packet, a line for each element.
func (p *tracePage) packet(t *sim.TracedPacket) {
	if t == nil {
		return
	}
	p.s.line("")
	p.s.line(fmt.Sprintf("%s from %s to %s, TTL %d", packetTitle(t), t.From, t.To, t.TTL))
	rows := p.rows(t.Hops)
	width := 0
	for i := range rows {
		width = max(width, utf8.RuneCountInString(p.s.said(rows[i].name)))
	}
	for i := range rows {
		r := &rows[i]
		head := strings.ReplaceAll(fmt.Sprintf("%7s  %-*s  %7s  %8s  ", r.number, width, p.s.said(r.name), r.ttl, r.after), " ", noBreak)
		if room := p.s.o.Width - utf8.RuneCountInString(head); room >= leastWhat {
			p.hanging(head, hang(p.s.said(r.what), room))
			continue
		}
		p.s.line(head)
		p.hanging(strings.Repeat(noBreak, 13), hang(p.s.said(r.what), p.s.o.Width-13))
	}
	p.hanging(strings.Repeat(noBreak, 9), hang(p.s.said(packetVerdict(t)), p.s.o.Width-9))
}

// leastWhat is the room that what happened needs beside an element; with less
// it stands below.
const leastWhat = 30

// packetTitle names a packet, and the code of an icmp/unreachable (RFC 792,
// RFC 1812 section 5.2.7.1).
func packetTitle(t *sim.TracedPacket) string {
	switch {
	case t.Packet == "icmp/unreachable":
		return fmt.Sprintf("%s code %d", t.Packet, t.Code)
	case t.Back && (strings.HasPrefix(t.Packet, "tcp/5") || strings.HasPrefix(t.Packet, "udp/")):
		return "answer to " + t.Packet
	}
	return t.Packet
}

// traceRow is one line of a packet's way.
type traceRow struct{ number, name, ttl, after, what string }

// rows are the elements of a way. Those of an outer packet stand below the name
// of its tunnel.
func (p *tracePage) rows(hops []sim.TracedHop) []traceRow {
	var rows []traceRow
	tunnel := ""
	for i := 0; i < len(hops); {
		h := &hops[i]
		if h.Tunnel != tunnel && h.Tunnel != "" {
			rows = append(rows, traceRow{name: h.Tunnel, what: "a tunnel, whose outer packet goes by"})
		}
		tunnel = h.Tunnel
		n := 1
		for p.brief && i+n < len(hops) && forwards(h) && forwards(&hops[i+n]) && hops[i+n].Tunnel == tunnel {
			n++
		}
		if n < 3 {
			n = 1
		}
		rows = append(rows, traceRowOf(h, &hops[i+n-1]))
		i += n
	}
	return rows
}

// forwards tells whether an element does nothing but forward.
func forwards(h *sim.TracedHop) bool {
	return h.Rule == "" && h.Translated == "" && h.Note == "forwarded"
}

// traceRowOf is the line of the elements from the first to the last.
func traceRowOf(first, last *sim.TracedHop) traceRow {
	r := traceRow{name: first.Name, ttl: fmt.Sprintf("TTL %d", last.TTL), after: traceTime(last.After), what: hopWords(first)}
	switch {
	case first.Number > 0 && first != last:
		r.number = fmt.Sprintf("%d-%d", first.Number, last.Number)
	case first.Number > 0:
		r.number = fmt.Sprint(first.Number)
	case first.Tunnel == "":
		r.ttl = ""
	}
	if first != last {
		r.name += " … " + last.Name
	}
	if first.Tunnel != "" {
		r.name = noBreak + noBreak + r.name
	}
	return r
}

// traceTime is a one-way time to a tenth of a millisecond.
func traceTime(d time.Duration) string {
	if d >= 10*time.Second {
		return lasting(d)
	}
	tenths := (d + 50*time.Microsecond) / (100 * time.Microsecond)
	return fmt.Sprintf("%d.%d ms", tenths/10, tenths%10)
}

// hopWords say what happened at an element.
func hopWords(h *sim.TracedHop) string {
	var parts []string
	if h.Translated != "" {
		parts = append(parts, h.Translated)
	}
	note := h.Note
	if h.Rule != "" {
		verb, _, _ := strings.Cut(note, ":")
		note = verb + " by " + h.Rule + inBrackets(h.Source)
		if h.Limit != "" {
			note += ", limit " + h.Limit + " taken as not exceeded"
		}
	}
	if h.Table != "" {
		note += ", room for " + h.Table + " taken as not full"
	}
	if note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, "; ")
}

// packetVerdict says how a packet ended.
func packetVerdict(t *sim.TracedPacket) string {
	text := strings.TrimPrefix(traceEndWords(t), "with ")
	if t.Delivered() {
		least := ""
		if t.Varies {
			least = "at least "
		}
		text += fmt.Sprintf(", %s%s, %s", least, traceTime(t.Took), counted(t.Routers, "router", "routers"))
	}
	if t.Loss > 0 {
		text += fmt.Sprintf("; chance of loss %s until then", tracePercent(t.Loss))
	}
	return text
}

func tracePercent(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", 100*x), "0"), ".") + "%"
}

// outerPacket is the kind of the outer packets of tunnels.
const outerPacket = "udp/4500"

// traceEndWords say how a packet ended and by what, "with" the outer packet of
// a tunnel if it was in one.
func traceEndWords(t *sim.TracedPacket) string {
	if t.Tunnel != "" {
		return "with the tunnel " + t.Tunnel + "'s " + outerPacket + " " + packetEndWords(t)
	}
	return packetEndWords(t)
}

func packetEndWords(t *sim.TracedPacket) string {
	switch t.End {
	case "delivered":
		switch {
		case t.By != "":
			return "delivered to " + t.Where + ", " + t.By
		case t.Refused:
			return "delivered to " + t.To + ", which refuses it" + inBrackets(t.Cause)
		}
		return "delivered to " + t.To
	case "expired":
		return "expired at " + t.Where
	case "filtered":
		return "dropped by " + t.Box + ": " + decidedWords(t)
	case "refused":
		return "rejected by " + t.Box + ": " + decidedWords(t)
	case "over_limit":
		return "dropped by " + t.Box + ": over the limit of its rules" + inBrackets(t.Source)
	case "link_down":
		return "ended at " + t.Where + ", which is cut" + inBrackets(t.Cause)
	case "no_route":
		return "found no route at " + t.Where
	case "no_host":
		why := t.Cause
		if why == "" {
			why = lastNote(t)
		}
		return "found nobody at " + t.Where + inBrackets(why)
	case "no_mapping":
		return "dropped by " + t.Box + ": no mapping lets it in" + inBrackets(t.Source)
	case "table_full":
		return "dropped by " + t.Box + ": its table is full" + inBrackets(t.Source)
	}
	return t.End + " at " + t.Where
}

// lastNote is what happened where a packet ended.
func lastNote(t *sim.TracedPacket) string {
	if len(t.Hops) == 0 {
		return ""
	}
	return t.Hops[len(t.Hops)-1].Note
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// decidedWords name what of a box decided.
func decidedWords(t *sim.TracedPacket) string {
	switch t.Decided {
	case sim.DecidedByRule:
		return "rule " + t.Rule + inBrackets(t.Source)
	case sim.DecidedByDrops:
		if t.Tunnel != "" {
			return "it forwards no " + outerPacket + inBrackets(t.Source)
		}
		return "it forwards no " + t.Packet + inBrackets(t.Source)
	case sim.DecidedByBox:
		return strings.TrimPrefix(lastNote(t), "dropped: ") + inBrackets(t.Source)
	}
	return "no rule accepts it" + inBrackets(strings.TrimSuffix("default, "+t.Source, ", "))
}

// verdict is an exchange in one line.
func (p *tracePage) verdict(x *sim.TracedExchange) string {
	took := tookBoth(x)
	switch x.Outcome {
	case sim.TraceAnswered:
		if x.Request.By != "" {
			return "answered after " + took + " by " + x.Request.Where + ", " + x.Request.By
		}
		return "answered after " + took
	case sim.TraceExpired:
		return "request " + traceEndWords(x.Request) + "; " + x.Answer.Packet + " comes back after " + took
	case sim.TraceRefused:
		if x.Request.Refused {
			return "refused by " + x.Request.To + " after " + took + inBrackets(x.Request.Cause)
		}
		return "request " + traceEndWords(x.Request) + "; " + x.Answer.Packet + " comes back after " + took
	case sim.TraceUnsent:
		return "not sent: " + strings.TrimSuffix(p.name(x), ".") + inBrackets(x.Unanswered)
	}
	return "no answer: " + silence(x)
}

// tookBoth is the time of a request and its answer.
func tookBoth(x *sim.TracedExchange) string {
	if x.Request == nil || x.Answer == nil {
		return ""
	}
	text := traceTime(x.Request.Took + x.Answer.Took)
	if x.Request.Varies || x.Answer.Varies {
		return "at least " + text
	}
	return text
}

// silence says why nothing came back.
func silence(x *sim.TracedExchange) string {
	var parts []string
	if !x.Request.Delivered() {
		parts = append(parts, "request "+traceEndWords(x.Request))
	}
	if x.Answer != nil && !x.Answer.Delivered() {
		what := x.Answer.Packet
		if what == x.Request.Packet {
			what = "answer"
		}
		parts = append(parts, what+" "+traceEndWords(x.Answer))
	}
	if x.Unanswered != "" {
		parts = append(parts, x.Unanswered)
	}
	return strings.Join(parts, "; ")
}
