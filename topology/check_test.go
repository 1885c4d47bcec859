package topology

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bad is a village in which as much is wrong as can be at a time.
func bad() *Spec {
	s := village()
	s.Balance = 3
	s.Networks[house].Prefixes = prefixesOf("10.0.0.0/8", "10.9.0.0/16", "10.0.0.1/8")
	s.Networks[house].Strangers = []StrangerSpec{{Name: "a", Prefix: s.Networks[house].Prefixes[0]}, {Name: "a", Prefix: s.Networks[house].Prefixes[0]}, {}}
	s.Networks[office].HasView, s.Networks[office].View = true, 1
	s.Networks[yard].Tunneled = &TunneledSpec{Underlay: laptop, Into: []NetworkID{9}}
	s.Networks[yard].Access = []int{1}
	s.Networks[branch].Tunneled = &TunneledSpec{Underlay: 8}
	s.Boxes[homeRouter].Kind = Stateless
	s.Boxes[homeRouter].NAT = &NATSpec{
		Outside: 7, Mapping: 3, ErrorSource: 2, Mappings: -1, PerHost: -2, PerClient: true,
		Pool:     []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.1"), {}},
		Static:   []StaticNAT{{netip.MustParseAddr("198.51.100.2"), 5}, {netip.MustParseAddr("198.51.100.3"), yard1}, {netip.MustParseAddr("198.51.100.4"), yard1}},
		Forwards: []PortForward{{netip.MustParseAddr("198.51.100.1"), []Kind{TCP, UDP}, 6}, {netip.MustParseAddr("198.51.100.1"), []Kind{TCP}, yard1}, {netip.MustParseAddr("198.51.100.2"), nil, yard1}},
	}
	s.Boxes[homeRouter].Lifetimes.TCP = -1
	s.Boxes[homeRouter].Flows = -1
	s.Boxes[cgn].NAT.Pool, s.Boxes[cgn].NAT.Outside = nil, 3
	s.Boxes[back] = BoxSpec{
		Name: "back", Kind: Routed, Flows: 1, EchoFor: []Match{{Roles: 1 << 7}}, ErrorsFrom: netip.IPv4Unspecified(),
		Errors: &ErrorLimit{PerDestination: &Limit{PerSecond: 1}, Global: &Limit{Burst: 1}},
	}
	s.Boxes[hubVPN] = BoxSpec{Name: "hub", Kind: Stateless, Lifetimes: Lifetimes{UDP: -1}, Rules: []Rule{{
		Untracked: true, Families: 4, With: 5,
		From: Match{Prefixes: prefixesOf("10.1.0.0/24", "10.1.0.10/32", "10.0.0.0/7")},
		To:   Match{Prefixes: []netip.Prefix{{}}},
	}}}
	s.Boxes[uplink] = BoxSpec{Name: "uplink", Kind: Guard}
	s.Legs[houseLAN].Metric = maxMetric + 1
	s.Legs[houseWAN].Jitter = Jitter{Law: 3, Mean: -1}
	s.Legs[cgnInside].Jitter.Mean = 2 * time.Hour
	s.Legs[cgnInside].Reordered = 1
	s.Legs[cgnOutside].Bursts = &Bursts{}
	s.Legs[frontYard].ReorderedBy = -1
	s.Legs[laptopTunnel].Tunnel = &TunnelSpec{Over: yard, Gateway: 8}
	s.Hosts[yard1].Addrs = []netip.Addr{public, yardAddr6, yardAddr, netip.MustParseAddr("::ffff:10.1.0.10")}
	s.Hosts[yard1].Guard = GuardOf(back)
	s.Hosts[office1].Addrs = []netip.Addr{yardAddr, officeIP}
	s.Hosts[office1].ListedAs = netip.MustParseAddr("fe80::1%eth0")
	s.Hosts[office1].Guard = GuardOf(6)
	s.Routes = []RouteSpec{
		{At: 7},
		{At: office, Leg: backYard},
		{At: office, Leg: 13, To: []NetworkID{7}},
		{At: office, Leg: backOffice, To: []NetworkID{yard, office, yard}},
		{At: office, Leg: backOffice, To: []NetworkID{yard}},
	}
	s.Views = []ViewSpec{{Closed: true, Wildcard: netip.MustParseAddr("224.0.0.1"), Answers: []NameAnswer{
		{Host: 2}, {Host: yard1, Addrs: []netip.Addr{yardAddr, officeIP}}, {Host: yard1},
	}}}
	return s
}

