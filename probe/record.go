package probe

import (
	"net/netip"
	"time"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// Record is the account of one selection.
type Record struct {
	Mode Mode
	// Began is the time of day at which it started; Started the instant of the
	// Selector's clock then.
	Began   time.Time
	Started vtime.Instant
	Trigger selection.Trigger
	Course  *selection.Course
	Hosts   []Host
	Entries []Entry
	// Ended is the end of the selection, nil if it was broken off at BrokenOff.
	Ended     *selection.Action
	BrokenOff vtime.Instant
	// Ahead is what the selection would have turned to next when it ended.
	Ahead []selection.Station
	// Next is when the client would select again by itself, or Never.
	Next vtime.Instant
	// Sent counts echo requests, Connections those over TCP, both with Checks.
	Sent, Connections int
	// Checks are of relays that did not answer. Unchecked counts those left out by the cap.
	Checks    []Check
	Unchecked int
}

// Entry is one question of the Selector; one field is set.
type Entry struct {
	Round   *Round
	Attempt *Attempt
}

// Round is one round of probes.
type Round struct {
	Action selection.Action
	// Probes are in the order of the stage's candidates.
	Probes []Probe
	// End is when it was over.
	End vtime.Instant
	// Paced is how long the sending took, which the Selector's clock leaves out.
	Paced time.Duration
}

// Probe is what was asked of one candidate in a round, and what came back.
type Probe struct {
	Relay   selection.RelayID
	Address netip.Addr
	// Struck: it was not asked, since it had refused the client.
	Struck bool
	// Unresolved says why there is no address, SendError why a request could
	// not be sent.
	Unresolved, SendError error
	// Sent is the number of requests that were sent.
	Sent    int
	Answers []Heard
}

// Heard is an answer to a probe.
type Heard struct {
	Kind       selection.ReplyKind
	From       netip.Addr
	Type, Code uint8
	// RTT is the time from the probe's sending.
	RTT time.Duration
	// Late: the round was over.
	Late bool
}

// first returns the first answer of a kind that came in time.
func (p *Probe) first(kind selection.ReplyKind) (Heard, bool) {
	for _, h := range p.Answers {
		if h.Kind == kind && !h.Late {
			return h, true
		}
	}
	return Heard{}, false
}

// Echo returns the echo reply that counted.
func (p *Probe) Echo() (Heard, bool) { return p.first(selection.EchoReply) }

// Error returns the first ICMP error that came in time.
func (p *Probe) Error() (Heard, bool) {
	if h, ok := p.first(selection.TimeExceeded); ok {
		return h, true
	}
	return p.first(selection.Unreachable)
}

// Attempt is one registration attempt.
type Attempt struct {
	Action  selection.Action
	Address netip.AddrPort
	From    vtime.Instant
	To      vtime.Instant
	// Done: it came to its end, which is Outcome, and Detail in words.
	Done    bool
	Outcome selection.Outcome
	Detail  string
	// Standings is the race that led to it, if one did.
	Standings []selection.Standing
}

// Check is what was tried, after the selection, with a relay that had not
// answered.
type Check struct {
	Relay selection.RelayID
	// Probe is one more probe at TTL, the highest that the settings allow, or
	// nil if it had been asked at the last TTL of the rounds. Its answers count
	// as late.
	Probe *Probe
	TTL   uint8
	// Address is where a connection was made to.
	Address netip.AddrPort
	// Outcome is Registered for a connection that was made: no request is sent
	// on it. Otherwise TCPBlocked or RelayDown.
	Outcome selection.Outcome
	Detail  string
	Took    time.Duration
}
