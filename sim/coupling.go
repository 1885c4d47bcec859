package sim

import (
	"cmp"
	"slices"

	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/topology"
)

// Coupling says why clients under a policy cannot be taken one by one, so
// that every packet has to be walked in order of time; "" if they can. A limit
// on icmp/time-exceeded alone does not couple while errors can change neither
// time nor choice (spec 5.10); icmp/unreachable always ends a registration
// attempt.
//
// A cap on children (spec 6.7b) couples clients too, but at one point only, and
// the round level is exact there: whatever a relay with a cap decides, it
// decides at the event at which the registration completes, never ahead, and
// at any level in the same order; nothing else that is completed ahead reads
// the number of children. A registration that makes a client leave a relay
// waits for its time as well. So a cap needs no packet level.
func (p *Plan) Coupling(policy int) string {
	pol := &p.Policies[policy]
	return cmp.Or(pol.heedsMore(), pol.limited())
}

// heedsMore says which packets beside answers in time clients heed, "" if none.
func (pol *PolicyPlan) heedsMore() string {
	if pol.Params.NeedsTimeExceeded {
		return "needs_time_exceeded: ICMP errors take part in the choice"
	}
	if pol.Params.RoundEndsEarly == selection.AllAnsweredOrErrored {
		return "round_ends_early: ICMP errors end rounds"
	}
	if pol.Params.LateReplyPolicy == selection.ReopenLate {
		return "late_reply_policy: answers count after their round"
	}
	return ""
}

// limited says which limit counts packets that clients need, "" if none does.
func (pol *PolicyPlan) limited() string {
	kinds := []topology.Kind{
		topology.EchoRequest, topology.EchoReply, topology.TCP, topology.VPN, topology.Unreachable, topology.Reset,
	}
	if pol.Params.NeedsTimeExceeded || pol.Params.RoundEndsEarly == selection.AllAnsweredOrErrored {
		kinds = append(kinds, topology.TimeExceeded)
	}
	for _, k := range kinds {
		if what := pol.Network.LimitOf(k); what != "" {
			return what + " counts " + k.String()
		}
	}
	return ""
}

// demand is what keeps the clients of a group from being taken one by one.
type demand uint8

const (
	demandNone    demand = iota
	demandOrder          // that their registrations are taken in order of time
	demandPackets        // that their packets are walked in order of time
)

// demands are those of the groups under a policy, in the order of Plan.Groups.
func (p *Plan) demands(policy int) []demand {
	out := make([]demand, len(p.Groups))
	pol := &p.Policies[policy]
	switch {
	case p.Coupling(policy) == "":
	case !p.separable(pol):
		for i := range out {
			out[i] = demandPackets
		}
		return out
	default:
		st := pol.Network.NewState()
		for i := range p.Groups {
			if p.meetsLimit(st, pol, &p.Groups[i]) {
				out[i] = demandPackets
			}
		}
	}
	capped := p.capped()
	if len(capped) == 0 {
		return out
	}
	everybody := slices.Repeat([]bool{true}, len(p.Relays))
	list := p.listOf(&pol.World, everybody, 0)
	for i := range p.Groups {
		if out[i] == demandNone && p.mayBeCapped(pol, i, list, capped) {
			out[i] = demandOrder
		}
	}
	return out
}

// capped are the relays that have a cap on their children.
func (p *Plan) capped() (out []selection.RelayID) {
	for i := range p.Relays {
		if p.Relays[i].Gate.MaxChildren > 0 {
			out = append(out, selection.RelayID(i))
		}
	}
	return out
}

// separable tells whether it can be said once for the whole run who meets a
// limit: no route or name changes, one way leads to each host, and no limit
// counts errors or resets that matter.
func (p *Plan) separable(pol *PolicyPlan) bool {
	n := pol.Network
	return pol.heedsMore() == "" && !p.happens(EventKind.ofNetwork) && !n.Balanced() &&
		!n.Limits(topology.Unreachable) && !n.Limits(topology.Reset)
}

// meetsLimit tells whether an exchange of the group's clients with any host
// can meet a limit. A probe that expires meets none that one which arrives does
// not.
func (p *Plan) meetsLimit(st *topology.State, pol *PolicyPlan, g *GroupPlan) bool {
	at := []topology.NetworkID{g.Home}
	for _, a := range g.Away {
		at = append(at, a.Network)
	}
	for _, n := range at {
		for v := range pol.Network.AccessVariants(n) {
			a := topology.Attachment{Network: n, Access: uint16(v), Guard: g.Guard}
			for r := range p.Relays {
				for _, k := range [...]topology.Kind{topology.EchoRequest, topology.TCP} {
					if st.Fate(a, topology.HostID(r), k).Coupled {
						return true
					}
				}
			}
		}
	}
	return false
}

// mayBeCapped tells whether clients of a group can come to register with a
// capped relay, whatever part of the list or seek list they get.
func (p *Plan) mayBeCapped(pol *PolicyPlan, group int, list *selection.List, capped []selection.RelayID) bool {
	seeks := []string{pol.Settings[group].SeekList}
	for i := range p.Events {
		if e := &p.Events[i]; e.Kind == SeekChanged && slices.Contains(e.Groups, group) {
			seeks = append(seeks, e.Seek)
		}
	}
	for _, seek := range seeks {
		settings := *pol.Settings[group]
		settings.SeekList = seek
		course, _ := selection.Compile(&settings, &pol.Params, list)
		if slices.ContainsFunc(capped, course.LeadsTo) {
			return true
		}
	}
	return false
}
