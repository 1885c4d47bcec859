package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/relaysim/relaysim/selection"
)

// errRefused is the error of a connection that the host refuses: WSAECONNREFUSED.
const errRefused = syscall.Errno(10061)

// The echo functions of iphlpapi.dll, which need no special rights. This file
// has been type-checked for Windows and never run there.
var (
	iphlpapi        = windows.NewLazySystemDLL("iphlpapi.dll")
	icmpCreateFile  = iphlpapi.NewProc("IcmpCreateFile")
	icmp6CreateFile = iphlpapi.NewProc("Icmp6CreateFile")
	icmpCloseHandle = iphlpapi.NewProc("IcmpCloseHandle")
	icmpSendEcho    = iphlpapi.NewProc("IcmpSendEcho")
	icmp6SendEcho2  = iphlpapi.NewProc("Icmp6SendEcho2")
)

// ipOptions is IP_OPTION_INFORMATION.
type ipOptions struct {
	ttl, tos, flags, optionsSize uint8
	options                      *byte
}

// echoReply is ICMP_ECHO_REPLY.
type echoReply struct {
	address, status, rtt uint32
	dataSize, reserved   uint16
	data                 *byte
	options              ipOptions
}

// sockaddr6 is SOCKADDR_IN6.
type sockaddr6 struct {
	family, port uint16
	flow         uint32
	address      [16]byte
	scope        uint32
}

// Status codes of a reply (ipexport.h).
const (
	ipSuccess            = 0
	ipDestNetUnreachable = 11002
	ipDestProhibited     = 11004
	ipDestPort           = 11005
	ipTTLExpiredTransit  = 11013
	ipTTLExpiredReassem  = 11014
)

// systemCalls is how many requests wait for their answer at once: each has a
// thread of its own, because the call returns with the answer.
const systemCalls = 64

// systemEchoer is the Echoer of Windows.
type systemEchoer struct {
	v4, v6 windows.Handle
	inbox  *inbox
	slots  chan struct{}
	calls  sync.WaitGroup
}

// Open returns the Echoer of this system.
func Open(mode Mode) (Echoer, error) {
	if mode != ModeAuto && mode != ModeSystem {
		return nil, fmt.Errorf("ICMP mode %q does not exist on Windows (system)", mode)
	}
	if err := iphlpapi.Load(); err != nil {
		return nil, fmt.Errorf("load iphlpapi.dll: %w", err)
	}
	v4, err4 := create(icmpCreateFile)
	v6, err6 := create(icmp6CreateFile)
	if err4 != nil && err6 != nil {
		return nil, fmt.Errorf("open ICMP: %w", err4)
	}
	return &systemEchoer{v4: v4, v6: v6, inbox: newInbox(), slots: make(chan struct{}, systemCalls)}, nil
}

func create(f *windows.LazyProc) (windows.Handle, error) {
	h, _, err := f.Call()
	if windows.Handle(h) == windows.InvalidHandle {
		return windows.InvalidHandle, err
	}
	return windows.Handle(h), nil
}

func (s *systemEchoer) Answers() <-chan Answer { return s.inbox.answers }
func (s *systemEchoer) Mode() Mode             { return ModeSystem }

// Close ends the Echoer. Calls in flight end with their own time-out.
func (s *systemEchoer) Close() error {
	s.inbox.close()
	s.calls.Wait()
	for _, h := range []windows.Handle{s.v4, s.v6} {
		if h != windows.InvalidHandle {
			_, _, _ = icmpCloseHandle.Call(uintptr(h))
		}
	}
	return nil
}

func (s *systemEchoer) Send(e Echo) error {
	if e.To.Is6() && s.v6 == windows.InvalidHandle || e.To.Is4() && s.v4 == windows.InvalidHandle {
		return errors.New("ICMP is not available for this family of addresses")
	}
	s.slots <- struct{}{}
	s.calls.Go(func() {
		defer func() { <-s.slots }()
		sent := time.Now()
		ask := s.ask4
		if e.To.Is6() {
			ask = s.ask6
		}
		if a, ok := ask(e); ok {
			a.ID, a.At = e.ID, time.Now()
			if a.At.Sub(sent) < 0 {
				a.At = sent
			}
			s.inbox.put(a)
		}
	})
	return nil
}

