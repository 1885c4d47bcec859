//go:build !windows

package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
)

// sockets is an Echoer over one socket for each family.
type sockets struct {
	mode   Mode
	inbox  *inbox
	v4, v6 familySocket
	// err4 and err6 say why there is no socket of the family.
	err4, err6 error
}

// familySocket is a socket for one family of addresses.
type familySocket interface {
	send(Echo) error
	close() error
}

// openFamily opens the socket of one family; answers go to the inbox.
type openFamily func(v6 bool, b *inbox) (familySocket, error)

// openSockets opens a socket of each family that the system has. It fails if
// there is none of either.
func openSockets(mode Mode, open openFamily) (*sockets, error) {
	s := &sockets{mode: mode, inbox: newInbox()}
	s.v4, s.err4 = open(false, s.inbox)
	s.v6, s.err6 = open(true, s.inbox)
	if s.err4 != nil && s.err6 != nil {
		return nil, s.err4
	}
	return s, nil
}

func (s *sockets) Answers() <-chan Answer { return s.inbox.answers }
func (s *sockets) Mode() Mode             { return s.mode }

func (s *sockets) Send(e Echo) error {
	family, err := s.v4, s.err4
	if e.To.Is6() {
		family, err = s.v6, s.err6
	}
	if err != nil {
		return fmt.Errorf("no ICMP socket for %v: %w", e.To, err)
	}
	return family.send(e)
}

func (s *sockets) Close() error {
	s.inbox.close()
	var errs []error
	if s.err4 == nil {
		errs = append(errs, s.v4.close())
	}
	if s.err6 == nil {
		errs = append(errs, s.v6.close())
	}
	return errors.Join(errs...)
}

// packetSocket is an ICMP socket of x/net: a raw one, or on macOS an
// unprivileged one, which sees ICMP errors as well.
type packetSocket struct {
	conn    *icmp.PacketConn
	v6, raw bool
	id      uint16
	pending *pending
	inbox   *inbox
}

// openPacket opens a packetSocket.
func openPacket(raw bool) openFamily {
	return func(v6 bool, b *inbox) (familySocket, error) {
		network, address := "udp4", "0.0.0.0"
		switch {
		case raw && v6:
			network, address = "ip6:ipv6-icmp", "::"
		case raw:
			network = "ip4:icmp"
		case v6:
			network, address = "udp6", "::"
		}
		conn, err := icmp.ListenPacket(network, address)
		if err != nil {
			return nil, err
		}
		p := newPending()
		s := &packetSocket{conn: conn, v6: v6, raw: raw, id: p.next ^ 0x5a5a, pending: p, inbox: b}
		s.filter()
		go s.read()
		return s, nil
	}
}

// filter keeps neighbour discovery and the like from a raw ICMPv6 socket.
// Without it they are read and discarded.
func (s *packetSocket) filter() {
	if !s.v6 || !s.raw {
		return
	}
	var f ipv6.ICMPFilter
	f.SetAll(true)
	for _, t := range []ipv6.ICMPType{ipv6.ICMPTypeEchoReply, ipv6.ICMPTypeTimeExceeded, ipv6.ICMPTypeDestinationUnreachable} {
		f.Accept(t)
	}
	_ = s.conn.IPv6PacketConn().SetICMPFilter(&f)
}

func (s *packetSocket) send(e Echo) error {
	var err error
	if s.v6 {
		err = s.conn.IPv6PacketConn().SetHopLimit(int(e.TTL))
	} else {
		err = s.conn.IPv4PacketConn().SetTTL(int(e.TTL))
	}
	if err != nil {
		return fmt.Errorf("set the TTL: %w", err)
	}
	b, err := marshalEcho(s.v6, s.id, s.pending.put(e), e.Size)
	if err != nil {
		return err
	}
	to := net.Addr(&net.UDPAddr{IP: e.To.AsSlice(), Zone: e.To.Zone()})
	if s.raw {
		to = &net.IPAddr{IP: e.To.AsSlice(), Zone: e.To.Zone()}
	}
	_, err = s.conn.WriteTo(b, to)
	return err
}

func (s *packetSocket) close() error { return s.conn.Close() }

// read delivers answers until the socket is closed. An error that comes again
// and again ends it too.
func (s *packetSocket) read() {
	buffer := make([]byte, 64<<10)
	for errs := 0; errs < maxReadErrors; {
		n, peer, err := s.conn.ReadFrom(buffer)
		at := time.Now()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			errs++
			continue
		}
		errs = 0
		m, ok := parseMessage(s.v6, buffer[:n])
		if !ok || m.id != s.id {
			continue
		}
		if a, ok := s.pending.answer(m, addressOf(peer), at); ok && !s.inbox.put(a) {
			return
		}
	}
}

// maxReadErrors is how many errors in a row end the reading of a socket.
const maxReadErrors = 16

func addressOf(peer net.Addr) netip.Addr {
	var ip net.IP
	switch p := peer.(type) {
	case *net.IPAddr:
		ip = p.IP
	case *net.UDPAddr:
		ip = p.IP
	}
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}
