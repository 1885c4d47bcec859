package sim

import (
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// PacketTrace is the way of one request, and of what comes back, told for a
// reader: plain data, in words and names instead of numbers. Instants count
// from the start of the run and spans are lengths, both in nanoseconds.
type PacketTrace struct {
	Scenario     string        `json:"scenario"`
	ModelVersion int           `json:"model_version"`
	Seed         uint64        `json:"seed"`
	StartOfWeek  time.Duration `json:"start_of_week_ns"` // local time of instant 0, since Monday 00:00
	At           vtime.Instant `json:"at_ns"`            // when the request is sent
	From         TraceSource   `json:"from"`
	To           TraceTarget   `json:"to"`
	Packet       string        `json:"packet"` // "icmp/echo-request"
	TTL          int           `json:"ttl"`
	// Exchanges are those that differ, in the order of the first policy of
	// each.
	Exchanges []TracedExchange `json:"exchanges"`
}

// TraceSource is who sends the request.
type TraceSource struct {
	// Name is a client ("laptop/paris/17"), a place, or a relay.
	Name string `json:"name"`
	// Kind is "client", "place" (for any client there), "relay" or "root".
	Kind  string `json:"kind"`
	Place string `json:"place"`
	// Offline: the client is not online then, and stands for itself at home.
	Offline bool `json:"offline,omitempty"`
	// Access is the number of access routers that it is behind; clients of the
	// place are behind AccessMin to AccessMax.
	Access    int `json:"access_routers"`
	AccessMin int `json:"access_routers_min"`
	AccessMax int `json:"access_routers_max"`
}

// TraceTarget is whom the request is meant for.
type TraceTarget struct {
	Name  string `json:"name"`
	Place string `json:"place"`
}

// TracedPolicy names a policy.
type TracedPolicy struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Outcomes of an exchange, as its client sees them.
const (
	TraceAnswered = "answered" // the reply came back
	TraceRefused  = "refused"  // an error or a reset came back that says so
	TraceExpired  = "expired"  // icmp/time-exceeded came back
	TraceNothing  = "nothing"  // nothing came back
	TraceUnsent   = "unsent"   // the name did not resolve
)

// TracedExchange is a request and what it brings about, the same under each of
// the policies.
type TracedExchange struct {
	Policies []TracedPolicy `json:"policies"`
	// Outcome is one of the constants.
	Outcome string `json:"outcome"`
	// Name is what the target's name resolves to; nil where names resolve to
	// the hosts themselves.
	Name *TracedName `json:"name,omitempty"`
	// Request is nil if nothing was sent.
	Request *TracedPacket `json:"request,omitempty"`
	// Answer is the reply to the request or the error about it; nil if none
	// was sent.
	Answer *TracedPacket `json:"answer,omitempty"`
	// Unanswered says why none was sent where one might be.
	Unanswered string `json:"unanswered,omitempty"`
}

// TracedName is the answer of a resolver.
type TracedName struct {
	View string `json:"view,omitempty"` // "" where the address was listed
	// Address is "" if there is no such name, or nobody who answers for it.
	Address string `json:"address,omitempty"`
	// Owner is who has the address there: a relay, the root, or "" for nobody
	// of ours.
	Owner string `json:"owner,omitempty"`
	// Translator has an address that has no owner for its own. Unreached is the
	// relay or root that has it, though no way leads there.
	Translator string `json:"translator,omitempty"`
	Unreached  string `json:"unreached,omitempty"`
}

// TracedPacket is the way of one packet.
type TracedPacket struct {
	Packet string      `json:"packet"`
	Back   bool        `json:"back,omitempty"` // it answers another
	Code   int         `json:"code,omitempty"` // of an ICMP error
	From   string      `json:"from"`
	To     string      `json:"to"`
	TTL    int         `json:"ttl"`
	Hops   []TracedHop `json:"hops"`
	// End is the name of a topology.End.
	End string `json:"end"`
	// Where it ended, if not at the host that it was for: a router, box, leg,
	// network, stranger or host.
	Where string `json:"where,omitempty"`
	// Tunnel is the leg whose outer packet ended, and the packet with it.
	Tunnel string `json:"tunnel,omitempty"`
	// Box ended it, by one of the Decided constants; Rule is the rule's name,
	// and Source the "file:line" of the rule, of the default or of the kinds
	// that the box drops.
	Box     string `json:"box,omitempty"`
	Decided string `json:"decided_by,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Source  string `json:"source,omitempty"`
	// Cause is the event of the scenario that brought the end about.
	Cause string `json:"cause,omitempty"`
	// By is who answers to a packet that was delivered, if not the host.
	By string `json:"by,omitempty"`
	// Refused: it was delivered, but the host does not take the connection.
	Refused bool `json:"refused,omitempty"`
	// Took is the time until it ended, Routers the number of routers that
	// decremented its TTL.
	Took    time.Duration `json:"took_ns"`
	Routers int           `json:"routers"`
	// Loss is the chance that it is lost before it ends so.
	Loss float64 `json:"loss"`
	// Limited: a limit or a table of its box counts it somewhere on its way.
	Limited bool `json:"limited,omitempty"`
	// Varies: delay or loss vary on its way; Took is the least.
	Varies bool `json:"varies,omitempty"`
}

// What of a box decides about a packet.
const (
	DecidedByRule    = "rule"
	DecidedByDefault = "default"
	DecidedByDrops   = "drops" // the kinds that it does not forward
	DecidedByBox     = "box"   // something else that it does, which the last hop says
)

// Delivered tells whether the packet reached who it was for.
func (p *TracedPacket) Delivered() bool { return p != nil && p.End == "delivered" }

// TracedHop is one element on a packet's way.
type TracedHop struct {
	// Number counts routers and firewalls; it is 0 for links, hosts, and what
	// is met by the outer packet of a tunnel.
	Number int    `json:"number,omitempty"`
	Name   string `json:"name"`
	// TTL as the packet leaves it.
	TTL int `json:"ttl"`
	// After is the time since the packet was sent.
	After time.Duration `json:"after_ns"`
	// Rule decided here, with its Source. Limit is its rate, which is taken as
	// not exceeded.
	Rule   string `json:"rule,omitempty"`
	Source string `json:"source,omitempty"`
	Limit  string `json:"limit,omitempty"`
	// Table is what the box has room for, if it is not without end and keeps an
	// entry for the packet. It is taken as not full.
	Table      string `json:"table,omitempty"`
	Translated string `json:"translated,omitempty"`
	Note       string `json:"note,omitempty"`
	// Tunnel is the leg whose outer packet met the element; TTL is then that
	// of the outer packet.
	Tunnel string `json:"tunnel,omitempty"`
}
