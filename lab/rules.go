package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// ruleset is an nft file under construction.
type ruleset struct {
	limits []string // each once
	chains []string
}

func (r *ruleset) chain(name, hook string, lines []string) {
	if len(lines) > 0 {
		body := "  type " + hook + ";\n  " + strings.Join(lines, "\n  ") + "\n"
		r.chains = append(r.chains, " chain "+name+" {\n"+body+" }\n")
	}
}

func (r *ruleset) String() string {
	if len(r.chains) == 0 {
		return ""
	}
	return "table ip relaysim {\n" + strings.Join(append(r.limits, r.chains...), "") + "}\n"
}

// write writes the nft files.
func (p *planner) write() {
	for i := range p.spec.Boxes {
		b := &p.spec.Boxes[i]
		switch b.Kind {
		case topology.Routed:
			p.writeRouted(topology.BoxID(i))
		case topology.Guard:
		default:
			p.writeBox(topology.BoxID(i))
		}
	}
	for i := range p.spec.Hosts {
		p.writeGuard(p.hosts[i], p.spec.Hosts[i].Guard)
	}
	for i := range p.design.Clients {
		p.writeGuard(p.clients[i], p.design.Clients[i].At.Guard)
	}
}

// writeRouted gives the routers on the legs of a Routed box what it says of
// them.
func (p *planner) writeRouted(id topology.BoxID) {
	b := &p.spec.Boxes[id]
	r := &ruleset{}
	r.chain("early", "filter hook prerouting priority raw; policy accept", eats(b))
	r.chain("forward", "filter hook forward priority filter; policy accept", drops(b))
	r.chain("output", "filter hook output priority filter; policy accept", mute(b))
	for i := range p.spec.Legs {
		if p.spec.Legs[i].Box == id {
			for _, n := range p.legs[i] {
				p.plan.Nodes[n].Rules = r.String()
			}
		}
	}
}

// eats drops what arrives with a TTL of 1 and would have to be forwarded.
func eats(b *topology.BoxSpec) []string {
	if !b.EatsExpiring {
		return nil
	}
	return []string{"ip ttl 1 fib daddr type != local drop"}
}

func drops(b *topology.BoxSpec) (lines []string) {
	for _, k := range b.Drops {
		for _, e := range kindExpressions(k) {
			lines = append(lines, e+" drop")
		}
	}
	return lines
}

// mute keeps a box from sending what it does not send itself. A refusal in the
// name of a destination counts as sent by the box.
func mute(b *topology.BoxSpec) []string {
	lines := drops(b)
	if b.Silent {
		lines = append(lines, "icmp type { time-exceeded, destination-unreachable } drop", "tcp flags & rst == rst drop")
	}
	return lines
}

// kindExpressions are what tells packets of a kind, one expression for each
// direction of it.
func kindExpressions(k topology.Kind) []string {
	port := strconv.Itoa(topology.Port)
	switch k {
	case topology.TCP:
		return []string{"tcp dport " + port + " tcp flags & rst == 0", "tcp sport " + port + " tcp flags & rst == 0"}
	case topology.UDP:
		return []string{"udp dport " + port, "udp sport " + port}
	case topology.EchoRequest:
		return []string{"icmp type echo-request"}
	case topology.EchoReply:
		return []string{"icmp type echo-reply"}
	case topology.TimeExceeded:
		return []string{"icmp type time-exceeded"}
	case topology.Unreachable:
		return []string{"icmp type destination-unreachable"}
	case topology.Reset:
		return []string{"tcp flags & rst == rst"}
	}
	return []string{"udp dport 4500", "udp sport 4500"}
}

