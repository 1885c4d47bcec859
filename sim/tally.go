package sim

import (
	"github.com/relaysim/relaysim/selection"
)

// Slot numbers a (label, network) pair: the finest breakdown of client
// measures. A client's slot changes when it moves.
func (p *Plan) Slot(label, network int) int { return label*len(p.Networks) + network }

// Slots is the number of slots.
func (p *Plan) Slots() int { return len(p.Labels) * len(p.Networks) }

// Tally is what one cell (policy × replication) observed, in integers that
// add up over cells, shards and levels. Times are microseconds unless said
// otherwise.
type Tally struct {
	Policy, Replication int

	Slots  []SlotTally  // by Plan.Slot
	Relays []RelayTally // by relay handle
	// Online and Never count, by label, the clients that were online at all
	// and those of them that never registered.
	Online, Never []uint64
	// Pairs has one entry for each of Plan.Pairs whose first policy is this
	// cell's.
	Pairs []PairTally
	// Clients, Selections and Events describe the run itself.
	Clients, Selections, Events uint64
	// ByLevel counts the selections by the level that carried them. Like Events
	// it depends on how a run was made.
	ByLevel [NumLevels]uint64
	// Heard counts the echo replies in time that came as packets, further ones
	// of the same relay to the same round aside unless it got several probes. It
	// too depends on how a run was made: where all packets are walked, it is
	// what the sum of SlotTally.EchoReplies expects.
	Heard uint64
}

// SlotTally observes the clients of one label while they are in one network.
// A session and a selection count in the slot where they took place, a loss
// with its re-home time where the parent was lost.
type SlotTally struct {
	// Sessions are online sessions: a power-on, or an arrival on a network.
	// FoundBy counts those registered within each of Plan.FoundBounds;
	// FoundTime has the times of all that registered. A session that ends
	// before it is registered is one that was not found. Sessions still
	// unregistered when the run ends less than a bound after their beginning
	// count as not found all the same.
	Sessions  uint64
	FoundBy   []uint64
	FoundTime Hist
	// Online and Without integrate client time after the warm-up.
	Online, Without uint64
	// TimeOn integrates registered and connected client time by relay, and
	// TimeBy by how the parent was found, after the warm-up.
	TimeOn RelayTimes
	TimeBy [selection.NumBy]uint64
	// OnlineAll is Online without the warm-up cut, for rates per client-day.
	OnlineAll uint64

	// Selections by how they ended; ByNone counts those that gave up. Kept
	// counts timed re-selections that kept a working parent.
	Selections    [selection.NumBy]uint64
	Kept          uint64
	SelectionTime Hist
	Rounds        Hist // count of rounds per selection, unit 1
	Probes        uint64
	// EchoReplies is the expected number of relays that answer a round in
	// time, summed over the rounds that were asked, in millionths: see
	// expectReplies.
	EchoReplies uint64
	// Outdated counts selections, kept ones included, that went by a relay
	// list other than the one that the root would publish at their end.
	Outdated uint64
	// ListAge has the ages of the lists that selections went by, at their
	// start, where the list was published in the run.
	ListAge Hist
	// Distance has the upper end of the range in hops of selections won by
	// probe, unit 1. DistanceKnown counts selections that know a distance.
	Distance      Hist
	DistanceKnown uint64
	RegFailures   [selection.NumOutcomes]uint64

	// Rehomes counts changes of parent because the relay or the way to it
	// failed, by how the new parent was found.
	Rehomes             [selection.NumBy]uint64
	Roams, Moves, Flaps uint64
	// Losses of a parent or of the way to it, met while online. RehomeTime has
	// those that a registration by selection made good, with the lost parent or
	// another. The others ended when contact worked again (Restored), when the
	// client went offline (Cut), or not before the run did (Open).
	Losses, LossesRestored, LossesCut, LossesOpen uint64
	RehomeTime                                    Hist
	// Parts of RehomeTime, summed over re-homes.
	Detection, Resist, Probing, Registration, RetryWait uint64
}

// RelayTally observes one relay.
type RelayTally struct {
	// Load integrates clients × time after the warm-up.
	Load uint64
	// Peak is the largest load of the whole run.
	Peak uint32
	// Samples has the load every SampleEvery from the start, the first at 0.
	Samples []uint32
	// Console is the number of clients whose last registration was here when
	// the run ended, connected or not.
	Console uint32
	// Registrations counts successful ones, periodic ones included.
	Registrations uint64
}

// PairTally compares the selections of two policies of one replication.
type PairTally struct {
	Pair int // index into Plan.Pairs
	// Slots by Plan.Slot.
	Slots []PairSlot
}

// PairSlot counts selections of clients of one slot.
type PairSlot struct {
	// Matched started at the same instant under both policies, Changed of
	// them ended with another parent. Unmatched have no counterpart.
	Matched, Changed, Unmatched uint64
}

// add adds what another cell of the same policy and replication observed of
// other clients.
func (t *Tally) add(o *Tally) {
	for i := range t.Slots {
		t.Slots[i].Add(&o.Slots[i])
	}
	for i := range t.Relays {
		t.Relays[i].Registrations += o.Relays[i].Registrations
	}
	t.Selections += o.Selections
	t.Events += o.Events
	t.Heard += o.Heard
	for i, n := range o.ByLevel {
		t.ByLevel[i] += n
	}
}

// Add adds the counts of o, which has as many bounds and relays.
func (s *SlotTally) Add(o *SlotTally) {
	for _, v := range [...]struct{ to, from *uint64 }{
		{&s.Sessions, &o.Sessions},
		{&s.Online, &o.Online},
		{&s.Without, &o.Without},
		{&s.OnlineAll, &o.OnlineAll},
		{&s.Kept, &o.Kept},
		{&s.Probes, &o.Probes},
		{&s.EchoReplies, &o.EchoReplies},
		{&s.Outdated, &o.Outdated},
		{&s.DistanceKnown, &o.DistanceKnown},
		{&s.Roams, &o.Roams},
		{&s.Moves, &o.Moves},
		{&s.Flaps, &o.Flaps},
		{&s.Losses, &o.Losses},
		{&s.LossesRestored, &o.LossesRestored},
		{&s.LossesCut, &o.LossesCut},
		{&s.LossesOpen, &o.LossesOpen},
		{&s.Detection, &o.Detection},
		{&s.Resist, &o.Resist},
		{&s.Probing, &o.Probing},
		{&s.Registration, &o.Registration},
		{&s.RetryWait, &o.RetryWait},
	} {
		*v.to += *v.from
	}
	for _, v := range [...]struct{ to, from []uint64 }{
		{s.FoundBy, o.FoundBy},
		{s.TimeBy[:], o.TimeBy[:]},
		{s.Selections[:], o.Selections[:]},
		{s.RegFailures[:], o.RegFailures[:]},
		{s.Rehomes[:], o.Rehomes[:]},
	} {
		for i, n := range v.from {
			v.to[i] += n
		}
	}
	s.TimeOn.merge(o.TimeOn)
	for _, v := range [...]struct{ to, from *Hist }{
		{&s.FoundTime, &o.FoundTime},
		{&s.SelectionTime, &o.SelectionTime},
		{&s.Rounds, &o.Rounds},
		{&s.ListAge, &o.ListAge},
		{&s.Distance, &o.Distance},
		{&s.RehomeTime, &o.RehomeTime},
	} {
		v.to.Merge(v.from)
	}
}
