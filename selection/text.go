package selection

import (
	"fmt"
	"strconv"
	"strings"
)

func (r RelayID) String() string {
	switch {
	case r == NoRelay:
		return "none"
	case r.Known():
		return strconv.FormatUint(uint64(r), 10)
	}
	return "unknown-" + strconv.FormatUint(uint64(r-FirstUnknown), 10)
}

var replyNames = [...]string{"echo reply", "time exceeded", "unreachable"}

func (k ReplyKind) String() string {
	if int(k) < len(replyNames) {
		return replyNames[k]
	}
	return "reply kind " + strconv.Itoa(int(k))
}

// String prints the reply as "0d 00:00:01.000 echo reply from candidate 2".
func (r Reply) String() string {
	return fmt.Sprintf("%v %v from candidate %d", r.At, r.Kind, r.Candidate)
}

// String prints the action in one line, as transcripts have it.
func (a Action) String() string {
	head := fmt.Sprintf("%v %v", a.At, a.Kind)
	switch a.Kind {
	case AskRound:
		text := fmt.Sprintf("%s %d: seq %d stage %d ttl %d until %v", head, a.Round, a.Seq, a.Stage, a.TTL, a.Deadline)
		if a.Pings > 1 {
			text += fmt.Sprintf(" pings %d", a.Pings)
		}
		if a.Gap > 0 {
			text += fmt.Sprintf(" gap %v", a.Gap)
		}
		if a.WantErrors {
			text += " with errors"
		}
		if a.WantLate {
			text += " with late replies"
		}
		return text
	case Register:
		if a.Again {
			return fmt.Sprintf("%s again: seq %d relay %v", head, a.Seq, a.Target)
		}
		return fmt.Sprintf("%s: seq %d relay %v by %v", head, a.Seq, a.Target, a.By)
	}
	return head + ": " + a.outcome() + a.account()
}

// outcome says how a selection ended.
func (a Action) outcome() string {
	if a.Kind == GaveUp {
		return fmt.Sprintf("retry at %v", a.RetryAt)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "relay %v by %v", a.Target, a.By)
	if a.DistanceMax >= 0 {
		fmt.Fprintf(&b, " distance %d..%d", a.DistanceMin, a.DistanceMax)
	}
	if a.CompetitionSize > 0 {
		fmt.Fprintf(&b, " competition %d weight %d", a.CompetitionSize, a.CompetitionWeight)
	}
	return b.String()
}

// account says what a selection took.
func (a Action) account() string {
	return fmt.Sprintf("; %v since %v, rounds %d, probes %d, probing %v, registering %v, previous %v",
		a.Trigger, a.Started, a.Rounds, a.Probes, a.Probing, a.Registering, a.Previous)
}
