ip -batch - <<'END'
netns add rs-sw
netns add rs-n0
netns add rs-n1
netns add rs-n2
netns add rs-n3
netns add rs-n4
netns add rs-n5
netns add rs-n6
netns add rs-n7
netns add rs-n8
netns add rs-n9
netns add rs-n10
link add leg3 address 02:00:00:00:01:01 netns rs-n1 type veth peer name p0 netns rs-sw
link add leg2 address 02:00:00:00:01:00 netns rs-n1 type veth peer name inner address 02:00:00:00:02:00 netns rs-n2
link add outer address 02:00:00:00:02:01 netns rs-n2 type veth peer name inner address 02:00:00:00:03:00 netns rs-n3
link add leg1 address 02:00:00:00:00:01 netns rs-n0 type veth peer name outer address 02:00:00:00:03:01 netns rs-n3
link add outer address 02:00:00:00:04:01 netns rs-n4 type veth peer name p1 netns rs-sw
link add inner address 02:00:00:00:05:00 netns rs-n5 type veth peer name p2 netns rs-sw
link add outer address 02:00:00:00:06:00 netns rs-n6 type veth peer name p3 netns rs-sw
link add outer address 02:00:00:00:07:00 netns rs-n7 type veth peer name p4 netns rs-sw
link add outer address 02:00:00:00:08:00 netns rs-n8 type veth peer name inner address 02:00:00:00:09:00 netns rs-n9
link add leg0 address 02:00:00:00:00:00 netns rs-n0 type veth peer name outer address 02:00:00:00:09:01 netns rs-n9
link add inner address 02:00:00:00:04:00 netns rs-n4 type veth peer name outer address 02:00:00:00:0a:00 netns rs-n10
END
ip -n rs-sw -batch - <<'END'
link add br3 type bridge
link set br3 up
link set p0 master br3 up
link set p1 master br3 up
link set p2 master br3 up
link set p3 master br3 up
link set p4 master br3 up
END

# rs-n0: home-router
ip netns exec rs-n0 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.leg0.rp_filter=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.leg0.send_redirects=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.leg1.rp_filter=0
ip netns exec rs-n0 sysctl -qw net.ipv4.conf.leg1.send_redirects=0
ip netns exec rs-n0 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n0 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n0 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n0 -batch - <<'END'
link set lo up
addr add 100.64.0.1/32 dev lo
link set leg0 up
link set leg1 up
link add dead type bridge
link set dead arp off up
route add 100.66.0.3/32 dev dead
route add 100.65.0.1/32 via 100.65.0.2 dev leg0 onlink src 100.64.0.1
route add 203.0.113.10/32 via 100.66.0.2 dev leg1 onlink src 100.64.0.1
neigh add 100.65.0.2 lladdr 02:00:00:00:09:01 dev leg0 nud permanent
neigh add 100.66.0.2 lladdr 02:00:00:00:03:01 dev leg1 nud permanent
END
ip netns exec rs-n0 nft -f - <<'END'
table ip relaysim {
 chain sources {
  type nat hook postrouting priority srcnat; policy accept;
  oifname { "leg1" } snat to ip saddr map { 100.65.0.1 : 100.66.0.3 }
 }
 chain forward {
  type filter hook forward priority filter; policy drop;
  oifname "dead" drop
  ct state established accept
  ct state related icmp type { time-exceeded, destination-unreachable } accept
  accept comment "default"
 }
}
END

