package results

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/vtime"
)

// A file of decisions is, in little-endian (docs/decisions.md has the table):
// the magic, the version of the format, the length of the head, the head as
// JSON, records of one size, and an end of that size.
const (
	decisionsMagic = "relaydec"
	// DecisionsFormat is the version of the format. It is raised when a reader
	// of the one before would misread the file.
	DecisionsFormat = 1
	// DecisionBytes is the size of a record.
	DecisionBytes = 48
	prefixBytes   = 16
	// noClient stands in the end where a record has its client, noParent where
	// it has the relay of a selection that found none.
	noClient = 1<<32 - 1
	noParent = 1<<32 - 1
)

// castagnoli is the polynomial that processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// DecisionsHead says what the numbers in a file of decisions mean: each is an
// index in one of its lists.
type DecisionsHead struct {
	Scenario     string `json:"scenario"`
	ScenarioHash string `json:"scenario_hash"`
	ModelVersion int    `json:"model_version"`
	Seed         uint64 `json:"seed"`
	Replications int    `json:"replications"`
	// Duration is the simulated span, StartOfWeek the local time at its
	// beginning, since Monday 00:00; both in ns.
	Duration    time.Duration    `json:"duration_ns"`
	StartOfWeek time.Duration    `json:"start_of_week_ns"`
	RecordBytes int              `json:"record_bytes"`
	Policies    []string         `json:"policies"`
	Places      []string         `json:"places"`
	Relays      []string         `json:"relays"`
	Groups      []DecisionsGroup `json:"groups"`
	Kinds       []string         `json:"kinds"`
	Triggers    []string         `json:"triggers"`
	By          []string         `json:"by"`
}

// DecisionsGroup is a group of clients: numbers First to First+Count-1.
type DecisionsGroup struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	First int    `json:"first_client"`
	Count int    `json:"clients"`
}

// newDecisionsHead describes a plan.
func newDecisionsHead(p *sim.Plan) *DecisionsHead {
	h := &DecisionsHead{
		Scenario: p.Name, ScenarioHash: p.Hash, ModelVersion: sim.ModelVersion, Seed: p.Seed,
		Replications: p.Replications, Duration: p.Duration, StartOfWeek: p.StartOfWeek, RecordBytes: DecisionBytes,
	}
	for i := range p.Policies {
		h.Policies = append(h.Policies, p.Policies[i].Name)
	}
	for i := range p.Networks {
		h.Places = append(h.Places, p.Networks[i].Name)
	}
	for i := range p.Relays {
		h.Relays = append(h.Relays, p.Relays[i].Name)
	}
	first := 0
	for i := range p.Groups {
		g := &p.Groups[i]
		h.Groups = append(h.Groups, DecisionsGroup{ID: g.ID, Label: p.Labels[g.Label], First: first, Count: g.Count})
		first += g.Count
	}
	for k := range selection.Kept + 1 {
		h.Kinds = append(h.Kinds, k.String())
	}
	for t := range selection.NumTriggers {
		h.Triggers = append(h.Triggers, t.String())
	}
	for b := range selection.NumBy {
		h.By = append(h.By, b.String())
	}
	return h
}

// clients is the number of clients, 0 if the groups do not follow one another.
func (h *DecisionsHead) clients() int64 {
	n := int64(0)
	for _, g := range h.Groups {
		if int64(g.First) != n || g.Count < 0 || int64(g.Count) > noClient-n {
			return 0
		}
		n += int64(g.Count)
	}
	return n
}

// bytes is what stands before the records: they begin at a multiple of 16.
func (h *DecisionsHead) bytes() ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	for text = append(text, '\n'); len(text)%prefixBytes != 0; {
		text = append(text, '\n')
	}
	if len(h.Policies) > 1<<16 || len(h.Places) > 1<<16 {
		return nil, fmt.Errorf("%d policies and %d places are more than the %d that a record can tell apart", len(h.Policies), len(h.Places), 1<<16)
	}
	b := append(make([]byte, 0, prefixBytes+len(text)), decisionsMagic...)
	b = binary.LittleEndian.AppendUint32(b, DecisionsFormat)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...), nil
}

// appendRecord appends a selection of a cell as a record.
func appendRecord(b []byte, policy, replication, places int, d *sim.Decision) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, d.Client)
	b = le.AppendUint32(b, uint32(replication+1))
	b = le.AppendUint64(b, uint64(d.Started))
	b = le.AppendUint64(b, uint64(d.Ended))
	b = le.AppendUint32(b, d.Rounds)
	b = le.AppendUint32(b, d.Probes)
	parent := uint32(noParent)
	if d.Target != selection.NoRelay {
		parent = uint32(d.Target)
	}
	b = le.AppendUint32(b, parent)
	b = le.AppendUint16(b, uint16(policy))
	b = le.AppendUint16(b, uint16(int(d.Slot)%places)) // see sim.Plan.Slot
	b = le.AppendUint16(b, uint16(d.DistanceMax))
	b = le.AppendUint16(b, d.Size)
	return append(b, byte(d.Kind), byte(d.Trigger), byte(d.By), 0)
}

// appendEnd appends the end after so many records whose bytes, with all before
// them, have the checksum.
func appendEnd(b []byte, records uint64, sum uint32) []byte {
	b = binary.LittleEndian.AppendUint32(b, noClient)
	b = binary.LittleEndian.AppendUint32(b, sum)
	b = binary.LittleEndian.AppendUint64(b, records)
	return append(b, make([]byte, DecisionBytes-16)...)
}

// Decision is one selection of one client as a file of decisions has it.
type Decision struct {
	// Policy, Place, Group and Parent are indices in the head's lists; Place is
	// where the client was when the selection ended. Parent is -1 for none.
	Policy, Place, Group, Parent int
	// Replication counts from 1. Number is the client's in its group, from 0.
	Replication, Number int
	Started, Ended      vtime.Instant
	// Kind, Trigger and By are the head's words for how it ended, what started
	// it, and how the parent was come by.
	Kind, Trigger, By string
	// DistanceMax is how many hops off the parent is at most, as far as the
	// client knows; -1: it does not.
	DistanceMax int
	// Candidates is how many relays were in the competition that the parent
	// won; 0: there was none.
	Candidates     int
	Rounds, Probes uint32
}