// writeBox writes the rules of a firewall.
func (p *planner) writeBox(id topology.BoxID) {
	b, r := &p.spec.Boxes[id], &ruleset{}
	early := append(eats(b), p.untracked(id)...)
	r.chain("early", "filter hook prerouting priority raw; policy accept", early)
	p.writeNAT(id, r)
	lines := drops(b)
	if b.NAT != nil {
		lines = append(lines, `oifname "dead" drop`)
		if b.NAT.DropsErrors {
			lines = append(lines, p.ports(id, "iifname", 1<<b.NAT.Outside)+"icmp type { time-exceeded, destination-unreachable } drop")
		}
	}
	lines = append(lines, tracked(b)...)
	for i := range b.Rules {
		rule := &b.Rules[i]
		from, to := p.ports(id, "iifname", rule.FromSides), p.ports(id, "oifname", rule.ToSides)
		if rule.FromSides != 0 && from == "" || rule.ToSides != 0 && to == "" {
			continue // no port on any such side
		}
		lines = append(lines, p.rule(r, i, rule, from+to)...)
	}
	lines = append(lines, verdicts("", "", b.Otherwise, topology.Prohibited, "default")...)
	r.chain("forward", "filter hook forward priority filter; policy drop", lines)
	r.chain("output", "filter hook output priority filter; policy accept", mute(b))
	p.plan.Nodes[p.boxes[id]].Rules = r.String()
}

// established is how every firewall of Linux begins. What follows the first
// packet of a flow in its own direction passes by it too, so that a limit
// further down counts flows. The model asks its rules about every request; where
// one of them has a limit, answersOnly makes Linux ask as well.
const (
	established = "ct state established accept"
	answersOnly = "ct state established ct direction reply accept"
)

// tracked lets through what belongs to flows that the box knows.
func tracked(b *topology.BoxSpec) (lines []string) {
	switch {
	case b.Kind == topology.Stateless:
		return nil
	case limits(b):
		lines = append(lines, answersOnly)
	default:
		lines = append(lines, established)
	}
	if b.RelatedErrors {
		lines = append(lines, "ct state related icmp type { time-exceeded, destination-unreachable } accept")
	}
	return lines
}

// limits tells whether a rule of a box has a limit.
func limits(b *topology.BoxSpec) bool {
	return slices.ContainsFunc(b.Rules, func(r topology.Rule) bool { return r.Limit != nil })
}