# rs-n1: edge
ip netns exec rs-n1 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.leg2.rp_filter=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.leg2.send_redirects=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.leg3.rp_filter=0
ip netns exec rs-n1 sysctl -qw net.ipv4.conf.leg3.send_redirects=0
ip netns exec rs-n1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n1 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n1 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n1 -batch - <<'END'
link set lo up
addr add 100.64.0.2/32 dev lo
link set leg2 up
link set leg3 up
link add dead type bridge
link set dead arp off up
route add 203.0.113.10/32 dev dead
route add 10.1.0.10/32 via 10.1.0.10 dev leg3 onlink src 100.64.0.2
route add 100.66.0.3/32 via 100.66.0.1 dev leg2 onlink src 100.64.0.2
neigh add 10.1.0.10 lladdr 02:00:00:00:06:00 dev leg3 nud permanent
neigh add 100.66.0.1 lladdr 02:00:00:00:02:00 dev leg2 nud permanent
END
ip netns exec rs-n1 nft -f - <<'END'
table ip relaysim {
 limit rule1 {
  rate 5/second burst 10 packets
 }
 chain early {
  type filter hook prerouting priority raw; policy accept;
  ip ttl 1 fib daddr type != local drop
 }
 chain destinations {
  type nat hook prerouting priority dstnat; policy accept;
  iifname { "leg2" } ip daddr 203.0.113.10 dnat to 10.1.0.10
 }
 chain forward {
  type filter hook forward priority filter; policy drop;
  oifname "dead" drop
  iifname { "leg2" } icmp type { time-exceeded, destination-unreachable } drop
  ct state established ct direction reply accept
  ip daddr { 10.1.0.0/24 } tcp dport 52311 tcp flags & rst == 0 accept comment "relay-port"
  ip daddr { 10.1.0.0/24 } tcp sport 52311 tcp flags & rst == 0 accept comment "relay-port"
  ip daddr { 10.1.0.2, 10.1.0.10, 203.0.113.10 } icmp type echo-request limit name "rule1" accept comment "ping"
  iifname { "leg2" } meta l4proto tcp reject with tcp reset comment "no"
  iifname { "leg2" } meta l4proto != tcp reject with icmp admin-prohibited comment "no"
  drop comment "default"
 }
}
END

# rs-n2: nat-internet.r1
ip netns exec rs-n2 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.inner.rp_filter=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.inner.send_redirects=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n2 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n2 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n2 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n2 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n2 -batch - <<'END'
link set lo up
addr add 100.66.0.1/32 dev lo
link set inner up
link set outer up
route add 100.66.0.3/32 via 100.66.0.2 dev outer onlink src 100.66.0.1
route add 203.0.113.10/32 via 100.64.0.2 dev inner onlink src 100.66.0.1
neigh add 100.66.0.2 lladdr 02:00:00:00:03:00 dev outer nud permanent
neigh add 100.64.0.2 lladdr 02:00:00:00:01:00 dev inner nud permanent
END

# rs-n3: nat-internet.r2
ip netns exec rs-n3 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.inner.rp_filter=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.inner.send_redirects=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n3 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n3 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n3 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n3 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n3 -batch - <<'END'
link set lo up
addr add 100.66.0.2/32 dev lo
link set inner up
link set outer up
route add 100.66.0.3/32 via 100.64.0.1 dev outer onlink src 100.66.0.2
route add 203.0.113.10/32 via 100.66.0.1 dev inner onlink src 100.66.0.2
neigh add 100.64.0.1 lladdr 02:00:00:00:00:01 dev outer nud permanent
neigh add 100.66.0.1 lladdr 02:00:00:00:02:01 dev inner nud permanent
END

# rs-n4: site-wan.r1
ip netns exec rs-n4 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.inner.rp_filter=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.inner.send_redirects=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n4 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n4 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n4 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n4 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n4 -batch - <<'END'
link set lo up
addr add 100.68.0.1/32 dev lo
link set inner up
link set outer up
route add 10.1.0.2/32 via 10.1.0.2 dev outer onlink src 100.68.0.1
route add 10.1.0.10/32 via 10.1.0.10 dev outer onlink src 100.68.0.1
route add 100.68.0.2/32 via 100.68.0.2 dev inner onlink src 100.68.0.1
neigh add 10.1.0.2 lladdr 02:00:00:00:07:00 dev outer nud permanent
neigh add 10.1.0.10 lladdr 02:00:00:00:06:00 dev outer nud permanent
neigh add 100.68.0.2 lladdr 02:00:00:00:0a:00 dev inner nud permanent
END
ip netns exec rs-n4 nft -f - <<'END'
table ip relaysim {
 chain forward {
  type filter hook forward priority filter; policy accept;
  icmp type time-exceeded drop
 }
 chain output {
  type filter hook output priority filter; policy accept;
  icmp type time-exceeded drop
  icmp type { time-exceeded, destination-unreachable } drop
  tcp flags & rst == rst drop
 }
}
END

# rs-n5: dmz.lan1
ip netns exec rs-n5 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n5 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n5 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n5 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n5 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n5 sysctl -qw net.ipv4.conf.inner.rp_filter=0
ip netns exec rs-n5 sysctl -qw net.ipv4.conf.inner.send_redirects=0
ip netns exec rs-n5 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n5 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n5 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n5 -batch - <<'END'
link set lo up
addr add 10.1.0.1/32 dev lo
link set inner up
END

