package probe

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/relaysim/relaysim/selection"
)

// Resolver looks names up. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolveTimeout bounds one look-up, resolveAtOnce how many run at a time.
const (
	resolveTimeout = 5 * time.Second
	resolveAtOnce  = 8
)

// names looks hosts up, each once.
type names struct {
	resolver Resolver
	hosts    []Host
	mu       sync.Mutex
	known    map[selection.RelayID]resolved
}

type resolved struct {
	address netip.Addr
	err     error
}

func newNames(r Resolver, hosts []Host) *names {
	return &names{resolver: r, hosts: hosts, known: map[selection.RelayID]resolved{}}
}

// errUnknownHost is the address of a handle that the directory lacks.
var errUnknownHost = errors.New("no host of that name is known")

// address returns the address of a host. An end of the context is no result
// and is not kept.
func (n *names) address(ctx context.Context, id selection.RelayID) (netip.Addr, error) {
	if int64(id) >= int64(len(n.hosts)) {
		return netip.Addr{}, errUnknownHost
	}
	if a := n.hosts[id].Address; a.IsValid() {
		return a, nil
	}
	n.mu.Lock()
	r, ok := n.known[id]
	n.mu.Unlock()
	if ok {
		return r.address, r.err
	}
	r.address, r.err = n.lookUp(ctx, n.hosts[id].Name)
	if ctx.Err() != nil {
		return r.address, ctx.Err()
	}
	n.mu.Lock()
	n.known[id] = r
	n.mu.Unlock()
	return r.address, r.err
}

// lookUp asks for all addresses and takes the first of IPv4, or else the first
// of IPv6: the order that the client's log names (spec 15, unverified).
func (n *names) lookUp(ctx context.Context, name string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	all, err := n.resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, plainError(err)
	}
	for _, v4 := range []bool{true, false} {
		for _, a := range all {
			if a = a.Unmap(); a.Is4() == v4 {
				return a, nil
			}
		}
	}
	return netip.Addr{}, errors.New("the name has no address")
}

// fetch looks the hosts of a round up, several at a time, before it begins.
func (n *names) fetch(ctx context.Context, candidates []selection.Candidate) {
	slots := make(chan struct{}, resolveAtOnce)
	var all sync.WaitGroup
	for i := range candidates {
		slots <- struct{}{}
		all.Go(func() {
			_, _ = n.address(ctx, candidates[i].Relay)
			<-slots
		})
	}
	all.Wait()
}