// ports is the expression for the ports of a box on some of its sides, "" for
// any; what is "iifname" or "oifname".
func (p *planner) ports(id topology.BoxID, what string, sides uint8) string {
	if sides == 0 {
		return ""
	}
	var names []string
	node := p.boxes[id]
	for i, port := range p.plan.Nodes[node].Ports {
		if sides>>p.sides[sideKey{node, i}]&1 != 0 {
			names = append(names, strconv.Quote(port.Name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return what + " { " + strings.Join(names, ", ") + " } "
}

// rule writes one rule: a line for each kind, so that each reads as a user
// would write it. The lines share the rule's limit.
func (p *planner) rule(r *ruleset, i int, rule *topology.Rule, ports string) (lines []string) {
	if rule.Families != 0 && rule.Families&topology.IPv4 == 0 {
		return nil
	}
	limit := ""
	if l := rule.Limit; l != nil {
		name := fmt.Sprintf("rule%d", i)
		object := fmt.Sprintf(" limit %s {\n  rate %s burst %d packets\n }\n", name, rate(l.PerSecond), l.Burst)
		if !slices.Contains(r.limits, object) { // a guard's rule may judge both directions
			r.limits = append(r.limits, object)
		}
		limit = "limit name " + strconv.Quote(name) + " "
	}
	for _, match := range p.matchLines(rule) {
		lines = append(lines, verdicts(ports+match, limit, rule.Verdict, rule.With, rule.Name)...)
	}
	return lines
}

// rate writes tokens a second as nft takes them, in whole numbers of the
// longest unit that does.
func rate(perSecond float64) string {
	for _, u := range []struct {
		name    string
		seconds float64
	}{{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}} {
		if n := perSecond * u.seconds; n >= 1 && n == float64(int64(n)) {
			return fmt.Sprintf("%d/%s", int64(n), u.name)
		}
	}
	return fmt.Sprintf("%d/second", max(1, int64(perSecond+0.5)))
}

// matchLines are the expressions of a rule's ends and kinds.
func (p *planner) matchLines(rule *topology.Rule) (lines []string) {
	kinds := rule.Kinds
	if len(kinds) == 0 {
		kinds = []topology.Kind{
			topology.TCP, topology.UDP, topology.EchoRequest, topology.EchoReply, topology.TimeExceeded,
			topology.Unreachable, topology.Reset, topology.VPN,
		}
		if isZero(&rule.From) && isZero(&rule.To) {
			return []string{""}
		}
	}
	for _, k := range kinds {
		for _, ends := range p.endExpressions(rule, k) {
			for _, e := range kindExpressions(k) {
				if line := ends + e + " "; !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
	}
	return lines
}

// quotedProtocols are what tells what an ICMP error is about: the protocol of
// the packet that it quotes, behind the 8 bytes of its own header and 9 of that
// packet's (RFC 792, RFC 791 section 3.1).
var quotedProtocols = []struct {
	request    topology.Kind
	expression string
}{
	{topology.TCP, "@th,136,8 6 "}, {topology.UDP, "@th,136,8 17 "}, {topology.EchoRequest, "@th,136,8 1 "},
}

// endExpressions are those for the ends of a rule in packets of a kind, none if
// it matches nobody. Errors have one for each request that they may be about
// where that makes a difference: a public address leads different requests to
// different hosts.
func (p *planner) endExpressions(rule *topology.Rule, k topology.Kind) (list []string) {
	if !k.IsError() {
		if ends, ok := p.endsOf(rule, requestOf(k)); ok {
			list = append(list, ends)
		}
		return list
	}
	alike := map[string]int{}
	for _, q := range quotedProtocols {
		if ends, ok := p.endsOf(rule, q.request); ok {
			alike[ends]++
			list = append(list, ends+q.expression)
			if alike[ends] == len(quotedProtocols) {
				return []string{ends}
			}
		}
	}
	return list
}

// endsOf is the expression for the ends of a rule in packets of exchanges that
// begin with a kind of request; not ok if it matches nobody.
func (p *planner) endsOf(rule *topology.Rule, request topology.Kind) (string, bool) {
	from, ok := p.address("saddr", &rule.From, request)
	if !ok {
		return "", false
	}
	to, ok := p.address("daddr", &rule.To, request)
	return from + to, ok
}

func (p *planner) address(what string, m *topology.Match, request topology.Kind) (string, bool) {
	if isZero(m) {
		return "", true
	}
	set, ok := p.addressSet(m, request)
	return "ip " + what + " { " + strings.Join(set, ", ") + " } ", ok
}

// verdicts writes what happens to what an expression matches within a limit,
// "" for none. The limit comes last, for it counts what comes to it.
func verdicts(expr, limit string, v topology.Verdict, with topology.Refusal, name string) []string {
	comment := ""
	if name != "" {
		comment = " comment " + strconv.Quote(plain(name))
	}
	switch {
	case v == topology.Accept:
		return []string{expr + limit + "accept" + comment}
	case v == topology.Drop:
		return []string{expr + limit + "drop" + comment}
	case with != topology.TCPReset:
		return []string{expr + limit + "reject with icmp " + refusals[with] + comment}
	case strings.Contains(expr, "icmp type") || strings.Contains(expr, "udp "):
		return []string{expr + limit + "reject with icmp " + refusals[topology.Prohibited] + comment}
	}
	return []string{
		expr + "meta l4proto tcp " + limit + "reject with tcp reset" + comment,
		expr + "meta l4proto != tcp " + limit + "reject with icmp " + refusals[topology.Prohibited] + comment,
	}
}

var refusals = map[topology.Refusal]string{
	topology.Prohibited: "admin-prohibited", topology.NetUnreachable: "net-unreachable",
	topology.HostUnreachable: "host-unreachable", topology.PortUnreachable: "port-unreachable",
}

// plain is a name as nft takes it in a comment.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '.'
		}
		return r
	}, name)
	return name[:min(len(name), 120)]
}

// untracked takes from connection tracking what a rule lets pass untracked.
// That is before the rules are asked, so they are asked here too, in their
// order: what an earlier one matches is left alone.
func (p *planner) untracked(id topology.BoxID) (lines []string) {
	b := &p.spec.Boxes[id]
	last := -1
	for i := range b.Rules {
		if b.Rules[i].Untracked && b.Rules[i].Verdict == topology.Accept {
			last = i
		}
	}
	for i := range last + 1 {
		rule := &b.Rules[i]
		if rule.Families != 0 && rule.Families&topology.IPv4 == 0 {
			continue
		}
		from, to := p.ports(id, "iifname", rule.FromSides), p.ports(id, "fib daddr oifname", rule.ToSides)
		if rule.FromSides != 0 && from == "" || rule.ToSides != 0 && to == "" {
			continue
		}
		for _, match := range p.matchLines(rule) {
			if rule.Untracked && rule.Verdict == topology.Accept {
				lines = append(lines, from+to+match+"notrack accept")
			} else {
				lines = append(lines, from+to+match+"accept")
			}
		}
	}
	return lines
}

// writeNAT writes the translations of a box.
func (p *planner) writeNAT(id topology.BoxID, r *ruleset) {
	b := &p.spec.Boxes[id]
	if b.NAT == nil {
		return
	}
	outside := uint8(1) << b.NAT.Outside
	in := p.ports(id, "iifname", outside)
	if b.NAT.Hairpin {
		in = ""
	}
	var pre []string
	for _, s := range b.NAT.Static {
		pre = append(pre, fmt.Sprintf("%sip daddr %v dnat to %v", in, s.Public, p.plan.Hosts[s.Host].Address))
	}
	for _, f := range b.NAT.Forwards {
		for _, k := range f.Kinds {
			if e := kindExpressions(k)[0]; k <= topology.EchoRequest {
				pre = append(pre, fmt.Sprintf("%sip daddr %v %s dnat to %v", in, f.Public, e, p.plan.Hosts[f.Host].Address))
			}
		}
	}
	r.chain("destinations", "nat hook prerouting priority dstnat; policy accept", pre)
	var pairs []string
	for _, e := range p.ends {
		if to, ok := p.sources[id][e.addr]; ok {
			pairs = append(pairs, fmt.Sprintf("%v : %v", e.addr, to))
		}
	}
	slices.Sort(pairs)
	if pairs = slices.Compact(pairs); len(pairs) > 0 {
		to := "snat to ip saddr map { " + strings.Join(pairs, ", ") + " }"
		lines := []string{p.ports(id, "oifname", outside) + to}
		if b.NAT.Hairpin {
			lines = append(lines, p.ports(id, "iifname", ^outside)+p.ports(id, "oifname", ^outside)+"ct status dnat "+to)
		}
		r.chain("sources", "nat hook postrouting priority srcnat; policy accept", lines)
	}
}

// Sides of a guard: the host and the network.
const (
	hostSide    = 1 << 0
	networkSide = 1 << 1
)

// writeGuard writes the firewall of a host or client itself.
func (p *planner) writeGuard(node int, g topology.GuardID) {
	if g == 0 {
		return
	}
	b, r := &p.spec.Boxes[g.Box()], &ruleset{}
	in := append([]string{`iifname "lo" accept`}, drops(b)...)
	out := append(drops(b), tracked(b)...)
	in = append(in, tracked(b)...)
	for i := range b.Rules {
		rule := &b.Rules[i]
		if guards(rule, networkSide, hostSide) {
			in = append(in, p.rule(r, i, rule, "")...)
		}
		if guards(rule, hostSide, networkSide) {
			out = append(out, p.rule(r, i, rule, "")...)
		}
	}
	in = append(in, verdicts("", "", b.Otherwise, topology.Prohibited, "default")...)
	// What the host says about a packet that the guard refused is not judged.
	own := []string{`oifname "lo" accept`, "icmp type { time-exceeded, destination-unreachable } accept", "tcp flags & rst == rst accept"}
	out = append(append(mute(b), own...), out...)
	r.chain("input", "filter hook input priority filter; policy drop", in)
	r.chain("output", "filter hook output priority filter; policy accept", out)
	p.plan.Nodes[node].Rules = r.String()
}

func guards(rule *topology.Rule, from, to uint8) bool {
	return (rule.FromSides == 0 || rule.FromSides&from != 0) && (rule.ToSides == 0 || rule.ToSides&to != 0)
}
