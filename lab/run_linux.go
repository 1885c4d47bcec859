package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is a plan that has been carried out.
type Lab struct {
	Plan   *Plan
	prefix string
	names  []string // of its namespaces

	responders []*responder
	down       sync.Once
}

// RightsError reports that this process may not make a lab.
type RightsError struct{ Missing string }

func (e *RightsError) Error() string {
	return "a lab needs root and the commands ip and nft (iproute2, nftables): " + e.Missing
}

// Allowed tells what keeps this process from making labs, nil for nothing.
func Allowed() error {
	for _, c := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(c); err != nil {
			return &RightsError{"no command " + c}
		}
	}
	if os.Geteuid() != 0 {
		return &RightsError{"not root, run it with sudo"}
	}
	// Root in a container may still lack the capability.
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends
		ended <- unix.Unshare(unix.CLONE_NEWNET)
	}()
	if err := <-ended; err != nil {
		return &RightsError{"no namespaces: " + err.Error()}
	}
	return nil
}

// namespaces is the folder in which ip netns keeps its names.
const namespaces = "/run/netns"

var labs atomic.Int64

// Prefix begins the names of all namespaces of labs.
const Prefix = "rs-"

// newPrefix names a lab of this process: by its number, its start, so that
// another process of the same number is not taken for it, and a count.
func newPrefix() string {
	return fmt.Sprintf("%s%d-%s-%d-", Prefix, os.Getpid(), started(os.Getpid()), labs.Add(1))
}

// started is when a process began, in ticks since the boot; "" if there is none
// of that number. It is the 22nd field of its line, after the command in
// brackets.
func started(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// Clean takes away what labs of processes have left that are no more. It
// returns the names of the namespaces.
func Clean() (gone []string, err error) {
	entries, err := os.ReadDir(namespaces)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		parts := strings.Split(e.Name(), "-")
		if len(parts) < 4 || parts[0]+"-" != Prefix {
			continue
		}
		pid, err := strconv.Atoi(parts[1])
		if err == nil && started(pid) != parts[2] {
			gone = append(gone, e.Name())
		}
	}
	return gone, remove(gone)
}

// remove removes namespaces. What runs in them must have ended.
func remove(names []string) error {
	if len(names) == 0 {
		return nil
	}
	lines := make([]string, len(names))
	for i, n := range names {
		lines[i] = "netns del " + n
	}
	return feed(exec.Command("ip", "-force", "-batch", "-"), lines)
}

// feed runs a command with lines as its input.
func feed(c *exec.Cmd, lines []string) error {
	var said bytes.Buffer
	// Ctrl-C is for this process, which then takes the lab away with this
	// same command.
	c.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(strings.Join(lines, "\n")+"\n"), &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// Up builds the lab of a plan. What was built is taken away again if something
// fails or the context ends.
func Up(ctx context.Context, p *Plan) (*Lab, error) {
	l := &Lab{Plan: p, prefix: newPrefix()}
	b := p.batches(l.prefix)
	for _, line := range b.root {
		if name, ok := strings.CutPrefix(line, "netns add "); ok {
			l.names = append(l.names, name)
		}
	}
	if err := l.build(ctx, b); err != nil {
		return nil, errors.Join(err, l.Down())
	}
	return l, nil
}

func (l *Lab) build(ctx context.Context, b *batches) error {
	if err := feed(exec.Command("ip", "-batch", "-"), b.root); err != nil {
		return err
	}
	if len(b.switches) > 0 {
		if err := feed(exec.Command("ip", "-n", l.prefix+switchNode, "-batch", "-"), b.switches); err != nil {
			return err
		}
	}
	for i := range l.Plan.Nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.inside(i, func() error { return l.setUp(i, b.nodes[i]) }); err != nil {
			return fmt.Errorf("namespace of %s: %w", l.Plan.Nodes[i].Name, err)
		}
	}
	for _, name := range l.names {
		if err := l.insideOf(name, func() error { return awaitPorts(ctx) }); err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
	}
	return nil
}

// awaitPorts waits until all ports of the calling thread's namespace carry
// packets. The kernel may take a second to notice that both ends of a veth pair
// are up, and drops what is sent until then.
func awaitPorts(ctx context.Context) error {
	for range 1000 {
		ports, err := net.Interfaces()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(ports, func(i net.Interface) bool {
			return i.Flags&(net.FlagRunning|net.FlagLoopback) == 0 && i.Name != deadPort
		}) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return errors.New("a port does not come up")
}

// setUp sets a node up. It runs in the node's namespace.
func (l *Lab) setUp(i int, commands []string) error {
	n := &l.Plan.Nodes[i]
	for _, s := range n.sysctls() {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", s.path), []byte(s.value), 0); err != nil && !(errors.Is(err, os.ErrNotExist) && strings.HasPrefix(s.path, "ipv6")) {
			return err
		}
	}
	if err := feed(exec.Command("ip", "-batch", "-"), commands); err != nil {
		return err
	}
	if n.Rules != "" {
		if err := feed(exec.Command("nft", "-f", "-"), []string{n.Rules}); err != nil {
			return fmt.Errorf("%w\n%s", err, n.Rules)
		}
	}
	if n.Listens {
		r, err := newResponder(n)
		if err != nil {
			return err
		}
		l.responders = append(l.responders, r)
	}
	return nil
}

// inside runs f on a thread in the namespace of a node. Commands and sockets
// that f makes are in there too. The thread ends with f.
func (l *Lab) inside(node int, f func() error) error {
	return l.insideOf(l.prefix+nodeName(node), f)
}

func (l *Lab) insideOf(name string, f func() error) error {
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else may get this thread
		ended <- enter(name, f)
	}()
	return <-ended
}

func enter(name string, f func() error) error {
	ns, err := os.Open(filepath.Join(namespaces, name))
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", name, err)
	}
	return f()
}

// Inside runs f in the namespace of a client.
func (l *Lab) Inside(client int, f func() error) error {
	return l.inside(l.Plan.Clients[client].Node, f)
}

// Down takes the lab away.
func (l *Lab) Down() (err error) {
	l.down.Do(func() {
		for _, r := range l.responders {
			r.close()
		}
		var there []string
		for _, n := range l.names {
			if _, err := os.Stat(filepath.Join(namespaces, n)); err == nil {
				there = append(there, n)
			}
		}
		err = remove(there)
	})
	return err
}
