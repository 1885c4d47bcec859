package probe

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/relaysim/relaysim/selection"
)

// queueSocket is an unprivileged ICMP socket. Echo replies come on it; ICMP
// errors, which x/net does not show, stand in its error queue with the address
// of who sent them (ip(7), IP_RECVERR).
type queueSocket struct {
	file    *os.File
	conn    syscall.RawConn
	v6      bool
	pending *pending
	inbox   *inbox
}

// openQueue opens a queueSocket. The kernel gives it its identifier and puts
// checksums in.
func openQueue(v6 bool, b *inbox) (familySocket, error) {
	domain, proto := unix.AF_INET, unix.IPPROTO_ICMP
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if v6 {
		domain, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("setsockopt", err)
	}
	file := os.NewFile(uintptr(fd), "icmp")
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	s := &queueSocket{file: file, conn: conn, v6: v6, pending: newPending(), inbox: b}
	go s.read()
	return s, nil
}

func (s *queueSocket) close() error { return s.file.Close() }

func (s *queueSocket) send(e Echo) error {
	b, err := marshalEcho(s.v6, 0, s.pending.put(e), e.Size)
	if err != nil {
		return err
	}
	var sent error
	if err := s.conn.Control(func(fd uintptr) { sent = s.sendOn(int(fd), e, b) }); err != nil {
		return err
	}
	return sent
}

// sendOn sends one request. The error of an earlier one, which stands in the
// error queue as well, is also returned by the next call on the socket: it is
// fetched before, and if one arrives in between, the call is made again.
func (s *queueSocket) sendOn(fd int, e Echo, b []byte) error {
	level, option := unix.IPPROTO_IP, unix.IP_TTL
	if s.v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	if err := unix.SetsockoptInt(fd, level, option, int(e.TTL)); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	const tries = 4
	var err error
	for range tries {
		_, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err = unix.Sendto(fd, b, 0, s.sockaddr(e.To)); err == nil {
			return nil
		}
	}
	return os.NewSyscallError("sendto", err)
}

func (s *queueSocket) sockaddr(to netip.Addr) unix.Sockaddr {
	if s.v6 {
		return &unix.SockaddrInet6{Addr: to.As16(), ZoneId: zoneIndex(to.Zone())}
	}
	return &unix.SockaddrInet4{Addr: to.As4()}
}

// zoneIndex is the index of the interface that a zone names.
func zoneIndex(zone string) uint32 {
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}

// read delivers answers until the socket is closed.
func (s *queueSocket) read() {
	for {
		var got []Answer
		err := s.conn.Read(func(fd uintptr) bool {
			got = s.drain(int(fd), got)
			return len(got) > 0
		})
		if err != nil {
			return
		}
		for _, a := range got {
			if !s.inbox.put(a) {
				return
			}
		}
	}
}

// drain reads all that has come: the error queue first, and then replies.
func (s *queueSocket) drain(fd int, got []Answer) []Answer {
	data, control := make([]byte, 2048), make([]byte, 512)
	for {
		n, nc, _, _, err := unix.Recvmsg(fd, data, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		at := time.Now()
		if m, from, ok := parseQueued(s.v6, data[:n], control[:nc]); ok {
			if a, ok := s.pending.answer(m, from, at); ok {
				got = append(got, a)
			}
		}
	}
	for {
		n, from, err := unix.Recvfrom(fd, data, unix.MSG_DONTWAIT)
		at := time.Now()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EBADF) {
			return got
		}
		if err != nil {
			continue // the error of an earlier request, which the queue has had
		}
		if m, ok := parseMessage(s.v6, data[:n]); ok {
			if a, ok := s.pending.answer(m, addressOfSockaddr(from), at); ok {
				got = append(got, a)
			}
		}
	}
}

func addressOfSockaddr(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}

// extendedError is the length of struct sock_extended_err, which the address
// of the offender follows.
const extendedError = 16

// parseQueued reads one entry of the error queue: the data are the quoted
// request from its ICMP header on, the control message says what came back and
// from whom. ok is false for errors that came from this machine's own stack
// and for whatever is no answer.
func parseQueued(v6 bool, data, control []byte) (m message, from netip.Addr, ok bool) {
	if len(data) < icmpHeader || !isEchoRequest(v6, data) {
		return m, from, false
	}
	m.id, m.seq = idAndSeq(data)
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return m, from, false
	}
	for _, c := range messages {
		isError := c.Header.Level == unix.SOL_IP && c.Header.Type == unix.IP_RECVERR ||
			c.Header.Level == unix.SOL_IPV6 && c.Header.Type == unix.IPV6_RECVERR
		if !isError || len(c.Data) < extendedError {
			continue
		}
		origin := c.Data[4]
		if origin != unix.SO_EE_ORIGIN_ICMP && origin != unix.SO_EE_ORIGIN_ICMP6 {
			continue
		}
		m.kindType, m.code = c.Data[5], c.Data[6]
		from, known := offender(c.Data[extendedError:])
		return m, from, m.setErrorKind(v6) && known
	}
	return m, from, false
}

// setErrorKind sets the kind by the type of an error. It returns false if the
// type is none that is looked for.
func (m *message) setErrorKind(v6 bool) bool {
	switch {
	case v6 && m.kindType == timeExceeded6, !v6 && m.kindType == timeExceeded4:
		m.kind = selection.TimeExceeded
	case v6 && m.kindType == unreachable6, !v6 && m.kindType == unreachable4:
		m.kind = selection.Unreachable
	default:
		return false
	}
	return true
}

// offender reads a raw sockaddr: family, port, then for IPv6 the flow, then
// the address.
func offender(b []byte) (netip.Addr, bool) {
	if len(b) < 8 {
		return netip.Addr{}, false
	}
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:8])), true
	case unix.AF_INET6:
		if len(b) >= 24 {
			return netip.AddrFrom16([16]byte(b[8:24])).Unmap(), true
		}
	}
	return netip.Addr{}, false
}