# rs-n6: dmz-1
ip netns exec rs-n6 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n6 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n6 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n6 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n6 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n6 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n6 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n6 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n6 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n6 -batch - <<'END'
link set lo up
addr add 10.1.0.10/32 dev lo
link set outer up
route add 100.66.0.3/32 via 100.64.0.2 dev outer onlink src 10.1.0.10
route add 100.68.0.2/32 via 100.68.0.1 dev outer onlink src 10.1.0.10
neigh add 100.64.0.2 lladdr 02:00:00:00:01:01 dev outer nud permanent
neigh add 100.68.0.1 lladdr 02:00:00:00:04:01 dev outer nud permanent
END

# rs-n7: dmz-2
ip netns exec rs-n7 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n7 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n7 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n7 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n7 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n7 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n7 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n7 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n7 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n7 -batch - <<'END'
link set lo up
addr add 10.1.0.2/32 dev lo
link set outer up
route add 100.68.0.2/32 via 100.68.0.1 dev outer onlink src 10.1.0.2
neigh add 100.68.0.1 lladdr 02:00:00:00:04:01 dev outer nud permanent
END
ip netns exec rs-n7 nft -f - <<'END'
table ip relaysim {
 chain input {
  type filter hook input priority filter; policy drop;
  iifname "lo" accept
  ct state established accept
  icmp type echo-request accept comment "ping in"
  reject with icmp admin-prohibited comment "default"
 }
 chain output {
  type filter hook output priority filter; policy accept;
  oifname "lo" accept
  icmp type { time-exceeded, destination-unreachable } accept
  tcp flags & rst == rst accept
  ct state established accept
 }
}
END

# rs-n8: laptop
ip netns exec rs-n8 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n8 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n8 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n8 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n8 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n8 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n8 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n8 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n8 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n8 -batch - <<'END'
link set lo up
addr add 100.65.0.1/32 dev lo
link set outer up
route add 203.0.113.10/32 via 100.65.0.2 dev outer onlink src 100.65.0.1
neigh add 100.65.0.2 lladdr 02:00:00:00:09:00 dev outer nud permanent
END

# rs-n9: home.a1
ip netns exec rs-n9 sysctl -qw net.ipv4.ip_forward=1
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.inner.rp_filter=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.inner.send_redirects=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n9 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n9 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n9 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n9 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n9 -batch - <<'END'
link set lo up
addr add 100.65.0.2/32 dev lo
link set inner up
link set outer up
route add 100.65.0.1/32 via 100.65.0.1 dev inner onlink src 100.65.0.2
route add 203.0.113.10/32 via 100.64.0.1 dev outer onlink src 100.65.0.2
neigh add 100.65.0.1 lladdr 02:00:00:00:08:00 dev inner nud permanent
neigh add 100.64.0.1 lladdr 02:00:00:00:00:00 dev outer nud permanent
END

# rs-n10: desktop
ip netns exec rs-n10 sysctl -qw net.ipv4.conf.all.rp_filter=0
ip netns exec rs-n10 sysctl -qw net.ipv4.conf.all.send_redirects=0
ip netns exec rs-n10 sysctl -qw net.ipv4.conf.default.rp_filter=0
ip netns exec rs-n10 sysctl -qw net.ipv4.conf.default.send_redirects=0
ip netns exec rs-n10 sysctl -qw net.ipv4.conf.outer.rp_filter=0
ip netns exec rs-n10 sysctl -qw net.ipv4.conf.outer.send_redirects=0
ip netns exec rs-n10 sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip netns exec rs-n10 sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec rs-n10 sysctl -qw net.ipv4.icmp_ratemask=0
ip -n rs-n10 -batch - <<'END'
link set lo up
addr add 100.68.0.2/32 dev lo
link set outer up
route add 10.1.0.2/32 via 100.68.0.1 dev outer onlink src 100.68.0.2
route add 10.1.0.10/32 via 100.68.0.1 dev outer onlink src 100.68.0.2
neigh add 100.68.0.1 lladdr 02:00:00:00:04:00 dev outer nud permanent
END
ip netns exec rs-n10 nft -f - <<'END'
table ip relaysim {
 chain input {
  type filter hook input priority filter; policy drop;
  iifname "lo" accept
  ct state established accept
  icmp type echo-request accept comment "ping in"
  reject with icmp admin-prohibited comment "default"
 }
 chain output {
  type filter hook output priority filter; policy accept;
  oifname "lo" accept
  icmp type { time-exceeded, destination-unreachable } accept
  tcp flags & rst == rst accept
  ct state established accept
 }
}
END
