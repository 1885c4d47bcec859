package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/relaysim/relaysim/topology"
)

// prober sends the probes of one client from raw sockets and hears what comes
// back. Each probe is a flow of its own: an echo request has its own query
// identifier, a SYN its own port.
type prober struct {
	lab    *Lab
	client int
	// sockets by protocol: ICMP, TCP, UDP.
	sockets [3]int
	sent    map[uint16]int // probe by query identifier or port
	probes  []Probe
	fates   []Fate
	quiet   time.Duration
	next    uint16
}

// firstID is the first identifier and port: above the registered ones, and
// out of the range in which Linux chooses by itself.
const (
	firstID = 61001
	lastID  = 65000
)

// burst is how many probes are sent at a time: fewer than the queue of a veth
// takes.
const burst = 64

// Probe sends probes from their clients, all of one client before the next, and
// waits after each burst until nothing has come for the span quiet.
func (l *Lab) Probe(ctx context.Context, probes []Probe, quiet time.Duration) ([]Fate, error) {
	fates := make([]Fate, len(probes))
	for c := range l.Plan.Clients {
		var of []int
		for i := range probes {
			if probes[i].Client == c {
				of = append(of, i)
			}
		}
		if len(of) == 0 {
			continue
		}
		err := l.Inside(c, func() error { return l.probeFrom(ctx, c, probes, of, fates, quiet) })
		if err != nil {
			return nil, err
		}
	}
	return fates, nil
}

func (l *Lab) probeFrom(ctx context.Context, client int, probes []Probe, of []int, fates []Fate, quiet time.Duration) error {
	p := &prober{lab: l, client: client, probes: probes, fates: fates, quiet: quiet, next: firstID}
	if err := p.open(); err != nil {
		return err
	}
	defer p.close()
	for part := range slices.Chunk(of, burst) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.sent = map[uint16]int{}
		for _, i := range part {
			if err := p.send(&probes[i], i); err != nil {
				return err
			}
		}
		if err := p.hear(); err != nil {
			return err
		}
	}
	return nil
}

// protocols of the sockets, in their order. TCP comes first when answers are
// read, and errors last.
var protocols = [3]int{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP}

func (p *prober) open() (err error) {
	for i := range p.sockets {
		p.sockets[i] = -1
	}
	for i, protocol := range protocols {
		if p.sockets[i], err = rawSocket(protocol); err != nil {
			p.close()
			return err
		}
	}
	return nil
}

func rawSocket(protocol int) (int, error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		err = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	}
	return s, err
}

func (p *prober) close() {
	for _, s := range p.sockets {
		if s >= 0 {
			unix.Close(s)
		}
	}
}

// send sends one probe. That a firewall of the client itself forbids it is an
// observation.
func (p *prober) send(probe *Probe, i int) error {
	id := p.next
	if p.next++; p.next > lastID {
		p.next = firstID
	}
	p.sent[id] = i
	socket, packet := p.sockets[2], echoRequest(id)
	switch probe.Kind {
	case topology.TCP:
		socket, packet = p.sockets[0], syn(id, p.lab.Plan.Clients[p.client].Address, probe.To)
	case topology.UDP:
		socket, packet = p.sockets[1], datagram(id)
	}
	if err := unix.SetsockoptInt(socket, unix.IPPROTO_IP, unix.IP_TTL, int(probe.TTL)); err != nil {
		return err
	}
	err := unix.Sendto(socket, packet, 0, &unix.SockaddrInet4{Addr: probe.To.As4()})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH) {
		return nil
	}
	return err
}

// echoRequest is an ICMP message (RFC 792) of eight bytes.
func echoRequest(id uint16) []byte {
	m := []byte{8, 0, 0, 0, byte(id >> 8), byte(id), 0, 1}
	binary.BigEndian.PutUint16(m[2:], checksum(m, 0))
	return m
}

// datagram is an empty UDP datagram (RFC 768), without a checksum.
func datagram(port uint16) []byte {
	m := []byte{0, 0, 0, 0, 0, 8, 0, 0}
	binary.BigEndian.PutUint16(m, port)
	binary.BigEndian.PutUint16(m[2:], topology.Port)
	return m
}

// syn is a TCP segment (RFC 9293 section 3.1) that opens a connection.
func syn(port uint16, from, to netip.Addr) []byte {
	m := make([]byte, 20)
	binary.BigEndian.PutUint16(m, port)
	binary.BigEndian.PutUint16(m[2:], topology.Port)
	binary.BigEndian.PutUint32(m[4:], 1)
	m[12], m[13] = 5<<4, 2
	binary.BigEndian.PutUint16(m[14:], 65535)
	a, b := from.As4(), to.As4()
	pseudo := slices.Concat(a[:], b[:], []byte{0, unix.IPPROTO_TCP, 0, 20})
	binary.BigEndian.PutUint16(m[16:], checksum(m, ^uint32(checksum(pseudo, 0))&0xffff))
	return m
}

