package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// cell is one policy in one replication: the only mutable state of a run.
type cell struct {
	plan  *Plan
	pol   *PolicyPlan
	level Level
	end   vtime.Instant
	warm  vtime.Instant

	q   queue
	now vtime.Instant

	net     *topology.Network
	state   *topology.State
	relays  []relay
	clients []client
	groups  []group
	// change is the index of the next event of the plan, changeAt its time.
	change   int
	changeAt vtime.Instant

	// quiet memoises, by stage and attachment, the smallest TTL that can
	// bring a reply; see quietBelow. It is dropped when the world changes.
	quiet [][]int16
	// attachBase numbers attachments: network n, variant v is attachBase[n]+v.
	attachBase []int

	// errors are ICMP errors that have been made and not yet sent back;
	// freeErrors are unused indices.
	errors     []madeError
	freeErrors []uint32

	actions []selection.Action // scratch of pump
	replies []selection.Reply  // scratch of round

	tally *Tally
	trace *Trace // nil: no trace is kept
}

// group is what the clients of one GroupPlan share.
type group struct {
	plan      *GroupPlan
	course    *selection.Course
	quietBase int // first of its stages in cell.quiet
}

// relay is a relay server or the root.
type relay struct {
	key  uint64 // hash of the stable id
	mode relayMode
	load uint32
	// since is when load last changed.
	since vtime.Instant
}

type relayMode uint8

const (
	relayUp          relayMode = iota
	relayServiceDown           // the host answers echo and refuses TCP
	relayHostDown              // nothing answers
)

// SampleEvery is the spacing of RelayTally.Samples.
const SampleEvery = 5 * time.Minute

// newCell prepares a cell; its clients are offline and their first sessions
// queued.
func newCell(p *Plan, policy, replication int, level Level, traced bool) *cell {
	pol := &p.Policies[policy]
	c := &cell{
		plan: p, pol: pol, level: level,
		end: vtime.Instant(p.Duration), warm: vtime.Instant(p.WarmUp),
		net: pol.Network, state: pol.Network.NewState(),
		tally: newTally(p, policy, replication),
	}
	if traced {
		c.trace = &Trace{}
	}
	c.relays = make([]relay, len(p.Relays))
	for i := range c.relays {
		c.relays[i].key = rng.Hash(p.Relays[i].ID)
	}
	n := 0
	for i := range p.Networks {
		c.attachBase = append(c.attachBase, n)
		n += c.net.AccessVariants(topology.NetworkID(i))
	}
	list := p.list()
	key := rng.Seed(p.Seed).Child(rng.Replication, uint64(replication))
	for i := range p.Groups {
		c.addGroup(i, list, key, n)
	}
	c.tally.Clients = uint64(len(c.clients))
	c.nextChange(0)
	return c
}

func (c *cell) addGroup(i int, list *selection.List, key rng.Key, attachments int) {
	g := &c.plan.Groups[i]
	course, _ := selection.Compile(c.pol.Settings[i], &c.pol.Params, list)
	c.groups = append(c.groups, group{plan: g, course: course, quietBase: len(c.quiet)})
	for range course.Stages {
		c.quiet = append(c.quiet, make([]int16, attachments))
	}
	gk := key.Child(rng.Group, rng.Hash(g.ID))
	for j := range g.Count {
		k := gk.Child(rng.Client, uint64(j))
		c.clients = append(c.clients, client{
			sel: selection.New(course, k, 0), key: k, group: uint32(i),
			parent: selection.NoRelay, lastNet: noNetwork,
			lifeAt: vtime.Never, contactAt: vtime.Never, deadlineAt: vtime.Never,
			observed: nothingObserved,
		})
		c.scheduleSession(len(c.clients)-1, 0)
	}
}

// list is the clients' copy of Relays.dat: every relay and the root (spec 2.7, 2.8).
func (p *Plan) list() *selection.List {
	l := &selection.List{
		Version: 1, Hosts: map[string]selection.RelayID{}, Keys: map[selection.RelayID]uint64{},
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
		if !r.Unlisted {
			l.Entries = append(l.Entries, selection.Entry{
				Relay: id, Key: rng.Hash(r.ID), Name: r.Name, Priority: r.Priority,
				Weight: r.Weight, Affiliations: r.Advertise, NoAutoSelect: r.NoAutoSelect,
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

// run works through the events until the end of the plan.
func (c *cell) run(ctx context.Context) error {
	for c.q.len() > 0 {
		if c.tally.Events%8192 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e := c.q.pop()
		if e.at < c.now {
			panic(fmt.Sprintf("sim: event at %v popped when the clock shows %v", e.at, c.now))
		}
		if e.at >= c.end {
			break
		}
		c.now = e.at
		c.tally.Events++
		c.handle(e)
	}
	c.now = c.end
	c.finish()
	return nil
}

// handle is the table of event kinds.
func (c *cell) handle(e event) {
	i, detail := e.what.client(), e.what.detail()
	switch e.what.kind() {
	case evWorld:
		c.changeWorld()
	case evAtHost:
		c.atHost(i, detail)
	case evError:
		c.sendError(i, detail)
	case evAtClient:
		c.atClient(i, detail)
	case evConnect:
		c.connectStep(i, detail)
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
	if at < c.end {
		c.q.push(event{at: at, what: pack(kind, client, detail)})
	}
}

// attachment numbers the client's attachment densely.
func (c *cell) attachment(a topology.Attachment) int {
	return c.attachBase[a.Network] + int(a.Access)
}
