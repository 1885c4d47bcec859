package lab

import (
	"errors"
	"net"
	"net/netip"
	"strconv"

	"github.com/relaysim/relaysim/topology"
)

// responder stands for the relays of a node.
type responder struct {
	listener  net.Listener
	datagrams []net.PacketConn
}

// newResponder listens in the namespace of the calling thread: for connections
// on all of its addresses, and for datagrams on each of them, so that it
// answers from the one that was asked.
func newResponder(n *Node) (*responder, error) {
	port := strconv.Itoa(topology.Port)
	l, err := net.Listen("tcp4", ":"+port)
	if err != nil {
		return nil, err
	}
	r := &responder{listener: l}
	go r.serve()
	for _, a := range append([]netip.Addr{n.Address}, n.Others...) {
		c, err := net.ListenPacket("udp4", net.JoinHostPort(a.String(), port))
		if err != nil {
			r.close()
			return nil, err
		}
		r.datagrams = append(r.datagrams, c)
		go echo(c)
	}
	return r, nil
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

// echo sends datagrams back.
func echo(c net.PacketConn) {
	var b [2048]byte
	for {
		n, from, err := c.ReadFrom(b[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			_, _ = c.WriteTo(b[:n], from) // that a firewall forbids it is its business
		}
	}
}

func (r *responder) close() {
	r.listener.Close()
	for _, c := range r.datagrams {
		c.Close()
	}
}