// payload fills a packet of the size that is asked for.
func payload(size, overhead int) []byte {
	data := make([]byte, max(1, min(size, maxPacket)-overhead))
	for i := range data {
		data[i] = filler[i%len(filler)]
	}
	return data
}

// replyRoom is what a reply may take beside the data that come back: its
// header, an ICMP error and an I/O status block, generously.
const replyRoom = 256

func (s *systemEchoer) ask4(e Echo) (Answer, bool) {
	data := payload(e.Size, ipv4Header+icmpHeader)
	reply := make([]byte, replyRoom+len(data))
	options := ipOptions{ttl: e.TTL}
	to := e.To.As4()
	n, _, _ := icmpSendEcho.Call(uintptr(s.v4), uintptr(binary.LittleEndian.Uint32(to[:])),
		uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), uintptr(unsafe.Pointer(&options)),
		uintptr(unsafe.Pointer(&reply[0])), uintptr(len(reply)), uintptr(e.Wait.Milliseconds()))
	if n == 0 {
		return Answer{}, false
	}
	r := (*echoReply)(unsafe.Pointer(&reply[0]))
	var from [4]byte
	binary.LittleEndian.PutUint32(from[:], r.address)
	return answerOf(r.status, netip.AddrFrom4(from), e.To)
}

func (s *systemEchoer) ask6(e Echo) (Answer, bool) {
	data := payload(e.Size, ipv6Header+icmpHeader)
	reply := make([]byte, replyRoom+len(data))
	options := ipOptions{ttl: e.TTL}
	from := sockaddr6{family: windows.AF_INET6}
	to := sockaddr6{family: windows.AF_INET6, address: e.To.As16()}
	n, _, _ := icmp6SendEcho2.Call(uintptr(s.v6), 0, 0, 0, uintptr(unsafe.Pointer(&from)), uintptr(unsafe.Pointer(&to)),
		uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), uintptr(unsafe.Pointer(&options)),
		uintptr(unsafe.Pointer(&reply[0])), uintptr(len(reply)), uintptr(e.Wait.Milliseconds()))
	if n == 0 {
		return Answer{}, false
	}
	// ICMPV6_ECHO_REPLY begins with an IPV6_ADDRESS_EX, packed: port (2),
	// flow (4), address (16), scope (4); the status follows aligned to 4.
	const addressAt, statusAt = 6, 28
	who := netip.AddrFrom16([16]byte(reply[addressAt : addressAt+16]))
	return answerOf(binary.LittleEndian.Uint32(reply[statusAt:]), who, e.To)
}

// answerOf turns a status into an answer. Types and codes are those that the
// status stands for, as far as it tells them apart.
func answerOf(status uint32, from, to netip.Addr) (Answer, bool) {
	v6 := to.Is6()
	a := Answer{From: from}
	switch {
	case status == ipSuccess:
		a.Kind, a.Type = selection.EchoReply, echoReply4
		if v6 {
			a.Type = echoReply6
		}
		return a, from == to.WithZone("")
	case status == ipTTLExpiredTransit || status == ipTTLExpiredReassem:
		a.Kind, a.Type = selection.TimeExceeded, timeExceeded4
		if v6 {
			a.Type = timeExceeded6
		}
		a.Code = uint8(status - ipTTLExpiredTransit)
		return a, true
	case status >= ipDestNetUnreachable && status <= ipDestPort:
		a.Kind, a.Type, a.Code = selection.Unreachable, unreachable4, uint8(status-ipDestNetUnreachable)
		if v6 {
			a.Type, a.Code = unreachable6, 0
			if status == ipDestProhibited {
				a.Code = 1 // RFC 4443, section 3.1: administratively prohibited
			}
		}
		return a, true
	}
	return a, false
}
