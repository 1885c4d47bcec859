package topology

import (
	"fmt"
	"time"

	"github.com/relaysim/relaysim/vtime"
)

// End is how a packet's way ended. The set is closed.
type End uint8

// Ends.
const (
	Delivered  End = iota
	Expired        // TTL reached zero at a router
	Filtered       // dropped by a rule or the default of a box
	Refused        // rejected: dropped and answered with icmp/unreachable or tcp/reset
	OverLimit      // dropped by the default after a limit was exceeded
	Lost           // random loss on a link
	Cut            // a link on the way is down
	NoRoute        // no way to the address from where the packet is
	NoHost         // nobody has the address, or who has it is down
	NoMapping      // a translator has no mapping that lets it in
	TableFull      // a table of flows or mappings has no room
	Unresolved     // never sent: the name does not resolve
	NumEnds
)

var endNames = [NumEnds]string{
	"delivered", "expired", "filtered", "refused", "over_limit", "lost", "link_down", "no_route",
	"no_host", "no_mapping", "table_full", "unresolved",
}

func (e End) String() string {
	if e >= NumEnds {
		return fmt.Sprintf("End(%d)", uint8(e))
	}
	return endNames[e]
}

// Result is the fate of one packet.
type Result struct {
	End End
	// At is when the packet arrived or ended.
	At vtime.Instant
	// Hops is the number of routers that decremented the TTL on the way, a
	// box that then dropped the packet included.
	Hops int
	// Box ended the packet, or NoBox. Rule is the index of the rule that
	// did, or -1 for the box's default or its Drops.
	Box  BoxID
	Rule int
	// By is who answers to the packet if it was delivered.
	By Answerer
	// Again, if not 0, is how much later a copy of the packet arrives.
	Again time.Duration
	// Code is that of the ICMP error that the end calls for.
	Code uint8

	ending ending
}

// ending is where a packet ended, for ErrorAbout: the router, box or guard at
// a place on its way that makes the error about it. The zero ending makes
// none.
type ending struct {
	place   place
	box     BoxID // or, if NoBox, router number place.router of the segment
	segment segmentID
	// about is who the packet came from, as that router saw it.
	about ident
	with  Refusal
	// outward is set at the guard of the sender.
	outward bool
	// quiet is set where no error is made of an end that calls for one.
	quiet bool
}

// Answerer is who answers to a packet.
type Answerer uint8

// Answerers.
const (
	TheHost   Answerer = iota // the host whose name was asked for
	Another                   // a relay or root that has the address now
	AStranger                 // a host of somebody else's (StrangerSpec)
	Middlebox                 // a box, in the destination's name (EchoFor)
	numAnswerers
)

var answererNames = [numAnswerers]string{"the host", "another host", "a stranger", "a middlebox"}

func (a Answerer) String() string { return answererNames[a] }
