package lab

import (
	"context"
	"net"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/topology"
)

// Select runs a selection over the sockets of a client's namespace.
func (l *Lab) Select(ctx context.Context, s *topology.Spec, c *Chooser) (*Choice, error) {
	config := l.Plan.config(c, s)
	config.Dialer = inNamespace{l, c.Client}
	err := l.Inside(c.Client, func() (err error) {
		config.Echoer, err = probe.Open(probe.ModeRaw)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer config.Echoer.Close()
	r, err := probe.Run(ctx, config)
	return choiceOf(r), err
}

// inNamespace makes connections from a client's namespace.
type inNamespace struct {
	lab    *Lab
	client int
}

func (d inNamespace) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = d.lab.Inside(d.client, func() (err error) {
		c, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return c, err
}
