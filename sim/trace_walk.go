package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// SourceKind says what a TraceQuestion's packet comes from.
type SourceKind uint8

// Kinds of source.
const (
	FromClient SourceKind = iota // Client of Group
	FromPlace                    // any client at Place, the nearest access variant
	FromRelay                    // Relay, or the root
)

// TraceQuestion asks for the way of a request and of what comes back.
type TraceQuestion struct {
	// Policies index the plan's.
	Policies []int
	From     SourceKind
	// Group and Client, Place, or Relay, as From says.
	Group, Client int
	Place         topology.NetworkID
	Relay         selection.RelayID
	To            selection.RelayID
	// Kind of the request: TCP, UDP, EchoRequest or VPN.
	Kind topology.Kind
	TTL  uint8
	// At is when it is sent; nil means at the start, by a client at home.
	At *vtime.Instant
}

// ErrToItself reports a trace from a relay to itself.
var ErrToItself = errors.New("a host reaches itself without a network")

// TracePacket sends a request under each policy, in the world as the events
// have it at that instant, and follows it and what comes back. Nothing is lost
// by chance, no limit is exceeded, and no box remembers an earlier flow.
func TracePacket(p *Plan, q *TraceQuestion) (*PacketTrace, error) {
	if q.From == FromRelay && q.Relay == q.To {
		return nil, ErrToItself
	}
	to := &p.Relays[q.To]
	out := &PacketTrace{
		Scenario: p.Name, ModelVersion: ModelVersion, Seed: p.Seed, StartOfWeek: p.StartOfWeek, At: q.at(),
		To: TraceTarget{to.Name, p.Networks[to.Network].Name}, Packet: q.Kind.String(), TTL: int(q.TTL),
	}
	for _, policy := range q.Policies {
		t := newTracer(p, q, policy)
		out.From = t.from
		out.add(t.exchange(), TracedPolicy{t.pol.Name, t.pol.Text})
	}
	return out, nil
}

func (q *TraceQuestion) at() vtime.Instant {
	if q.At == nil {
		return 0
	}
	return *q.At
}

// add adds an exchange under a policy, or the policy to an equal exchange.
func (t *PacketTrace) add(x TracedExchange, policy TracedPolicy) {
	for i := range t.Exchanges {
		e := &t.Exchanges[i]
		x.Policies = e.Policies
		if reflect.DeepEqual(x, *e) {
			e.Policies = append(e.Policies, policy)
			return
		}
	}
	x.Policies = []TracedPolicy{policy}
	t.Exchanges = append(t.Exchanges, x)
}

// tracer follows packets under one policy.
type tracer struct {
	plan *Plan
	q    *TraceQuestion
	pol  *PolicyPlan
	net  *topology.Network
	// world is a cell without a client that does anything, at the instant of
	// the question.
	world *cell
	at    vtime.Instant
	from  TraceSource
	// src is the sender; key is that of its packets and, of a client, the
	// client's.
	src topology.Endpoint
	key rng.Key
}

func newTracer(p *Plan, q *TraceQuestion, policy int) *tracer {
	t := &tracer{plan: p, q: q, pol: &p.Policies[policy], net: p.Policies[policy].Network, at: q.at()}
	t.world = p.worldAt(policy, t.at)
	switch q.From {
	case FromClient:
		t.client()
	case FromPlace:
		t.key = rng.Seed(p.Seed)
		t.attach(p.Networks[q.Place].Name, "place", topology.Attachment{Network: q.Place})
	case FromRelay:
		r := &p.Relays[q.Relay]
		t.src, t.key = t.net.Host(topology.HostID(q.Relay)), rng.Key(rng.Hash(r.ID))
		t.from = TraceSource{Name: r.Name, Kind: roleName(r), Place: p.Networks[r.Network].Name}
	}
	return t
}

func roleName(r *RelayPlan) string {
	if r.Root {
		return "root"
	}
	return "relay"
}

// worldAt is a cell without clients in which the plan's events have happened
// up to an instant.
func (p *Plan) worldAt(policy int, at vtime.Instant) *cell {
	empty := *p
	empty.Groups, empty.Events = nil, nil
	for _, e := range p.Events {
		if !e.Kind.ofClients() {
			empty.Events = append(empty.Events, e)
		}
	}
	c := newCell(&empty, policy, 0, LevelPacket, false)
	for c.changeAt <= at {
		c.now = c.changeAt
		c.changeWorld()
	}
	c.now = at
	return c
}

