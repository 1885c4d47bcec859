package selection

import "time"

// Params are what is not publicly known of the client, and the figures that
// the vendor's settings do not reach. Each field is one row of ParamTable,
// which has its name in scenarios, unit, alternatives, source and grade.
// DefaultParams returns the documented defaults.
type Params struct {
	// TTLSchedule is the sequence of hop counts that rounds go through.
	TTLSchedule TTLSchedule
	// TTLLinearUntil is the last hop count up to which LinearThenGrow tries
	// every one.
	TTLLinearUntil int
	// TTLOffset is added to a round's hop count to give the IP TTL (5.5).
	TTLOffset int
	// MaxTTLInclusive: rounds go up to the maximum TTL itself; otherwise to
	// one below it. The probes of manual mode are at the maximum (1.6).
	MaxTTLInclusive bool
	// PingsPerRelayPerRound is how many probes a relay gets in one round, at
	// least 1. With several it counts as having answered if one did.
	PingsPerRelayPerRound int
	// RoundTimeout is the wait for the answers of a round, from the sending of
	// its last probe.
	RoundTimeout time.Duration
	// InterPacketGap is the spacing in which the probes of a round leave; 0
	// sends them all at once.
	InterPacketGap time.Duration
	// ProbeScope says who is asked in a round beside the candidates of its
	// stage.
	ProbeScope ProbeScope
	// StopRule says when the rounds of a stage end (5.3). It has one value.
	StopRule StopRule
	// RoundEndsEarly says when a round ends before RoundTimeout.
	RoundEndsEarly RoundEnd
	// NeedsTimeExceeded admits a relay to the competition only if an earlier
	// round brought a time-exceeded from its path, or if it answered the
	// first round (5.10).
	NeedsTimeExceeded bool
	// LateReplyPolicy says what a reply after its round's end does.
	LateReplyPolicy LateReply
	// RelayDedupe: see DedupeByNamePort.
	RelayDedupe Dedupe
	// SelectionNesting is the order of the two outer loops (4.14).
	SelectionNesting Nesting
	// GroupAdvanceOn says when the next group is turned to (4.13).
	GroupAdvanceOn GroupAdvance
	// OverlongLabel says what becomes of a label over 64 characters.
	OverlongLabel Overlong
	// EmptyLabel says what an empty label among others stands for (4.14).
	EmptyLabel EmptyLabel
	// DrawLaw is the law of the draw among repliers (6.4).
	DrawLaw DrawLaw
	// ZeroWeight says how a weight of 0 takes part in the draw (6.8).
	ZeroWeight ZeroWeight
	// StickyCurrent keeps the current parent if it is in the competition.
	StickyCurrent bool
	// OnRegisterFail says what follows when the winner of a competition does
	// not register the client.
	OnRegisterFail RegisterFail
	// ExhaustPolicy says what follows when no relay answered and no failover
	// relay is set (7.1, 7.3).
	ExhaustPolicy Exhaust
	// RandomScope is the set that ExhaustPolicy = ExhaustRandom draws from.
	RandomScope RandomScope
	// FailoverRequiresPing gates failover relays by one probe in automatic
	// mode (7.8); ManualFailoverRequiresPing does in manual mode (1.6).
	FailoverRequiresPing, ManualFailoverRequiresPing bool
	// RootRequiresPing gates the last resort by one probe.
	RootRequiresPing bool
	// FailoverListOrder is the order within FailoverRelayList (7.9).
	FailoverListOrder ListOrder
	// RetryGrowth multiplies the wait after each further failed selection; at
	// least 1. RetryJitter is the fraction of the wait that is uniform.
	RetryGrowth float64
	RetryJitter float64
	// ReselectExhausted says what a timed re-selection does in which nothing
	// answers while the parent works.
	ReselectExhausted ReselectExhausted
	// ExtraTriggers are the further occurrences that start a selection (3.6).
	ExtraTriggers TriggerSet
	// ReportInterval is the spacing of a client's contacts with its parent;
	// their phase is drawn per client.
	ReportInterval time.Duration
	// LoopLatencyMin and LoopLatencyMax bound the uniform wait between a
	// selection being due and its start (3.8). One parameter, "loop_latency_s",
	// written as a span or as "MIN..MAX".
	LoopLatencyMin, LoopLatencyMax time.Duration
	// RegisterConnectTimeout bounds one registration attempt (9.9).
	RegisterConnectTimeout time.Duration
	// RegisterAttempts is the number of attempts at one relay before it
	// counts as refused.
	RegisterAttempts int
	// RegisterRetry is the wait after a failed registration outside a
	// selection before the next attempt at the same parent (9.2); 0 means that
	// it waits for the first contact that works.
	RegisterRetry time.Duration
	// RegisterJitter displaces each periodic registration by a uniform over
	// ± this much (9.10).
	RegisterJitter time.Duration
	// ICMPBytes is the size of one probe with headers (5.14); it enters
	// icmp_bytes only.
	ICMPBytes int
}