// What is wrong with addresses, translators, tunnels, routes and names is
// reported like everything else.
func TestCompileReportsEverythingNew(t *testing.T) {
	want := []string{
		`unknown balance 3`,
		`network "house": prefixes 10.0.0.0/8 and 10.9.0.0/16 overlap`,
		`network "house": prefix 10.0.0.1/8 has bits beyond its length (10.0.0.0/8 has not)`,
		`network "house": stranger "a": defined twice`,
		`network "house": stranger "a": 10.0.0.0/8 is another's too`,
		`network "house": stranger "": name is empty`,
		`network "house": stranger "": prefix invalid Prefix is not one of IPv4 or IPv6`,
		`network "yard": tunneled: 1 access variants of its own (it has those of its underlay)`,
		`network "yard": tunneled: into: network 9 does not exist (7 networks)`,
		`network "yard": tunneled: underlay "laptop" is tunneled itself`,
		`network "yard": tunneled: leg "front-yard" is no tunnel over "laptop"`,
		`network "yard": tunneled: leg "back-yard" is no tunnel over "laptop"`,
		`network "office": view 1 does not exist (1 views)`,
		`network "branch": tunneled: underlay: network 8 does not exist (7 networks)`,
		`network "laptop": tunneled: leg "laptop-tunnel" is no tunnel over "house"`,
		`box "home-router": lifetimes, though the box tracks nothing`,
		`box "home-router": lifetime of TCP -1ns is negative`,
		`box "home-router": flows -1 is negative`,
		`box "home-router": nat: the box is not stateful`,
		`box "home-router": nat: no leg on its outside, side 7`,
		`box "home-router": nat: unknown dependence (mapping 3, filtering 0)`,
		`box "home-router": nat: unknown source of errors 2`,
		`box "home-router": nat: mappings -1 is negative`,
		`box "home-router": nat: mappings per host -2 is negative`,
		`box "home-router": nat: per client, and yet leading to hosts inside`,
		`box "home-router": nat: pool: 2001:db8::1 is not translated (only IPv4 is)`,
		`box "home-router": nat: pool: 198.51.100.1 belongs to box "home-router"`,
		`box "home-router": nat: pool: invalid IP is no address of a host`,
		`box "home-router": nat: static: host 5 does not exist (2 hosts)`,
		`box "home-router": nat: static: two addresses of "yard-1"`,
		`box "home-router": nat: forward: host 6 does not exist (2 hosts)`,
		`box "home-router": nat: forward: 198.51.100.1 forwards tcp/52311 twice`,
		`box "home-router": nat: forward: 198.51.100.2 belongs to box "home-router"`,
		`box "home-router": nat: forward: 198.51.100.2 forwards nothing`,
		`box "cgn": nat: no leg on its outside, side 3`,
		`box "cgn": nat: no pool (at least one address unless per client)`,
		`box "back": a most of 1 flows (of stateful boxes only)`,
		`box "back": errors per destination: limit of 1 a second with a burst of 0 is out of range`,
		`box "back": errors: limit of 0 a second with a burst of 1 is out of range`,
		`box "back": errors from: 0.0.0.0 is no address of a host`,
		`box "back": echo for others (of stateful and stateless boxes only)`,
		`box "back": echo for: unknown roles 0x80`,
		`box "hub": rule 0 "": from: 10.1.0.0/24 splits 10.0.0.0/8 of network "house"`,
		`box "hub": rule 0 "": from: 10.1.0.0/24 splits 10.0.0.1/8 of network "house"`,
		`box "hub": rule 0 "": from: 10.1.0.0/24 splits 10.1.0.0/16 of network "yard"`,
		`box "hub": rule 0 "": to: prefix invalid Prefix is not one of IPv4 or IPv6`,
		`box "hub": rule 0 "": unknown families 0x4`,
		`box "hub": rule 0 "": unknown refusal 5`,
		`box "hub": rule 0 "": untracked, though the box tracks nothing`,
		`box "hub": lifetimes, though the box tracks nothing`,
		`box "hub": lifetime of UDP -1ns is negative`,
		`leg "house-lan": metric 65536 is outside [0, 65535]`,
		`leg "house-wan": jitter: unknown law 3`,
		`leg "house-wan": jitter: mean -1ns is outside [0, 1h0m0s]`,
		`leg "cgn-inside": jitter: mean 2h0m0s is outside [0, 1h0m0s]`,
		`leg "cgn-inside": reordered by nothing (> 0)`,
		`leg "cgn-outside": bursts: slot 0s (> 0)`,
		`leg "cgn-outside": bursts: begin 0, end 0 (both > 0)`,
		`leg "front-yard": reordered by -1ns is negative`,
		`leg "branch-tunnel": tunnel: over: network "branch" is tunneled itself`,
		`leg "laptop-tunnel": tunnel: over: network "yard" is tunneled itself`,
		`leg "laptop-tunnel": tunnel: gateway: network 8 does not exist (7 networks)`,
		`leg "branch-uplink": box "uplink" is the guard of hosts and has no legs`,
		`leg "internet-uplink": box "uplink" is the guard of hosts and has no legs`,
		`host "yard-1": 10.1.0.10 is the second address of its family`,
		`host "yard-1": ::ffff:10.1.0.10 is no address of a host`,
		`host "yard-1": 203.0.113.10 is in no prefix of network "yard"`,
		`host "yard-1": 203.0.113.10 belongs to box "front"`,
		`host "yard-1": ::ffff:10.1.0.10 is in no prefix of network "yard"`,
		`host "yard-1": box "back" is no guard`,
		`host "office-1": 10.2.0.10 is the second address of its family`,
		`host "office-1": 10.1.0.10 is in no prefix of network "office"`,
		`host "office-1": 10.1.0.10 belongs to host "yard-1"`,
		`host "office-1": listed as: fe80::1%eth0 is no address of a host`,
		`host "office-1": guard: box 6 does not exist (6 boxes)`,
		`route 0: at: network 7 does not exist (7 networks)`,
		`route 1 at "office": leg "back-yard" is not one of it`,
		`route 1 at "office": for no network`,
		`route 2 at "office": leg 13 does not exist (13 legs)`,
		`route 2 at "office": to: network 7 does not exist (7 networks)`,
		`route 3 at "office": for "office" itself`,
		`route 3 at "office": the second one for "yard"`,
		`route 4 at "office": the second one for "yard"`,
		`view "": name is empty`,
		`view "": wildcard: 224.0.0.1 is no address of a host`,
		`view "": closed, and yet with a wildcard`,
		`view "": host 2 does not exist (2 hosts)`,
		`view "": "yard-1": 10.2.0.10 is the second address of its family`,
		`view "": two answers for "yard-1"`,
	}
	_, err := Compile(bad())
	if err == nil {
		t.Fatal("Compile accepted it")
	}
	if d := cmp.Diff(want, strings.Split(err.Error(), "\n")); d != "" {
		t.Errorf("errors (-want +got):\n%s", d)
	}
}

