package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/sim"
)

// course writes what happened, in order of time.
func (p *storyPage) course() {
	for i := range p.s.Steps {
		switch st := &p.s.Steps[i]; {
		case st.Rounds != nil:
			p.rounds(st.Rounds)
		case st.Draw != nil:
			p.draw(st.Draw)
		case st.Register != nil:
			p.register(st.Register)
		}
	}
}

func (p *storyPage) rounds(r *sim.StoryRounds) {
	text := stageName(r.Group, r.By)
	if r.Priority > 0 {
		text += fmt.Sprintf(", priority %d", r.Priority)
	}
	text += ", " + ttlWords(r)
	if n := answers(r); n > 0 {
		text += ": " + counted(n, "answer", "answers")
	} else {
		text += ": no answer"
	}
	if r.Errors > 0 {
		text += fmt.Sprintf("; %s came back", counted(r.Errors, "ICMP error", "ICMP errors"))
	}
	p.item(storyClock(p.s, r.From), text)
	for _, l := range probeLines(r) {
		p.detail(l)
	}
}

func answers(r *sim.StoryRounds) int {
	n := 0
	for i := range r.Probes {
		if r.Probes[i].RTT != nil {
			n++
		}
	}
	return n
}

// ttlWords names the TTLs of rounds: "TTL 1 to 9 in 9 rounds".
func ttlWords(r *sim.StoryRounds) string {
	first, last := r.TTLs[0], r.TTLs[len(r.TTLs)-1]
	switch {
	case r.Single:
		return fmt.Sprintf("one probe, TTL %d", first)
	case r.Count == 1:
		return fmt.Sprintf("TTL %d", first)
	}
	return fmt.Sprintf("TTL %d to %d in %d rounds", first, last, r.Count)
}

// probeLines say what became of the probes, relays with the same fate
// together.
func probeLines(r *sim.StoryRounds) []string {
	var texts []string
	names := map[string][]string{}
	for i := range r.Probes {
		p := &r.Probes[i]
		text := fateWords(p.Fate)
		if p.RTT != nil {
			text = "answered after " + lasting(*p.RTT) + standIn(&p.Fate)
		}
		if names[text] == nil {
			texts = append(texts, text)
		}
		names[text] = append(names[text], p.Relay)
	}
	var lines []string
	for _, text := range texts {
		who := someOf(names[text])
		if n := len(names[text]); n == len(r.Probes) && n > mostNames+1 {
			who = fmt.Sprintf("all %d", n)
		}
		lines = append(lines, who+": "+text)
	}
	return lines
}

// packetNames are the words for packets that clients and relays exchange.
var packetNames = map[string]string{
	"icmp/echo-request": "echo request", "icmp/echo-reply": "echo reply", "icmp/time-exceeded": "time exceeded",
	"icmp/unreachable": "unreachable",
}

func packetName(f *sim.StoryFate) string {
	name, ok := packetNames[f.Packet]
	switch {
	case f.Tunnel != "":
		name = "the tunnel " + f.Tunnel + "'s " + f.Packet
		if f.Back {
			name += " with the answer"
		}
		return name
	case ok:
		return name
	case f.Back:
		return "SYN-ACK"
	}
	return "SYN"
}

// fateWords says how a packet ended, by what, and who had translated it.
func fateWords(f sim.StoryFate) string {
	text := endWords(&f)
	if f.Through != "" && f.End != "expired" {
		text += "; translated by " + f.Through
	}
	return text
}

// endWords says how a packet ended, and by what.
func endWords(f *sim.StoryFate) string {
	switch f.End {
	case "expired":
		return packetName(f) + " expired on the way"
	case "filtered":
		return packetName(f) + " dropped by " + f.Box + ": " + ruleWords(f)
	case "refused":
		return packetName(f) + " rejected by " + f.Box + ": " + ruleWords(f)
	case "over_limit":
		return packetName(f) + " dropped by " + f.Box + ": over the limit of its rules"
	case "lost":
		return packetName(f) + " lost on " + f.Where
	case "link_down":
		return packetName(f) + " ended at " + f.Where + ", which is cut"
	case "no_route":
		return noWayWords(f)
	case "no_host":
		return nobodyWords(f)
	case "no_mapping":
		return packetName(f) + " dropped by " + f.Box + ": " + unmappedWords(f)
	case "table_full":
		return packetName(f) + " dropped by " + f.Box + ": its table is full"
	case sim.FateDead:
		return "host down"
	case sim.FateClosed:
		return "service down: the host refuses TCP 52311"
	case sim.FateUnresolved:
		if f.From != "" {
			return "its name does not resolve at " + f.From
		}
		return "name does not resolve"
	case sim.FateLate:
		return "answered too late"
	case sim.FateStruck:
		return "not asked again, it refused the client"
	case sim.FateUnsent:
		return "not sent any more"
	}
	if text, ok := probeFate(f); ok {
		return text
	}
	return f.End
}

// standIn says who answered if it was not the relay.
func standIn(f *sim.StoryFate) string {
	switch f.By {
	case "":
		return ""
	case "a middlebox":
		return " by " + f.Where + " in its name"
	}
	return " by " + f.Where + ", which has " + addressWords(f) + " there"
}