// TTLSchedule is a law for the hop counts of successive rounds (5.2).
type TTLSchedule uint8

// Schedules.
const (
	LinearThenGrow TTLSchedule = iota // every hop to TTLLinearUntil, then ×1.5 rounded up, the maximum last
	Doubling                          // 0, 1, 2, 4, 8, ...
	Linear                            // every hop
)

// RoundEnd says when a round may end before its time-out.
type RoundEnd uint8

// Ends of a round.
const (
	AllEchoReplied       RoundEnd = iota // every probe was answered by an echo reply
	OnTimeoutOnly                        // never early
	AllAnsweredOrErrored                 // every probe brought an echo reply or an ICMP error
)

// ProbeScope says who is asked in a round.
type ProbeScope uint8

// Scopes of a round.
const (
	GroupAndPriority ProbeScope = iota // the candidates of the current group and priority
	AllSought                          // those of the other groups and priorities too, whose answers do not count
)

// StopRule says when the rounds of a stage end.
type StopRule uint8

// FirstReply ends them with the first round in which a relay replies (5.3).
const FirstReply StopRule = 0

// LateReply says what a reply after its round's end does.
type LateReply uint8

// Fates of a late reply.
const (
	CountLate  LateReply = iota // it is counted and changes nothing
	ReopenLate                  // it decides its round, if none of its stage has been decided
)

// Dedupe says how several entries of one relay in one group count.
type Dedupe uint8

// Laws of de-duplication.
const (
	DedupeByNamePort Dedupe = iota // once
	DedupeNone                     // each
)

// Nesting is the order of group and priority.
type Nesting uint8

// Orders.
const (
	GroupThenPriority Nesting = iota
	PriorityThenGroup
)

// GroupAdvance says when a group is left for the next.
type GroupAdvance uint8

// Laws of advance.
const (
	NoRegistration GroupAdvance = iota // no relay of it both answered and registered the client
	NoPingReply                        // no relay of it answered; refused registrations end the walk
)

// Overlong says what becomes of an over-long label.
type Overlong uint8

// Fates of an over-long label.
const (
	RejectLabel Overlong = iota
	Truncate64
)

// EmptyLabel says what an empty label stands for, as between two semicolons.
type EmptyLabel uint8

// Readings of an empty label.
const (
	IgnoreEmpty EmptyLabel = iota
	EmptyIsStar            // the unaffiliated set
)

// RegisterFail says what follows when the winner of a competition does not
// register the client.
type RegisterFail uint8

// Consequences of a refused registration.
const (
	Redraw        RegisterFail = iota // the loser is struck: other repliers, further rounds, next stage
	FailSelection                     // the selection has failed
)

// DrawLaw says what a weight does in the draw.
type DrawLaw uint8

// Laws of the draw.
const (
	ProportionalDraw DrawLaw = iota // a relay wins in proportion to its weight
	UniformDraw                     // weights other than 0 count alike
)

// ZeroWeight says how weight 0 takes part.
type ZeroWeight uint8

// Laws for weight 0.
const (
	EligibleOnlyIfTotalZero ZeroWeight = iota
	ZeroNever
	ZeroUniformShare // counts as weight 1
)

// Exhaust says what follows when nothing answered.
type Exhaust uint8

// Policies.
const (
	ExhaustRoot   Exhaust = iota // failover relays if set, then root or fallback
	ExhaustRandom                // failover relays if set, else one random relay; then root or fallback
)

// RandomScope is the set of the random relay.
type RandomScope uint8

// Scopes.
const (
	SoughtGroups RandomScope = iota
	LastGroup
	WholeList
)

// ListOrder is the order of a failover list.
type ListOrder uint8

// Orders of a list.
const (
	Listed ListOrder = iota
	RandomOrder
)

// ReselectExhausted says what a fruitless timed re-selection does.
type ReselectExhausted uint8

// Laws.
const (
	KeepIfWorking ReselectExhausted = iota
	DropParent                      // go on to failover and root
)
