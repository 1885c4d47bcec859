package probe

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/relaysim/relaysim/selection"
)

// Echo is one echo request that is to be sent.
type Echo struct {
	// ID comes back in the answers. It is the caller's, and unique in the life
	// of the Echoer (see NewID).
	ID uint32
	To netip.Addr
	// TTL is the IPv4 TTL or the IPv6 hop limit, from 1.
	TTL uint8
	// Size is the length of the packet with its IP header; it is raised to
	// the least that an echo request takes.
	Size int
	// Wait is for how long answers are of interest. Windows needs it, whose
	// calls end with it; sockets hear later answers too.
	Wait time.Duration
}

// lastID is the last number given to a request.
var lastID atomic.Uint32

// NewID returns a number for a request that no other has had, so that one
// Echoer can serve several runs: a late answer to one is none to the next.
func NewID() uint32 { return lastID.Add(1) }

// Answer is what came back for an echo request.
type Answer struct {
	ID   uint32
	Kind selection.ReplyKind
	// From is who sent it: the host itself, or a router on the way.
	From netip.Addr
	// Type and Code are those of the ICMP message, of ICMPv6 if From is IPv6.
	Type, Code uint8
	At         time.Time
}

// Echoer sends echo requests and hears what answers them. Answers to others'
// requests are left out. Send may be called by one goroutine at a time.
type Echoer interface {
	// Send sends one request. It does not wait for an answer.
	Send(Echo) error
	// Answers is the channel on which answers come, in order of arrival.
	Answers() <-chan Answer
	// Mode says which way of the system is used.
	Mode() Mode
	Close() error
}

// Mode is a way to send echo requests.
type Mode string

// Modes.
const (
	ModeAuto     Mode = "auto"     // the first of the others that is permitted
	ModeRaw      Mode = "raw"      // raw ICMP socket
	ModeDatagram Mode = "datagram" // unprivileged ICMP socket
	ModeSystem   Mode = "system"   // IcmpSendEcho of Windows
)

// RightsError reports that the system lets this process send no echo requests.
type RightsError struct {
	// Tried has one line for each mode that was tried.
	Tried []string
	// Remedies are the ways out, each a sentence with a command.
	Remedies []string
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("no right to send ICMP echo requests (%s)\n%s", strings.Join(e.Tried, "; "), strings.Join(e.Remedies, "\n"))
}

// pending maps the sequence numbers on the wire to requests. Answers are
// matched by it, since an ICMP error quotes no more of the request than that
// for sure (RFC 792: 64 bits after the IP header).
type pending struct {
	mu   sync.Mutex
	next uint16
	by   map[uint16]Echo
}

func newPending() *pending {
	// From a random number, so that answers to an earlier run are strangers.
	return &pending{next: uint16(rand.Uint32()), by: map[uint16]Echo{}}
}

// put gives a request its sequence number. The one 65,536 requests ago loses it.
func (p *pending) put(e Echo) uint16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	p.by[p.next] = e
	return p.next
}

// answer turns a message into the answer to one of the requests. ok is false
// if it answers none: an echo reply counts only from whom was asked.
func (p *pending) answer(m message, from netip.Addr, at time.Time) (a Answer, ok bool) {
	p.mu.Lock()
	e, ok := p.by[m.seq]
	p.mu.Unlock()
	from = from.Unmap()
	if !ok || m.kind == selection.EchoReply && from.WithZone("") != e.To.WithZone("") {
		return a, false
	}
	return Answer{ID: e.ID, Kind: m.kind, From: from.WithZone(""), Type: m.kindType, Code: m.code, At: at}, true
}

// inbox is the channel of answers with its end.
type inbox struct {
	answers chan Answer
	done    chan struct{}
	once    sync.Once
}

func newInbox() *inbox {
	return &inbox{answers: make(chan Answer, 256), done: make(chan struct{})}
}

// put delivers an answer. It returns false once the Echoer is closed.
func (b *inbox) put(a Answer) bool {
	select {
	case b.answers <- a:
		return true
	case <-b.done:
		return false
	}
}

func (b *inbox) close() { b.once.Do(func() { close(b.done) }) }