// addressWords is what the relay's name resolved to.
func addressWords(f *sim.StoryFate) string {
	if f.Address == "" {
		return "its address"
	}
	return f.Address
}

// nobodyWords says that a packet found nobody who answers.
func nobodyWords(f *sim.StoryFate) string { return "nobody answers at " + addressWords(f) }

// noWayWords says from where no way leads on.
func noWayWords(f *sim.StoryFate) string {
	if f.Address == "" {
		text := "no way from " + f.From + " to " + f.To
		if f.Tunnel != "" {
			text += " for " + packetName(f)
		}
		return text
	}
	text := packetName(f) + " ended"
	if f.Where != "" {
		text += " at " + f.Where
	}
	return text + ": no way to " + f.Address
}

// unmappedWords says why a translator had nobody to give a packet to.
func unmappedWords(f *sim.StoryFate) string {
	if f.Back || f.Address == "" {
		return "it has no mapping for it"
	}
	return "it leads " + f.Address + " to no host"
}

// ruleWords names the rule that ended a packet.
func ruleWords(f *sim.StoryFate) string {
	switch {
	case f.Rule != "":
		return fmt.Sprintf("rule %s (%s)", f.Rule, f.Source)
	case f.Default:
		return fmt.Sprintf("no rule accepts %s from %s%s to %s (default)", f.Packet, orAny(f.From), inBrackets(f.FromAddress), orAny(f.To))
	}
	return "it forwards no " + f.Packet
}

func orAny(network string) string {
	if network == "" {
		return "any"
	}
	return network
}

func (p *storyPage) draw(d *sim.StoryDraw) {
	if d.Size == 1 {
		p.item(storyClock(p.s, d.At), fmt.Sprintf("no competition: %s alone, at %s",
			d.Repliers[0].Relay, hopRange(d.DistanceMin, d.DistanceMax)))
		return
	}
	p.item(storyClock(p.s, d.At), fmt.Sprintf("competition of %d at %s, weights %d in all: %s wins the draw",
		d.Size, hopRange(d.DistanceMin, d.DistanceMax), d.Weight, d.Repliers[0].Relay))
	var places []string
	equal := equalWeights(d)
	for i := range d.Repliers {
		if i == mostNames {
			places = append(places, fmt.Sprintf("%d more", len(d.Repliers)-i))
			break
		}
		places = append(places, replierWords(&d.Repliers[i], !equal))
	}
	if equal {
		places = append(places, fmt.Sprintf("each with chance %.0f%%", 100*d.Repliers[0].Chance))
	}
	p.detail("keyed draw, the smallest wins: " + strings.Join(places, ", "))
}

// equalWeights tells whether all repliers have the same chance.
func equalWeights(d *sim.StoryDraw) bool {
	for i := range d.Repliers {
		if r := &d.Repliers[i]; r.Kept || r.Weight != d.Repliers[0].Weight {
			return false
		}
	}
	return true
}

// replierWords is a replier's place in the draw, with its chance if asked for.
func replierWords(r *sim.StoryReplier, chance bool) string {
	switch {
	case r.Kept:
		return r.Relay + " is kept (sticky_current)"
	case r.Weight == 0:
		return r.Relay + " takes no part (weight 0)"
	case !chance:
		return fmt.Sprintf("%s %.3f", r.Relay, r.Time)
	}
	return fmt.Sprintf("%s %.3f (weight %d, chance %.0f%%)", r.Relay, r.Time, r.Weight, 100*r.Chance)
}

func hopRange(least, most int) string {
	if least == most {
		return counted(most, "hop", "hops")
	}
	return fmt.Sprintf("%d to %d hops", least, most)
}

func (p *storyPage) register(r *sim.StoryRegistration) {
	text := "register with " + r.Relay
	switch r.By {
	case "root":
		text = "last resort: " + text
	case "probe":
	default:
		text = r.By + " relay: " + text
	}
	took := lasting(r.To.Sub(r.From))
	switch r.Outcome {
	case "registered":
		if r.Fate.End == FateSaid { // a prober registers nothing
			p.item(storyClock(p.s, r.From), fmt.Sprintf("%s: %s answers after %s, a client would register", text, r.Fate.Rule, took))
			return
		}
		p.item(storyClock(p.s, r.From), text+": registered after "+took)
		return
	case "":
		p.item(storyClock(p.s, r.From), text+": broken off after "+took)
	default:
		p.item(storyClock(p.s, r.From), fmt.Sprintf("%s: failed after %s (%s)", text, took, r.Outcome))
	}
	line := fateWords(r.Fate)
	if r.Fate.End == sim.FateAnswered {
		line = refusals[r.Outcome]
		if r.Fate.Where != "" {
			line = r.Fate.Where + " has " + addressWords(&r.Fate) + " there, and is not the relay"
		}
	} else if r.Tries > 1 {
		line += "; sent " + strconv.Itoa(r.Tries) + " times"
	}
	if line != "" {
		p.detail(line)
	}
}

// refusals say why a relay that was reached did not take the client.
var refusals = map[string]string{
	"no_certificate": "the relay authenticates, and the client has neither certificate nor password for it",
	"cap":            "the relay has as many clients as it takes",
	"not_the_relay":  "another host answered",
}