// What only the ways can tell is reported too.
func TestCompileReportsWays(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*Spec)
		want []string
	}{
		{"a tunnel through itself", func(s *Spec) { s.Legs[branchUplink].Metric = 50 }, []string{
			`leg "branch-tunnel": tunnel: its outer packets go through itself`,
		}},
		{"each through the other", func(s *Spec) {
			s.Routes = []RouteSpec{{At: branch, To: []NetworkID{internet}, Leg: laptopTunnel}, {At: laptop, To: []NetworkID{internet}, Leg: branchTunnel}}
			s.Networks[laptop].Tunneled, s.Legs[branchUplink].Metric = nil, 50
			s.Legs[laptopTunnel].Network, s.Legs[branchTunnel].Network = branch, laptop
			s.Legs[laptopTunnel].Tunnel.Over, s.Legs[branchTunnel].Tunnel.Over = laptop, branch
		}, []string{
			`leg "branch-tunnel": tunnel: its outer packets go through itself`,
			`leg "laptop-tunnel": tunnel: its outer packets go through itself`,
		}},
		{"a gateway that nothing reaches", func(s *Spec) {
			s.Legs[laptopTunnel].Tunnel.Gateway = yard
			s.Networks[yard].Prefixes = prefixesOf("10.1.0.0/16")
			s.Hosts[yard1].Addrs = nil
		}, []string{
			`leg "laptop-tunnel": tunnel: no way leads from "house" to "yard"`,
		}},
		{"a public address of a host outside", func(s *Spec) {
			s.Boxes[front].NAT.Static[0].Host = 2
			s.Hosts = append(s.Hosts, HostSpec{Name: "away", Network: carrier, Role: Relay})
		}, []string{
			`box "front": nat: no way leads from inside of it to "away" for 203.0.113.10`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := village()
			tc.edit(s)
			_, err := Compile(s)
			if err == nil {
				t.Fatal("Compile accepted it")
			}
			if d := cmp.Diff(tc.want, strings.Split(err.Error(), "\n")); d != "" {
				t.Errorf("errors (-want +got):\n%s", d)
			}
		})
	}
}
