package topology

import (
	"fmt"
	"runtime"
	"testing"
)

// hub is an enterprise in which at most so many hosts are.
func hub(networks, hosts int) *Spec {
	s := enterprise(networks - len(company().Networks))
	s.Hosts = s.Hosts[:min(hosts, len(s.Hosts))]
	return s
}

// addRelays makes it this many hosts.
func (s *Spec) addRelays(hosts int) {
	for i := len(s.Hosts); i < hosts; i++ {
		s.Hosts = append(s.Hosts, HostSpec{Name: fmt.Sprintf("relay-%04d", i), Network: NetworkID(i), Role: Relay})
	}
}

// meshed is a company whose sites are joined to each other by links of their
// own: each to the next, and to another far away, all behind routers.
func meshed(networks, hosts int) *Spec {
	s := &Spec{}
	for i := range networks {
		s.Networks = append(s.Networks, NetworkSpec{Name: fmt.Sprintf("site-%04d", i)})
	}
	join := func(i, j int) {
		b := BoxID(len(s.Boxes))
		name := fmt.Sprintf("link-%04d", b)
		s.Boxes = append(s.Boxes, BoxSpec{Name: name, Kind: BoxKind(len(s.Boxes) % 3)})
		s.Legs = append(s.Legs,
			LegSpec{Name: name + "-a", Network: NetworkID(i), Box: b, Routers: i % 3},
			LegSpec{Name: name + "-b", Network: NetworkID(j), Box: b, Side: 1, Routers: j % 2})
	}
	for i := range networks {
		join(i, (i+1)%networks)
		if i%2 == 0 {
			join(i, (i*7919+14)%networks)
		}
	}
	s.addRelays(hosts)
	return s
}

// BenchmarkCompile compiles large networks and, where all is set, finds the
// ways to every host besides.
func BenchmarkCompile(b *testing.B) {
	for _, shape := range []struct {
		name string
		make func(networks, hosts int) *Spec
	}{{"hub", hub}, {"mesh", meshed}} {
		for _, size := range []struct{ networks, hosts int }{{300, 200}, {5000, 2000}} {
			for _, all := range []bool{false, true} {
				b.Run(fmt.Sprintf("shape=%s/networks=%d/hosts=%d/trees=%v", shape.name, size.networks, size.hosts, all), func(b *testing.B) {
					s := shape.make(size.networks, size.hosts)
					b.ReportAllocs()
					var n *Network
					for b.Loop() {
						n = compileAll(b, s, all)
					}
					b.ReportMetric(held(&n), "B-held")
				})
			}
		}
	}
}

func compileAll(b *testing.B, s *Spec, trees bool) *Network {
	n, err := Compile(s)
	if err != nil {
		b.Fatal(err)
	}
	for i := range s.Hosts {
		if trees {
			n.tree(goal{s.Hosts[i].Network, NoBox}, false)
		}
	}
	return n
}

// held is how many bytes a Network keeps in use.
func held(n **Network) float64 {
	var with, without runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&with)
	runtime.KeepAlive(*n)
	*n = nil
	runtime.GC()
	runtime.ReadMemStats(&without)
	return float64(with.HeapAlloc) - float64(without.HeapAlloc)
}
