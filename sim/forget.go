package sim

import (
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// forgetOutlooks is for a world that has changed.
func (c *cell) forgetOutlooks() {
	c.settleExpresses()
	for _, row := range c.outlooks {
		clear(row)
	}
}

// forgetHosts forgets the outlooks in which it can matter that relays' hosts have
// come or gone.
func (c *cell) forgetHosts(changed relaySet) {
	if !c.net.OwnNames() {
		c.forgetOutlooks()
		return
	}
	for id := range c.relays {
		if id := selection.RelayID(id); changed.has(id) {
			c.forgetHost(id)
		}
	}
}

func (c *cell) forgetHost(id selection.RelayID) {
	for i := range c.profiles {
		p := &c.profiles[i]
		for k := range p.courses {
			m := &p.courses[k]
			for st := range m.course.Stages {
				if n := m.stageBase + st; m.leads.has(id) && n < len(c.outlooks) && c.outlooks[n] != nil {
					c.forgetIn(c.outlooks[n], p.guard, m.course, st, id)
				}
			}
		}
	}
}

// forgetIn forgets those of a stage's outlooks in which a host can matter to
// which its course may lead: who counts with the rounds that they tell of. A
// probe whose TTL does not reach the host ends alike whether it is there or not.
func (c *cell) forgetIn(row outlookRow, guard topology.GuardID, course *selection.Course, stage int, id selection.RelayID) {
	asks := func(st int) bool {
		return slices.ContainsFunc(course.Stages[st].Candidates, func(cand selection.Candidate) bool { return cand.Relay == id })
	}
	own := asks(stage)
	later := stage + 1 // the next that asks the host
	for ; later < len(course.Stages) && !asks(later); later++ {
	}
	at := topology.Attachment{Guard: guard}
	for n, page := range row {
		if page == nil {
			continue
		}
		for j, o := range page {
			if o == nil {
				continue
			}
			k := n*outlookPageSize + j
			for int(at.Network)+1 < len(c.attachBase) && c.attachBase[at.Network+1] <= k {
				at.Network++
			}
			at.Access = uint16(k - c.attachBase[at.Network])
			if later <= o.last && later < len(course.Stages) || c.concerns(o, at, own, id) {
				o.settleExpresses(c.tally)
				page[j] = nil
			}
		}
	}
}

// concerns tells whether a host may matter in an outlook. own: its stage asks the
// host.
func (c *cell) concerns(o *outlook, at topology.Attachment, own bool, id selection.RelayID) bool {
	if o.failures != [2]*failure{} {
		return true
	}
	if !own {
		return false
	}
	hops := c.state.Fate(at, topology.HostID(id), topology.EchoRequest).FilterHops
	return o.quiet == neverTTL || hops < max(o.quiet, int16(len(o.entrants)), int16(len(o.replies)))
}
