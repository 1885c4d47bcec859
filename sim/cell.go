package sim

import (
	"context"
	"fmt"
	"slices"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// scene is what the clients of a cell share: the relays, their lists, the
// clients' courses. It changes only where the world does, never while clients
// are worked on side by side.
type scene struct {
	plan *Plan
	pol  *PolicyPlan
	net  *topology.Network
	// weather keys what befalls links by themselves. balanced: ways are chosen
	// by flow or packet, so that a fate belongs to a packet.
	weather  rng.Key
	balanced bool
	relays   []relay
	groups   []group
	// profiles are the groups' settings, each once.
	profiles []profile
	stages   int // of all courses made so far
	library  library
	// attachBase numbers attachments: network n, variant v is attachBase[n]+v.
	attachBase  []int
	accesses    []access // by network
	attachments int
}

// cell is one policy in one replication, or the part of it that one worker
// carries on: the only mutable state of a run.
type cell struct {
	*scene
	end  vtime.Instant
	warm vtime.Instant

	q   queue
	now vtime.Instant

	state   *topology.State
	clients []client
	loads   loads
	// change is the index of the next event of the plan, changeAt its time.
	change   int
	changeAt vtime.Instant
	// capped: a relay has a cap on its children. arrivals are the clients
	// whose registrations complete at this instant and are not decided yet.
	capped                  bool
	arrivals, spareArrivals []int

	outlooks  []outlookRow // by stage and attachment
	recent    *madeCourse  // that courseInForce returned last
	lastMade  *madeCourse  // that courseWas returned last, for lastGroup
	lastGroup uint32
	answering answers // scratch of answersTo
	expresses foundExpresses
	turn      turn        // of the batch that is worked on
	berthed   berth       // the client of it whose turn it is
	rider     rider       // the client that goes by express
	due       *places     // scratch of sweepBatch
	late      []latecomer // likewise

	// At packet level. halts is where packets wait for their turn, 0 for
	// nowhere.
	flights flights
	volleys
	halts    topology.Halts
	transits transits
	hops     bool // at hop level

	actions []selection.Action // scratch of pump
	replies []selection.Reply  // scratch of round

	// sweep has the clients that rest; nil where none may. The rest is a
	// worker's: solo is the client that has its turn, scratch is lent to its
	// Selector, handedOver are those who could not be laid down.
	sweep      *sweep
	solo       *solo
	scratch    selection.Scratch
	handedOver []handed

	progress func(fraction float64) // nil: nobody asks
	tally    *Tally
	trace    *Trace // nil: no trace is kept
	watch    *watch // nil: nobody watches
}

// group is what the clients of one GroupPlan share.
type group struct {
	plan    *GroupPlan
	clients rng.Stream // their keys
	first   int        // number of its first client
	// plain: its clients show relays nothing but a certificate.
	plain   bool
	profile int // index in scene.profiles
	// packets: nothing is completed ahead. restless: its clients never rest.
	packets, restless bool
	// seek is the seek list that an event gave it; nil: that of the policy.
	// was is the one before the present instant's events.
	seek, was *string
}

// relay is a relay server or the root.
type relay struct {
	key  uint64 // hash of the stable id
	mode relayMode
	// fault is the outage that it suffers, absent that it does not exist (yet,
	// or any more); mode is what they come to.
	fault  relayMode
	absent bool
	gate   selection.Gate
	// takes is whether it takes clients without and with a certificate that show
	// nothing else.
	takes [2]bool
	// children are the clients that last registered here.
	children uint32
}

type relayMode uint8

const (
	relayUp          relayMode = iota
	relayServiceDown           // the host answers echo and refuses TCP
	relayHostDown              // nothing answers
)

// suffer sets the relay's outage, relayUp for none. That a host is down takes
// effect in the network: see cell.place.
func (r *relay) suffer(fault relayMode) {
	r.fault = fault
	r.exist(!r.absent)
}

// exist says whether there is such a relay. Where there is none, nothing
// answers.
func (r *relay) exist(there bool) {
	r.absent, r.mode = !there, r.fault
	if r.absent {
		r.mode = relayHostDown
	}
}

// newCell prepares a cell for one worker.
func newCell(p *Plan, policy, replication int, level Level, traced bool) *cell {
	return newCellFor(1, p, policy, replication, level, traced)
}

// newCellFor prepares a cell; its clients are offline and their first sessions
// queued, or they rest until their first turn.
func newCellFor(workers int, p *Plan, policy, replication int, level Level, traced bool) *cell {
	pol := &p.Policies[policy]
	c := &cell{
		scene: &scene{plan: p, pol: pol, weather: p.replicationKey(replication)},
		end:   vtime.Instant(p.Duration), warm: vtime.Instant(p.WarmUp),
		tally: newTally(p, policy, replication),
	}
	c.loads = newLoads(c.tally.Relays, c.end)
	if traced {
		c.trace = &Trace{}
	}
	c.relays = make([]relay, len(p.Relays))
	for i := range c.relays {
		r, id := &c.relays[i], selection.RelayID(i)
		r.key = rng.Hash(p.Relays[i].ID)
		r.setGate(p.Relays[i].Gate)
		r.exist(!p.absentAtFirst(id))
	}
	c.capped, c.hops = len(p.capped()) > 0, level == LevelHop
	c.enter(pol.Network)
	for i := range p.Networks {
		c.attachBase = append(c.attachBase, c.attachments)
		c.accesses = append(c.accesses, p.accessTo(topology.NetworkID(i), c.net))
		c.attachments += c.accesses[i].variants
	}
	c.library = newLibrary(p, &pol.World)
	n, demands := 0, p.demands(policy)
	for i := range p.Groups {
		g, key := &p.Groups[i], p.Groups[i].key(c.weather)
		c.groups = append(c.groups, group{plan: g, clients: key.Stream(rng.Client), first: n, plain: g.Version == 0 && (pol.Passwords == nil || pol.Passwords[i] == ""), profile: c.profileOf(pol.Settings[i], g.Guard), packets: level >= LevelPacket || demands[i] == demandPackets})
		n += g.Count
	}
	c.tally.Clients = uint64(n)
	c.nextChange(0)
	if level == LevelClass && slices.Contains(demands, demandNone) {
		c.newSweep(workers, demands, traced)
		return c
	}
	c.clients = make([]client, n)
	for i := range c.groups {
		g := &c.groups[i]
		for j := range g.plan.Count {
			c.begin(&c.clients[g.first+j], g.clientKey(g.first+j), uint32(i))
			c.scheduleSession(g.first+j, 0)
		}
	}
	return c
}

// groupOf is the group of a client, found by going on from that of an earlier
// one.
func (s *scene) groupOf(i int, from uint32) uint32 {
	for int(from)+1 < len(s.groups) && s.groups[from+1].first <= i {
		from++
	}
	return from
}

// replicationKey is the key from which all chance of a replication is drawn.
func (p *Plan) replicationKey(replication int) rng.Key {
	return rng.Seed(p.Seed).Child(rng.Replication, uint64(replication))
}

// key is the key of a group in a replication.
func (g *GroupPlan) key(replication rng.Key) rng.Key {
	return replication.Child(rng.Group, rng.Hash(g.ID))
}

// clientKey is the key of the n-th client of a group.
func clientKey(group rng.Key, n int) rng.Key { return group.Child(rng.Client, uint64(n)) }

// clientKey is the key of the client of a number.
func (g *group) clientKey(i int) rng.Key {
	return rng.Key(g.clients.Draw(uint64(g.plan.First + i - g.first)))
}

// list is the clients' copy of Relays.dat when the run begins under a policy:
// every relay and the root (spec 2.7, 2.8), but for those not listed yet.
func (p *Plan) list(policy int) *selection.List {
	return newLibrary(p, &p.Policies[policy].World).editions[0].list
}

// listOf is a version of Relays.dat with the given relays. Its directory has
// every host at any time: names resolve before a relay is there and after.
func (p *Plan) listOf(w *WorldParams, members []bool, version uint32) *selection.List {
	l := &selection.List{
		Version: version, Hosts: map[string]selection.RelayID{}, Keys: map[selection.RelayID]uint64{},
		Root: selection.NoRelay, Fallback: selection.NoRelay,
	}
	for i := range p.Relays {
		r := &p.Relays[i]
		id := selection.RelayID(i)
		addHost(l, r.Name, id)
		addHost(l, r.Address, id)
		l.Keys[id] = rng.Hash(r.ID)
		if r.Root {
			l.Root = id
		}
		if r.Fallback {
			l.Fallback = id
		}
		if members[i] {
			l.Entries = append(l.Entries, selection.Entry{
				Relay: id, Key: rng.Hash(r.ID), Name: r.Name, Priority: r.Priority,
				Weight: w.WeightOf(r), Affiliations: r.Advertise, NoAutoSelect: r.NoAutoSelect,
			})
		}
	}
	return l
}

// addHost enters a host name or address into the list's directory.
func addHost(l *selection.List, name string, id selection.RelayID) {
	if host, ok := selection.ParseHost(name); ok {
		l.Hosts[host] = id
	}
}

// run works through the events until the end of the plan. It reports an error
// if the packets walked do not add up.
func (c *cell) run(ctx context.Context) error {
	if c.sweep != nil {
		return c.runWindows(ctx)
	}
	if err := c.runUntil(ctx, c.end); err != nil {
		return err
	}
	c.now = c.end
	c.settle()
	c.finish()
	c.tell(0, c.end)
	return c.state.Balanced()
}

// tell tells of the progress from one instant to another.
func (c *cell) tell(from, to vtime.Instant) {
	if c.progress != nil {
		c.progress(float64(to-from) / float64(c.end))
	}
}

// runUntil works through the events before an instant.
func (c *cell) runUntil(ctx context.Context, until vtime.Instant) error {
	for n := 0; ; n++ {
		if n%8192 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, ok := c.q.next()
		if !ok || e.at >= until {
			return nil
		}
		c.work(c.pop())
	}
}

// pop takes the next event off the queue. Changes of load that cannot wait for it
// are settled; those of clients who rest wait until their windows end.
func (c *cell) pop() event {
	e := c.q.pop()
	if c.sweep == nil {
		c.loads.settleBefore(e.at, c.now)
	}
	return e
}

// work lets an event happen.
func (c *cell) work(e event) {
	if e.at < c.now {
		panic(fmt.Sprintf("sim: event at %v popped when the clock shows %v", e.at, c.now))
	}
	c.now = e.at
	c.tally.Events++
	c.handle(e)
}

// handle is the table of event kinds.
func (c *cell) handle(e event) {
	i, detail := e.what.client(), e.what.detail()
	if c.asleep(e) {
		return
	}
	switch e.what.kind() {
	case evWorld:
		c.changeWorld()
	case evStale:
		c.stale(selection.RelayID(detail))
	case evPublish:
		c.publishList()
	case evGather:
		c.gather(i)
	case evHop:
		c.hop(i, detail)
	case evAtHost:
		c.each(evAtHost, i, detail, (*cell).atHost)
	case evError:
		c.each(evError, i, detail, (*cell).sendError)
	case evTold:
		c.each(evTold, i, detail, (*cell).told)
	case evAtClient:
		c.atClient(i, detail)
	case evConnect:
		c.connectStep(i, detail)
	case evAdmit:
		c.admitArrivals()
	case evLeave:
		c.leave(i)
	case evAsk:
		c.askNow(i)
	case evDeadline:
		c.deadline(i)
	case evContact:
		c.contact(i)
	case evLife:
		c.live(i)
	}
}

func (c *cell) push(at vtime.Instant, kind uint64, client int, detail uint32) {
	e := event{at: at, what: pack(kind, client, detail)}
	switch {
	case at >= c.end:
	case c.solo != nil:
		c.solo.agenda = append(c.solo.agenda, e)
	default:
		c.q.push(e)
	}
}

// attachment numbers the client's attachment densely.
func (c *cell) attachment(a topology.Attachment) int {
	return c.attachBase[a.Network] + int(a.Access)
}
