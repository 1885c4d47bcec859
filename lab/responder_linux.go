package lab

import (
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/relaysim/relaysim/topology"
)

// responder stands for the relays of a node.
type responder struct {
	listener net.Listener
	// datagrams are sockets, one for each address, so that the answer comes from
	// the one that was asked. The prober reads them: a goroutine of their own
	// would get its turn late on a busy machine, and silence be what is measured.
	datagrams []int
}

// newResponder listens in the namespace of the calling thread: for connections
// on all of its addresses, and for datagrams on each of them.
func newResponder(n *Node) (*responder, error) {
	l, err := net.Listen("tcp4", ":"+strconv.Itoa(topology.Port))
	if err != nil {
		return nil, err
	}
	r := &responder{listener: l}
	go r.serve()
	for _, a := range append([]netip.Addr{n.Address}, n.Others...) {
		if err := r.listen(a); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *responder) listen(a netip.Addr) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	r.datagrams = append(r.datagrams, s)
	return unix.Bind(s, &unix.SockaddrInet4{Port: topology.Port, Addr: a.As4()})
}

func (r *responder) serve() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		go answer(c)
	}
}

// echo sends the datagrams back that a socket has received.
func echo(socket int) {
	var b [2048]byte
	for {
		n, from, err := unix.Recvfrom(socket, b[:], 0)
		if err != nil {
			return
		}
		_ = unix.Sendto(socket, b[:n], 0, from) // that a firewall forbids it is its business
	}
}

func (r *responder) close() {
	r.listener.Close()
	for _, s := range r.datagrams {
		unix.Close(s)
	}
}
