package topology

import (
	"net/netip"
	"testing"

	"github.com/relaysim/relaysim/rng"
)

// An error that comes back through a translator quotes the request as it was
// sent (RFC 5508 REQ-4), and Receive ends as Walk does.
func TestReceiveTranslatesQuotes(t *testing.T) {
	s := &Spec{
		Networks: []NetworkSpec{{Name: "home"}, {Name: "internet"}},
		Boxes: []BoxSpec{{
			Name: "nat", Kind: Stateful, RelatedErrors: true,
			NAT: &NATSpec{Outside: 1, Pool: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, Filtering: AddressAndPortDependent},
		}},
		Legs:  []LegSpec{{Name: "in", Network: 0, Box: 0}, {Name: "out", Network: 1, Box: 0, Side: 1, Routers: 1}},
		Hosts: []HostSpec{{Name: "relay", Network: 1, Role: Relay}},
	}
	n, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	st := n.NewState()
	p, ok := st.Request(Attachment{}, 7, 0, EchoRequest, 2, rng.Key(1))
	if !ok {
		t.Fatal("no request")
	}
	r, there := n.Receive(st, p, 0)
	if r.End != Expired || there.Src == p.Src {
		t.Fatalf("Receive = %v from %+v, want it expired and translated", r.End, there.Src)
	}
	e, ok := st.ErrorAbout(p, r, r.At, rng.Key(2))
	if !ok {
		t.Fatal("no error")
	}
	want := n.Walk(n.NewState(), e, r.At).End
	back, here := n.Receive(st, e, r.At)
	if want != NoMapping || back.End != Delivered || here.QuotedSrc != p.Src || here.QuotedDst != p.Dst || here.Dst != p.Src {
		t.Errorf("without a mapping %v; Receive = %v, %+v, want it delivered to and quoting %+v", want, back.End, here, p.Src)
	}
}