// client finds where the client is: with its own key, as in the first
// replication.
func (t *tracer) client() {
	g := &t.plan.Groups[t.q.Group]
	t.key = clientKey(g.key(t.plan.replicationKey(0)), g.First+t.q.Client)
	at, offline := g.Home, false
	if t.q.At != nil && !g.Life.Always {
		s, ok := g.nextSession(t.key, t.at, t.plan.StartOfWeek, vtime.Instant(t.plan.Duration))
		offline = !ok || s.on > t.at
		if !offline {
			at = s.at
		}
	}
	name := fmt.Sprintf("%s/%d", g.ID, t.q.Client)
	t.attach(name, "client", topology.Attachment{Network: at, Access: t.world.access(t.key, at), Guard: g.Guard})
	t.from.Offline = offline
}

// attach makes a client the sender.
func (t *tracer) attach(name, kind string, a topology.Attachment) {
	t.src = t.net.Client(a, uint64(t.key))
	t.from = TraceSource{Name: name, Kind: kind, Place: t.plan.Networks[a.Network].Name}
	if s := t.pol.Spec; s != nil && len(s.Networks[a.Network].Access) > 0 {
		access := s.Networks[a.Network].Access
		t.from.Access, t.from.AccessMin, t.from.AccessMax = access[a.Access], slices.Min(access), slices.Max(access)
	}
}

// exchange sends the request and follows what comes of it.
func (t *tracer) exchange() TracedExchange {
	p, ok := t.request()
	x := TracedExchange{Outcome: TraceNothing, Name: t.resolved(p, ok)}
	if !ok {
		x.Outcome, x.Unanswered = TraceUnsent, t.happened(x.Name.View)
		return x
	}
	request := t.world.state.Rehearse(p, t.at)
	x.Request = t.told(&p, &request, t.at)
	t.arrived(&p, &request, x.Request)
	if x.Request.Refused {
		x.Outcome = TraceRefused
	}
	answer, ok := t.answer(&x, p, &request)
	if !ok {
		return x
	}
	back := t.world.state.Rehearse(answer, request.At)
	x.Answer = t.told(&answer, &back, request.At)
	if x.Request.Where != "" && answer.Kind != topology.Reset {
		x.Answer.From = x.Request.Where
	}
	switch {
	case back.End != topology.Delivered:
		x.Outcome = TraceNothing
	case !x.Request.Refused:
		x.Outcome = outcomeOf(&answer)
	}
	return x
}

// outcomeOf is what an answer that arrives means.
func outcomeOf(answer *topology.Packet) string {
	switch answer.Kind {
	case topology.TimeExceeded:
		return TraceExpired
	case topology.Unreachable, topology.Reset:
		return TraceRefused
	}
	return TraceAnswered
}

// request makes the request; it is not ok if the name of its target does not
// resolve.
func (t *tracer) request() (topology.Packet, bool) {
	p, ok := t.world.state.Request(t.src.At, t.src.Source, topology.HostID(t.q.To), t.q.Kind, t.q.TTL, t.key.Child(rng.Try, 0))
	if ok && t.src.Role != topology.Client { // a relay resolves names where it stands
		from := t.src
		from.Port = p.Src.Port
		p.Src = from
	}
	return p, ok
}

// resolved says what the name of the target resolved to where the sender is.
func (t *tracer) resolved(p topology.Packet, ok bool) *TracedName {
	n := &TracedName{}
	if s := t.pol.Spec; s != nil {
		listed := s.Hosts[t.q.To].ListedAs.IsValid()
		if place := &s.Networks[t.src.At.Network]; place.HasView && !listed {
			n.View = s.Views[place.View].Name
		}
	}
	if !ok {
		return n
	}
	if a := t.net.Addr(p.Dst.Addr); a.IsValid() {
		n.Address = a.String()
	}
	if p.Dst.Host != topology.AnyHost {
		n.Owner = t.net.HostName(p.Dst.Host)
	} else if a := t.net.Addr(p.Dst.Addr); a.IsValid() {
		n.Translator, n.Unreached = t.elsewhere(a)
	}
	if n.Address == "" && n.View == "" && n.Owner == t.plan.Relays[t.q.To].Name {
		return nil
	}
	return n
}

