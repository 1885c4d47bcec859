//go:build kernel

package lab

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// limited is a client behind one router that limits its errors as Linux does.
func limited() *Design {
	s := &topology.Spec{
		Networks: []topology.NetworkSpec{{Name: "home"}, {Name: "dmz"}},
		Boxes:    []topology.BoxSpec{{Name: "wan", Kind: topology.Routed, Errors: topology.LinuxErrors()}},
		Legs:     []topology.LegSpec{{Name: "home-wan", Network: 0, Box: 0, Routers: 1}, {Name: "dmz-wan", Network: 1, Box: 0, Side: 1}},
		Hosts:    []topology.HostSpec{{Name: "dmz-1", Network: 1, Role: topology.Relay}},
	}
	return &Design{s, []Client{{"laptop", topology.Attachment{Network: 0}}}}
}

// source is the i-th address of the client: its own, or one more.
func source(i int) netip.Addr { return netip.AddrFrom4([4]byte{21, 250, byte(i >> 8), byte(i)}) }

// burstOf sends n echo requests that expire at the router, in turn from a
// number of sources, and tells when each was sent and how many errors came
// back.
func burstOf(t *testing.T, n, sources int, gap time.Duration) (sent []vtime.Instant, errors int) {
	p, err := NewPlan(limited())
	if err != nil {
		t.Fatal(err)
	}
	client, router := &p.Nodes[p.Clients[0].Node], -1
	for i := range p.Nodes {
		if p.Nodes[i].Name == "home-wan.r1" {
			router = i
		}
	}
	for i := range sources {
		client.Others = append(client.Others, source(i))
		p.Nodes[router].Routes = append(p.Nodes[router].Routes, Route{To: source(i), Via: client.Address, Port: "inner"})
	}
	l, err := Up(interrupted, p)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Down()
	err = l.Inside(0, func() error {
		sent, errors, err = flood(n, sources, p.Hosts[0].Address, gap)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent, errors
}

// flood sends from a raw socket with headers of its own making and counts the
// time-exceeded messages that come until a while after.
func flood(n, sources int, to netip.Addr, gap time.Duration) (sent []vtime.Instant, errors int, err error) {
	s, err := rawSocket(unix.IPPROTO_ICMP)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(s)
	if err := unix.SetsockoptInt(s, unix.IPPROTO_IP, unix.IP_HDRINCL, 1); err != nil {
		return nil, 0, err
	}
	// The neighbours get to know each other before the clock runs.
	warm := packet(source(0), to, 2, 0)
	if err := unix.Sendto(s, warm, 0, &unix.SockaddrInet4{Addr: to.As4()}); err != nil {
		return nil, 0, err
	}
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	for i := range n {
		for time.Since(began) < time.Duration(i)*gap {
		}
		sent = append(sent, vtime.Instant(time.Since(began)))
		err := unix.Sendto(s, packet(source(i%sources), to, 1, uint16(i+1)), 0, &unix.SockaddrInet4{Addr: to.As4()})
		if err != nil {
			return nil, 0, err
		}
		errors += expired(s)
	}
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		errors += expired(s)
	}
	return sent, errors, nil
}

// packet is an echo request with its IP header (RFC 791 section 3.1).
func packet(from, to netip.Addr, ttl byte, seq uint16) []byte {
	b := make([]byte, 28)
	b[0], b[8], b[9] = 0x45, ttl, unix.IPPROTO_ICMP
	binary.BigEndian.PutUint16(b[2:], 28)
	a, z := from.As4(), to.As4()
	copy(b[12:], a[:])
	copy(b[16:], z[:])
	copy(b[20:], echoRequest(seq))
	return b
}

// expired counts the time-exceeded messages that are there.
func expired(s int) (n int) {
	var b [2048]byte
	for {
		got, _, err := unix.Recvfrom(s, b[:], unix.MSG_DONTWAIT)
		if err != nil {
			return n
		}
		if _, _, body, ok := ipv4(b[:got]); ok && len(body) > 0 && body[0] == 11 {
			n++
		}
	}
}

// expected is what the model sends for the same requests at the same instants.
func expected(t *testing.T, sent []vtime.Instant, sources int) (errors int) {
	n, err := topology.Compile(limited().Spec)
	if err != nil {
		t.Fatal(err)
	}
	st := n.NewState()
	for i, at := range sent {
		q, ok := st.Request(topology.Attachment{}, uint64(i%sources), 0, topology.EchoRequest, 1, rng.Key(i+1))
		if !ok {
			t.Fatal("no request")
		}
		r := n.Walk(st, q, at)
		if _, made := st.ErrorAbout(q, r, r.At, 0); made {
			errors++
		}
	}
	return errors
}

// limitBound is how far kernel and model may be apart. To one destination it is
// one message: the kernel counts in jiffies. In total it is what comes in at
// once, since the kernel looks for new tokens every 20 ms only, and three
// standard deviations of what is taken out, since each message costs it no, one
// or two tokens at random (net/ipv4/icmp.c, icmp_global_allow and
// icmp_global_consume), and the model one.
func limitBound(sources, want int) int {
	if sources == 1 {
		return 1
	}
	const step, variance = 20, 2. / 3
	return step + int(3*math.Sqrt(variance*float64(want)))
}

// The model's Linux preset limits time-exceeded as the kernel does.
func TestErrorLimits(t *testing.T) {
	for _, n := range []int{10, 50, 200, 1000} {
		for _, c := range []struct {
			name    string
			sources int
			gap     time.Duration
		}{{"at once, one destination", 1, 0}, {"1 ms apart, one destination", 1, time.Millisecond}, {"at once, 250 destinations", 250, 0}, {"1 ms apart, 250 destinations", 250, time.Millisecond}} {
			sent, got := burstOf(t, n, c.sources, c.gap)
			want := expected(t, sent, c.sources)
			bound := limitBound(c.sources, want)
			t.Logf("%4d requests %-30s in %7.2f ms: kernel %3d, model %3d time-exceeded", n, c.name, float64(sent[n-1])/1e6, got, want)
			if got < want-bound || got > want+bound {
				t.Errorf("%d requests %s: kernel sends %d time-exceeded, model %d, want within %d", n, c.name, got, want, bound)
			}
		}
	}
}
