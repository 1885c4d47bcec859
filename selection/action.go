package selection

import (
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// By is how a client came to its parent. The order is that of the reports.
type By uint8

// How a client came to its parent.
const (
	ByNone     By = iota // it has none
	ByProbe              // automatic: won a competition
	ByManual             // manual: primary, secondary or tertiary
	ByFailover           // FailoverRelay or FailoverRelayList
	ByRandom             // exhaust_policy = random
	ByFallback           // the masthead's fallback relay
	ByRoot               // the root server as the last resort
	NumBy
)

var byNames = [NumBy]string{"none", "probe", "manual", "failover", "random", "fallback", "root"}

func (b By) String() string { return byNames[b] }

// Trigger is what may start a selection (spec section 3).
type Trigger uint8

// Triggers. The driver passes Start, AddressChange, RelaySelect, ClockBack, Stop,
// Resume, VPNUp and AdapterChange; the Selector raises Timer, ParentLost and
// Retry itself when their time comes.
const (
	// Start: the agent starts or wakes in the network it was last in. It
	// registers with the parent it knows (9.1); a restart does not start a
	// selection (3.7). Without a parent it selects.
	Start Trigger = iota
	// AddressChange: the IP address changed; starts a selection (3.2). Also
	// passed in place of Start by an agent that wakes in another network.
	AddressChange
	// RelaySelect: the "relay select" action (3.4).
	RelaySelect
	// ClockBack: local time moved backwards by more than 5 minutes (3.5).
	// The driver judges the amount with ClockBackStarts.
	ClockBack
	// Stop: the agent stops, sleeps or loses power. What is in flight is
	// abandoned, no deadline is pending until Start or AddressChange.
	Stop
	// Timer: the re-selection interval passed (3.1). Raised inside.
	Timer
	// ParentLost: contact failed for the resist interval (3.3, 3.9). Raised inside.
	ParentLost
	// Retry: the wait after a failed selection passed (3.10). Raised inside.
	Retry
	// Resume: the computer woke from sleep in the network it was last in.
	// Passed after Start; starts a selection only if extra_triggers has it (3.6).
	Resume
	// VPNUp: a VPN came up. Likewise (3.6).
	VPNUp
	// AdapterChange: a network adapter came or went, and the address did not
	// change. Likewise (3.6).
	AdapterChange
	NumTriggers
)

var triggerNames = [NumTriggers]string{
	"start", "address change", "relay select", "clock back", "stop", "timer", "parent lost", "retry",
	"resume", "vpn up", "adapter change",
}

func (t Trigger) String() string { return triggerNames[t] }

// ClockBackStarts tells whether a backward step of the local clock starts a
// selection: more than 5 minutes (3.5).
func ClockBackStarts(step time.Duration) bool { return step > 5*time.Minute }

// Outcome is the end of one registration attempt.
type Outcome uint8

// Outcomes of a registration attempt.
const (
	Registered      Outcome = iota
	NoCertificate           // an authenticating relay and a client without certificate (10.2)
	AtCap                   // refused by the relay's child cap (6.7b)
	TCPBlocked              // no answer within the time-out, or an ICMP error, from the path
	RelayDown               // the host is dead, or its port closed
	NameNotResolved         // the host name did not resolve (F4)
	NotTheRelay             // a foreign host answered (F23)
	NumOutcomes
)

var outcomeNames = [NumOutcomes]string{"registered", "no_certificate", "cap", "tcp_blocked", "relay_down", "name_not_resolved", "not_the_relay"}

func (o Outcome) String() string { return outcomeNames[o] }

// ReplyKind is the kind of an answer to a probe.
type ReplyKind uint8

// Answers to a probe.
const (
	EchoReply    ReplyKind = iota
	TimeExceeded           // from a router on the way
	Unreachable            // destination unreachable, any code
)

// Reply is one answer to a probe of a round.
type Reply struct {
	// At is when it arrived. Within one call of Replies the instants do not
	// decrease.
	At vtime.Instant
	// Candidate is the index in the round's stage.
	Candidate uint16
	Kind      ReplyKind
}

// ActionKind says what an Action is.
type ActionKind uint8

// Kinds of action.
const (
	// AskRound asks the driver for one round: Pings probes, mostly one, with
	// the round's TTL to every candidate of Stage that is not struck. First
	// each candidate in turn gets one, then each another; after them likewise
	// the relays of Stage.Beside, whose answers are not wanted. The n-th of all
	// these, from 0, leaves n × Gap after At, unless the round is over by then.
	// Answer with Replies.
	AskRound ActionKind = iota
	// Register asks the driver for one registration attempt with Target.
	// Answer with RegisterResult.
	Register
	// Decided reports that a selection ended in a registered parent.
	Decided
	// GaveUp reports that a selection ended without one; RetryAt says when
	// the next begins by itself.
	GaveUp
	// Kept reports that a timed re-selection found nothing and the parent,
	// which still works, stays (reselect_exhausted).
	Kept
)

var actionNames = [...]string{"ask round", "register", "decided", "gave up", "kept"}

func (k ActionKind) String() string { return actionNames[k] }

// Action is one output of a Selector. Which fields mean something depends on
// Kind. It is a plain value; Stage is an index into the Selector's Course.
type Action struct {
	Kind ActionKind
	// At is when the action takes effect: the instant of the input that
	// caused it, or of the deadline that passed.
	At vtime.Instant
	// Seq names the question of AskRound and Register; the answer carries it.
	Seq uint32

	// AskRound.
	Stage      uint16        // index into Course.Stages
	TTL        uint8         // IP TTL of the round's probes
	Round      uint16        // number of the round in its selection, from 0
	Deadline   vtime.Instant // end of the round at the latest
	WantErrors bool          // time-exceeded and unreachable answers can change time or choice
	WantLate   bool          // echo replies after the round's end can change the choice
	Pings      uint8         // probes for each candidate
	Gap        time.Duration // between one probe and the next

	// Register, Decided, Kept.
	Target RelayID
	By     By
	// Again marks a registration that is not part of a selection: the
	// periodic one (9.3) and the one at the agent's start (9.1).
	Again bool

	// Decided, GaveUp, Kept: the selection as a whole. Started and Trigger
	// are set on AskRound and on Register as well (not on Register with Again).
	Trigger Trigger
	Started vtime.Instant // when the selection began; identifies it
	Rounds  uint32
	Probes  uint32
	// Probing and Registering are how the time of the selection was spent:
	// waiting for rounds, and for registration attempts.
	Probing, Registering time.Duration
	Previous             RelayID // the parent before, or NoRelay

	// Decided by probe: the competition (5.6, 6.3). Distances are in IP
	// gateway hops; -1 means unknown (every By but ByProbe and ByManual).
	DistanceMin, DistanceMax int16
	CompetitionSize          uint16
	CompetitionWeight        uint32

	// GaveUp.
	RetryAt vtime.Instant
}
