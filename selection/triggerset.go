package selection

import (
	"slices"
	"strings"
)

// TriggerSet is a set of the triggers beyond the published ones: Resume, VPNUp,
// AdapterChange (extra_triggers, spec 3.6).
type TriggerSet uint8

// extraTriggers are the names in extra_triggers, in the order of the Triggers
// from Resume on.
var extraTriggers = [...]string{"resume", "vpn_up", "adapter_change"}

// With returns the set with t, one of the three, added.
func (s TriggerSet) With(t Trigger) TriggerSet { return s | 1<<(t-Resume) }

// Has tells whether t is in the set.
func (s TriggerSet) Has(t Trigger) bool { return t >= Resume && s>>(t-Resume)&1 != 0 }

// String lists the set as extra_triggers is written: "resume+vpn_up", or
// "none".
func (s TriggerSet) String() string {
	var names []string
	for i, name := range extraTriggers {
		if s.Has(Resume + Trigger(i)) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}

// parseTriggerSet reads what String writes, in any order.
func parseTriggerSet(text string) (s TriggerSet, ok bool) {
	if text == "none" {
		return 0, true
	}
	for name := range strings.SplitSeq(text, "+") {
		i := slices.Index(extraTriggers[:], strings.TrimSpace(name))
		if i < 0 {
			return 0, false
		}
		s = s.With(Resume + Trigger(i))
	}
	return s, true
}

// triggerSet is the value of extra_triggers.
func triggerSet(field func(*Params) *TriggerSet) value {
	const accepted = "none, or some of resume, vpn_up, adapter_change joined by +"
	return value{
		accepted: accepted,
		get:      func(p *Params) string { return field(p).String() },
		set: func(p *Params, text string) error {
			s, ok := parseTriggerSet(text)
			if !ok {
				return refused(text, accepted)
			}
			*field(p) = s
			return nil
		},
	}
}