// elsewhere says whose an address is that none of ours has where the sender is:
// a translator's own, or that of a host to which no way leads. It is neither's
// where somebody else's host has it.
func (t *tracer) elsewhere(a netip.Addr) (translator, host string) {
	s := t.pol.Spec
	if s == nil {
		return "", ""
	}
	places := []topology.NetworkID{t.src.At.Network}
	if tunneled := s.Networks[t.src.At.Network].Tunneled; tunneled != nil {
		places = append(places, tunneled.Underlay)
	}
	for _, n := range places {
		if slices.ContainsFunc(s.Networks[n].Strangers, func(o topology.StrangerSpec) bool { return o.Prefix.Contains(a) }) {
			return "", ""
		}
	}
	for i := range s.Boxes {
		if nat := s.Boxes[i].NAT; nat != nil && (slices.Contains(nat.Pool, a) ||
			slices.ContainsFunc(nat.Static, func(o topology.StaticNAT) bool { return o.Public == a }) ||
			slices.ContainsFunc(nat.Forwards, func(o topology.PortForward) bool { return o.Public == a })) {
			return s.Boxes[i].Name, ""
		}
	}
	for i := range s.Hosts {
		if slices.Contains(s.Hosts[i].Addrs, a) {
			return "", t.net.HostName(topology.HostID(i))
		}
	}
	return "", ""
}

// arrived says who has a request that was delivered, if not who was asked for,
// and whether the service there is down.
func (t *tracer) arrived(p *topology.Packet, r *topology.Rehearsal, out *TracedPacket) {
	if r.End != topology.Delivered {
		return
	}
	if r.By != topology.TheHost {
		out.By, out.Where = r.By.String(), t.where(r)
	}
	if r.By == topology.AStranger || r.By == topology.Middlebox || p.Kind != topology.TCP || p.Dst.Host == topology.AnyHost {
		return
	}
	if host := p.Dst.Host; t.world.relays[host].mode == relayServiceDown {
		out.Refused, out.Cause = true, t.happened(t.net.HostName(host))
	}
}

// answer makes the packet that comes back: a reply of the host, or an error
// of the router or box where the request ended.
func (t *tracer) answer(x *TracedExchange, p topology.Packet, r *topology.Rehearsal) (topology.Packet, bool) {
	key := replyKey(p.Key)
	if r.End == topology.Delivered {
		return t.net.Reply(p, p.Kind.Answer(), topology.DefaultTTL, key), true
	}
	e, ok := t.world.state.ErrorAbout(p, r.Result, r.At, errorKey(p.Key))
	if !ok {
		x.Unanswered = t.mute(&p, r)
	}
	return e, ok
}

// mute says why there is no error about a packet that expired or was
// rejected; "" where none is called for.
func (t *tracer) mute(p *topology.Packet, r *topology.Rehearsal) string {
	if r.End != topology.Expired && r.End != topology.Refused {
		return ""
	}
	where := t.where(r)
	kind := topology.TimeExceeded
	if r.End == topology.Refused {
		kind = topology.Unreachable
	}
	b := t.box(r.Box)
	if b == nil {
		b = t.boxOfRouter(where)
	}
	switch {
	case p.Kind.IsError():
		return "no error is sent about an error"
	case r.Way[len(r.Way)-1].Tunnel != "":
		return "what is said of the outer packet goes to the gateway of the tunnel"
	case b == nil:
		return fmt.Sprintf("%s sends no %s", where, kind)
	case b.EatsExpiring && kind == topology.TimeExceeded:
		return fmt.Sprintf("%s sends no %s: it drops what expires without a word (%s)", where, kind, b.Source)
	case b.Silent:
		return fmt.Sprintf("%s sends no %s: %s is silent (%s)", where, kind, b.Name, b.Source)
	case slices.Contains(b.Drops, kind):
		return fmt.Sprintf("%s sends no %s: %s drops them (%s)", where, kind, b.Name, b.DropsSource)
	}
	return fmt.Sprintf("%s sends no %s (%s)", where, kind, b.Source)
}
