package probe

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/relaysim/relaysim/selection"
)

// control is a control message as the kernel writes it.
func control(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

// extended is a struct sock_extended_err with the address of the offender.
func extended(origin, kind, code byte, from netip.Addr) []byte {
	b := make([]byte, extendedError)
	b[4], b[5], b[6] = origin, kind, code
	if from.Is4() {
		return append(append(binary.NativeEndian.AppendUint16(b, unix.AF_INET), 0, 0), from.AsSlice()...)
	}
	b = append(binary.NativeEndian.AppendUint16(b, unix.AF_INET6), make([]byte, 6)...)
	return append(append(b, from.AsSlice()...), 0, 0, 0, 0)
}

func TestParseQueued(t *testing.T) {
	router4, router6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	data4 := []byte{echoRequest4, 0, 0, 0, 0, 7, 0x56, 0x78}
	data6 := []byte{echoRequest6, 0, 0, 0, 0, 7, 0x56, 0x78}
	for _, c := range []struct {
		name string
		v6   bool
		data []byte
		oob  []byte
		ok   bool
		kind selection.ReplyKind
		from netip.Addr
	}{
		{"time exceeded", false, data4, control(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP, 11, 0, router4)), true, selection.TimeExceeded, router4},
		{"unreachable", false, data4, control(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP, 3, 13, router4)), true, selection.Unreachable, router4},
		{"IPv6", true, data6, control(unix.SOL_IPV6, unix.IPV6_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP6, 3, 0, router6)), true, selection.TimeExceeded, router6},
		{"from the own stack", false, data4, control(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_LOCAL, 11, 0, router4)), false, 0, router4},
		{"no address", false, data4, control(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP, 11, 0, router4)[:extendedError]), false, 0, router4},
		{"another control message", false, data4, control(unix.SOL_IP, unix.IP_TTL, make([]byte, 32)), false, 0, router4},
		{"no request", false, data6, control(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP, 11, 0, router4)), false, 0, router4},
		{"nothing", false, nil, nil, false, 0, router4},
	} {
		m, from, ok := parseQueued(c.v6, c.data, c.oob)
		if ok != c.ok {
			t.Errorf("%s: ok is %v, want %v", c.name, ok, c.ok)
		}
		if ok && (m.kind != c.kind || m.seq != 0x5678 || from != c.from) {
			t.Errorf("%s: parsed as %+v from %v, want %v from %v", c.name, m, from, c.kind, c.from)
		}
	}
}

func FuzzParseQueued(f *testing.F) {
	data := []byte{echoRequest4, 0, 0, 0, 0, 7, 0x56, 0x78}
	f.Add(false, data, control(unix.SOL_IP, unix.IP_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP, 11, 0, netip.MustParseAddr("192.0.2.1"))))
	f.Add(true, data, control(unix.SOL_IPV6, unix.IPV6_RECVERR, extended(unix.SO_EE_ORIGIN_ICMP6, 3, 0, netip.MustParseAddr("::1"))))
	f.Fuzz(func(t *testing.T, v6 bool, data, control []byte) {
		m, from, ok := parseQueued(v6, data, control)
		if ok && (m.kind == selection.EchoReply || m.kind > selection.Unreachable || !from.IsValid()) {
			t.Fatalf("%+v from %v", m, from)
		}
	})
}
