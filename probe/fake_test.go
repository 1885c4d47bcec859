package probe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// fakeHost is a host of the fake network.
type fakeHost struct {
	// hops is the number of routers before it.
	hops int
	rtt  time.Duration
	// noEcho: it does not answer; noErrors: neither do the routers.
	noEcho, noErrors bool
	// rejected: the first router says so.
	rejected bool
	// unsent: the own stack does not send.
	unsent error
	// tcp is "relay", or what else becomes of a connection (see serve).
	tcp string
}

// fakeNet is a network for a bubble of synctest: Echoer, Dialer and Resolver.
type fakeNet struct {
	hosts map[netip.Addr]fakeHost
	names map[string][]netip.Addr
	inbox *inbox

	mu       sync.Mutex
	echoes   []Echo
	at       []time.Time // of echoes
	dialled  []string
	requests []string
}

func newFakeNet(hosts map[string]fakeHost) *fakeNet {
	n := &fakeNet{hosts: map[netip.Addr]fakeHost{}, names: map[string][]netip.Addr{}, inbox: newInbox()}
	for a, h := range hosts {
		n.hosts[netip.MustParseAddr(a)] = h
	}
	return n
}

func (n *fakeNet) Answers() <-chan Answer { return n.inbox.answers }
func (n *fakeNet) Mode() Mode             { return "fake" }
func (n *fakeNet) Close() error           { n.inbox.close(); return nil }

var fakeRouter = netip.MustParseAddr("192.0.2.1")

func (n *fakeNet) Send(e Echo) error {
	h, ok := n.hosts[e.To]
	if h.unsent != nil {
		return h.unsent
	}
	n.mu.Lock()
	n.echoes, n.at = append(n.echoes, e), append(n.at, time.Now())
	n.mu.Unlock()
	a := Answer{ID: e.ID, Kind: selection.EchoReply, From: e.To}
	switch {
	case !ok:
		return nil
	case h.rejected:
		a = Answer{ID: e.ID, Kind: selection.Unreachable, From: fakeRouter, Type: unreachable4, Code: 13}
	case int(e.TTL) <= h.hops && h.noErrors, int(e.TTL) > h.hops && h.noEcho:
		return nil
	case int(e.TTL) <= h.hops:
		a = Answer{ID: e.ID, Kind: selection.TimeExceeded, From: netip.AddrFrom4([4]byte{192, 0, 2, e.TTL}), Type: timeExceeded4}
	}
	time.AfterFunc(h.rtt, func() {
		a.At = time.Now()
		n.inbox.put(a)
	})
	return nil
}

func (n *fakeNet) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	if err := sleep(ctx, 50*time.Millisecond); err != nil {
		return nil, err
	}
	if a, ok := n.names[host]; ok {
		return a, nil
	}
	if host == "slow.example" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n *fakeNet) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, address)
	n.mu.Unlock()
	h := n.hosts[netip.MustParseAddrPort(address).Addr()]
	switch h.tcp {
	case "", "blocked":
		<-ctx.Done()
		return nil, ctx.Err()
	case "refused":
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case "no route":
		return nil, &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}
	}
	near, far := net.Pipe()
	go n.serve(far, h.tcp)
	return near, nil
}

// serve answers one request in the way that kind says.
func (n *fakeNet) serve(c net.Conn, kind string) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	n.mu.Lock()
	n.requests = append(n.requests, r.Method+" "+r.RequestURI+" Host: "+r.Host)
	n.mu.Unlock()
	answer := map[string]string{
		"relay":  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n11.0.4.60",
		"portal": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>Welcome! v1.2.3</html>",
		"moved":  "HTTP/1.1 302 Found\r\nLocation: http://portal/\r\nContent-Length: 0\r\n\r\n",
		"empty":  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"tls":    "\x15\x03\x03\x00\x02\x02\x28",
		"ssh":    "SSH-2.0-OpenSSH\r\n",
	}[kind]
	switch kind {
	case "mute":
		_, _ = io.Copy(io.Discard, c) // until the other side hangs up
	case "cut":
	default:
		_, _ = io.WriteString(c, answer)
	}
}

var errNetworkDown = errors.New("network is down")

// setUp makes the Config of a client that knows the relays.
func (n *fakeNet) setUp(settings map[string]string, set map[string]string, d Deployment) Config {
	s, _ := selection.ParseSettings(settings)
	p := selection.DefaultParams()
	for name, value := range set {
		if err := p.Set(name, value); err != nil {
			panic(err)
		}
	}
	x := NewDirectory(&d, &s)
	course, _ := selection.Compile(&s, &p, x.List)
	return Config{Course: course, Hosts: x.Hosts, Key: rng.Seed(1), Echoer: n, Resolver: n, Dialer: n}
}

// automatic are settings of a client that probes up to a TTL.
func automatic(most string) map[string]string {
	return map[string]string{"__RelaySelect_Automatic": "1", "_BESClient_RelaySelect_MaximumTTLToPing": most}
}

// relay is a row of a list whose name is an address.
func relay(address string) Relay {
	return Relay{Name: address, Weight: 100, Address: netip.MustParseAddr(address)}
}
