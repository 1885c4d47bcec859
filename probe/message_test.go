package probe

import (
	"encoding/binary"
	"testing"

	"github.com/relaysim/relaysim/selection"
)

// quote4 is an IPv4 header with options of so many words before an ICMP header.
func quote4(words int, icmp ...byte) []byte {
	q := make([]byte, ipv4Header+4*words)
	q[0], q[9] = byte(0x45+words), protoICMP
	return append(q, icmp...)
}

func quote6(next byte, icmp ...byte) []byte {
	q := make([]byte, ipv6Header)
	q[0], q[6] = 0x60, next
	return append(q, icmp...)
}

func header(b ...byte) []byte { return append(b, make([]byte, icmpHeader-len(b))...) }

// RFC 792, RFC 4443 and, for the length of what is quoted, RFC 4884.
func TestParseMessage(t *testing.T) {
	request4 := []byte{echoRequest4, 0, 0, 0, 0x12, 0x34, 0x56, 0x78}
	request6 := []byte{echoRequest6, 0, 0, 0, 0x12, 0x34, 0x56, 0x78}
	reply := func(kind, code byte) []byte { return []byte{kind, code, 0, 0, 0x12, 0x34, 0x56, 0x78, 'x'} }
	fragment := quote4(0, request4...)
	binary.BigEndian.PutUint16(fragment[6:], 100)
	for _, c := range []struct {
		name string
		v6   bool
		in   []byte
		ok   bool
		kind selection.ReplyKind
		code uint8
	}{
		{"echo reply", false, reply(0, 0), true, selection.EchoReply, 0},
		{"echo reply with a code", false, reply(0, 1), false, 0, 0},
		{"echo request", false, reply(8, 0), false, 0, 0},
		{"echo reply of ICMP over IPv6", true, reply(0, 0), false, 0, 0},
		{"ICMPv6 echo reply", true, reply(129, 0), true, selection.EchoReply, 0},
		{"time exceeded", false, append(header(11), quote4(0, request4...)...), true, selection.TimeExceeded, 0},
		{"a quoted header with options", false, append(header(11), quote4(3, request4...)...), true, selection.TimeExceeded, 0},
		{"fragment reassembly exceeded", false, append(header(11, 1), quote4(0, request4...)...), true, selection.TimeExceeded, 1},
		{"unreachable, prohibited", false, append(header(3, 13), quote4(0, request4...)...), true, selection.Unreachable, 13},
		{"ICMPv6 time exceeded", true, append(header(3), quote6(protoICMPv6, request6...)...), true, selection.TimeExceeded, 0},
		{"ICMPv6 unreachable", true, append(header(1, 1), quote6(protoICMPv6, request6...)...), true, selection.Unreachable, 1},
		{"another's UDP quoted", true, append(header(3), quote6(17, request6...)...), false, 0, 0},
		{"an echo reply quoted", false, append(header(11), quote4(0, reply(0, 0)...)...), false, 0, 0},
		{"a later fragment quoted", false, append(header(11), fragment...), false, 0, 0},
		{"too little quoted", false, append(header(11), quote4(0, request4[:7]...)...), false, 0, 0},
		{"a quoted header that is longer than what is there", false, append(header(11), 0x4f, 0, 0), false, 0, 0},
		{"a length that ends before the identifier", false, append(header(11, 0, 0, 0, 0, 6), quote4(0, request4...)...), false, 0, 0},
		{"a length and extensions", false, append(append(header(11, 0, 0, 0, 0, 7), quote4(0, request4...)...), 0x20, 0, 0, 0), true, selection.TimeExceeded, 0},
		{"ICMPv6, a length and extensions", true, append(append(header(3, 0, 0, 0, 6), quote6(protoICMPv6, request6...)...), 0x20, 0, 0, 0), true, selection.TimeExceeded, 0},
		{"a length beyond the end", false, append(header(11, 0, 0, 0, 0, 200), quote4(0, request4...)...), true, selection.TimeExceeded, 0},
		{"a redirect", false, append(header(5), quote4(0, request4...)...), false, 0, 0},
		{"nothing", false, nil, false, 0, 0},
	} {
		m, ok := parseMessage(c.v6, c.in)
		if ok != c.ok {
			t.Errorf("%s: ok is %v, want %v", c.name, ok, c.ok)
			continue
		}
		if ok && (m.kind != c.kind || m.code != c.code || m.id != 0x1234 || m.seq != 0x5678) {
			t.Errorf("%s: parsed as %+v, want %v, code %d, id 1234, seq 5678 (hexadecimal)", c.name, m, c.kind, c.code)
		}
	}
}

func TestMarshalEcho(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, size := range []int{0, 28, 64, 92, 1 << 20} {
			b, err := marshalEcho(v6, 0x1234, 0x5678, size)
			if err != nil {
				t.Fatal(err)
			}
			least, overhead := icmpHeader, ipv4Header
			if v6 {
				overhead = ipv6Header
			}
			if want := max(least, min(size, maxPacket)-overhead); len(b) != want {
				t.Errorf("v6 %v: a request for a packet of %d bytes has %d after the IP header, want %d", v6, size, len(b), want)
			}
			if id, seq := idAndSeq(b); !isEchoRequest(v6, b) || id != 0x1234 || seq != 0x5678 {
				t.Errorf("v6 %v, size %d: not the request: % x", v6, size, b[:icmpHeader])
			}
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(false, append(header(11), quote4(2, echoRequest4, 0, 0, 0, 1, 2, 3, 4)...))
	f.Add(true, append(header(3, 0, 0, 0, 6), quote6(protoICMPv6, echoRequest6, 0, 0, 0, 1, 2, 3, 4)...))
	f.Add(true, header(129, 0, 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, v6 bool, b []byte) {
		m, ok := parseMessage(v6, b)
		if !ok {
			return
		}
		if m.kind > selection.Unreachable {
			t.Fatalf("kind %d", m.kind)
		}
		// What is matched stands in the message: at its head or in a quote.
		want := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, m.id), m.seq)
		found := false
		for i := 4; i+4 <= len(b); i++ {
			found = found || string(b[i:i+4]) == string(want)
		}
		if !found {
			t.Fatalf("id %x and seq %x are nowhere in % x", m.id, m.seq, b)
		}
	})
}