// checksum is that of RFC 1071, begun with a sum.
func checksum(b []byte, sum uint32) uint16 {
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// hear takes in what comes, and lets relays answer to datagrams, until nothing
// has come for a while or every probe is answered.
func (p *prober) hear() error {
	answered := 0
	for answered < len(p.sent) {
		fds := p.waitFor()
		n, err := unix.Poll(fds, int(p.quiet/time.Millisecond))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return nil
		}
		for _, fd := range fds[len(p.sockets):] {
			if fd.Revents != 0 {
				echo(int(fd.Fd))
			}
		}
		for _, fd := range p.sockets {
			count, err := p.drain(fd)
			if err != nil {
				return err
			}
			answered += count
		}
	}
	return nil
}

// waitFor are the sockets of the prober, and those at which relays get
// datagrams.
func (p *prober) waitFor() (fds []unix.PollFd) {
	for _, s := range p.sockets {
		fds = append(fds, unix.PollFd{Fd: int32(s), Events: unix.POLLIN})
	}
	for _, r := range p.lab.responders {
		for _, s := range r.datagrams {
			fds = append(fds, unix.PollFd{Fd: int32(s), Events: unix.POLLIN})
		}
	}
	return fds
}

func (p *prober) drain(fd int) (count int, err error) {
	var buf [2048]byte
	for {
		n, _, err := unix.Recvfrom(fd, buf[:], 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return count, nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return count, err
		}
		if p.take(buf[:n]) {
			count++
		}
	}
}

// take books a packet, given with its IP header, if it answers a probe that
// nothing has answered.
func (p *prober) take(b []byte) bool {
	from, protocol, body, ok := ipv4(b)
	if !ok {
		return false
	}
	id, f, about := uint16(0), Fate{}, []byte(nil)
	switch protocol {
	case unix.IPPROTO_TCP:
		id, f, ok = segment(body)
	case unix.IPPROTO_UDP:
		id, f, ok = answered(body)
	default:
		id, f, about, ok = message(body)
	}
	i, known := p.sent[id]
	if !ok || !known || p.fates[i] != (Fate{}) || about != nil && !p.quotes(about, i) {
		return false
	}
	f.From = p.name(from)
	p.fates[i] = f
	return true
}

// quotes tells whether an error quotes a packet as it was sent (RFC 5508
// REQ-4): the addresses are those of the probe.
func (p *prober) quotes(about []byte, i int) bool {
	return netip.AddrFrom4([4]byte(about[12:16])) == p.lab.Plan.Clients[p.client].Address &&
		netip.AddrFrom4([4]byte(about[16:20])) == p.probes[i].To
}

func (p *prober) name(a netip.Addr) string {
	if a == p.lab.Plan.Clients[p.client].Address {
		return "self"
	}
	if n, ok := p.lab.Plan.Names[a]; ok {
		return n
	}
	return a.String()
}

// ipv4 takes an IPv4 packet apart (RFC 791 section 3.1).
func ipv4(b []byte) (from netip.Addr, protocol byte, body []byte, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 || len(b) < int(b[0]&15)*4 {
		return
	}
	return netip.AddrFrom4([4]byte(b[12:16])), b[9], b[int(b[0]&15)*4:], true
}

// segment reads an answer to a SYN.
func segment(b []byte) (id uint16, f Fate, ok bool) {
	if len(b) < 20 || binary.BigEndian.Uint16(b) != topology.Port {
		return
	}
	switch flags := b[13]; {
	case flags&4 != 0:
		f.Outcome = Reset
	case flags&0x12 == 0x12:
		f.Outcome = Reply
	default:
		return
	}
	return binary.BigEndian.Uint16(b[2:]), f, true
}

// answered reads an answer to a datagram.
func answered(b []byte) (id uint16, f Fate, ok bool) {
	if len(b) < 8 || binary.BigEndian.Uint16(b) != topology.Port {
		return
	}
	return binary.BigEndian.Uint16(b[2:]), Fate{Outcome: Reply}, true
}

// message reads an ICMP message that answers a probe. An error quotes at least
// 8 bytes behind the IP header of what it is about (RFC 792).
func message(b []byte) (id uint16, f Fate, about []byte, ok bool) {
	if len(b) < 8 {
		return
	}
	switch b[0] {
	case 0:
		return binary.BigEndian.Uint16(b[4:]), Fate{Outcome: Reply}, nil, true
	case 3:
		f = Fate{Outcome: Unreachable, Code: b[1]}
	case 11:
		f = Fate{Outcome: Exceeded}
	default:
		return
	}
	_, protocol, quoted, ok := ipv4(b[8:])
	switch {
	case !ok || len(quoted) < 8:
		return id, f, nil, false
	case protocol == unix.IPPROTO_TCP && len(quoted) >= 14 && quoted[13]&2 == 0:
		return id, f, nil, false // about the reset by which this kernel declines the connection
	case protocol == unix.IPPROTO_TCP || protocol == unix.IPPROTO_UDP && binary.BigEndian.Uint16(quoted[2:]) == topology.Port:
		return binary.BigEndian.Uint16(quoted), f, b[8:], true
	case protocol == unix.IPPROTO_ICMP && quoted[0] == 8:
		return binary.BigEndian.Uint16(quoted[4:]), f, b[8:], true
	}
	return id, f, nil, false
}
