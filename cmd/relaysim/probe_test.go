package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/relaysim/relaysim/probe"
	"github.com/relaysim/relaysim/report"
	"github.com/relaysim/relaysim/selection"
)

// echoing is an Echoer whose hosts answer from some TTL on; 0 is never.
type echoing struct {
	from    map[netip.Addr]int
	answers chan probe.Answer
	sent    atomic.Int32
	// after is told of each request.
	after func(n int32)
}

func (e *echoing) Answers() <-chan probe.Answer { return e.answers }
func (e *echoing) Mode() probe.Mode             { return "fake" }
func (e *echoing) Close() error                 { return nil }

func (e *echoing) Send(q probe.Echo) error {
	n := e.sent.Add(1)
	if e.after != nil {
		e.after(n)
	}
	if from := e.from[q.To]; from > 0 && int(q.TTL) >= from {
		e.answers <- probe.Answer{ID: q.ID, Kind: selection.EchoReply, From: q.To, At: time.Now()}
	} else if q.TTL == 1 {
		e.answers <- probe.Answer{ID: q.ID, Kind: selection.TimeExceeded, From: netip.MustParseAddr("192.0.2.1"), Type: 11, At: time.Now()}
	}
	return nil
}

// listener answers requests for the version on the loopback, outside of any
// bubble, and returns its port.
func listener(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if n, _ := c.Read(make([]byte, 1024)); n > 0 {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n11.0.4.60")
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// probed runs the command in a bubble with an Echoer and returns its exit code
// and what it printed.
func probed(t *testing.T, e *echoing, openError error, cancelled func(cancel context.CancelFunc), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	before := newEchoer
	defer func() { newEchoer = before }()
	synctest.Test(t, func(t *testing.T) {
		if e != nil {
			e.answers = make(chan probe.Answer, 64)
		}
		newEchoer = func(probe.Mode) (probe.Echoer, error) { return e, openError }
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if cancelled != nil {
			cancelled(cancel)
		}
		root := newRoot()
		var out, errs bytes.Buffer
		root.SetArgs(append([]string{"probe"}, args...))
		root.SetOut(&out)
		root.SetErr(&errs)
		code = exitCode(root.ExecuteContext(ctx), &errs)
		stdout, stderr = out.String(), errs.String()
	})
	return code, stdout, stderr
}

// probeFiles writes a relay list with hosts of the loopback on one port, and
// settings, and returns the flags that name them.
func probeFiles(t *testing.T, port int) []string {
	t.Helper()
	dir := t.TempDir()
	list := filepath.Join(dir, "relays.csv")
	settings := filepath.Join(dir, "client.cfg")
	rows := "name,port,address\n"
	for i := 1; i <= 3; i++ {
		rows += fmt.Sprintf("r%d,%d,127.0.0.%d\n", i, port, i)
	}
	for file, text := range map[string]string{list: rows, settings: "__RelaySelect_Automatic=1\n_BESClient_RelaySelect_MaximumTTLToPing=4\n"} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"--relays", list, "--settings", settings}
}

func answering(from map[string]int) *echoing {
	e := &echoing{from: map[netip.Addr]int{}}
	for a, ttl := range from {
		e.from[netip.MustParseAddr(a)] = ttl
	}
	return e
}

func TestProbeFindsARelay(t *testing.T) {
	files := probeFiles(t, listener(t))
	code, stdout, stderr := probed(t, answering(map[string]int{"127.0.0.1": 2}), nil, nil, append(files, "--only", "r1")...)
	if code != exitDone || stderr != "" {
		t.Errorf("ended with %d: %s", code, stderr)
	}
	for _, want := range []string{"From this machine: r1, found by probing", "register with r1: relay 11.0.4.60 answers after", "a client would register", "TTL 2: 1 answer", "nothing\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	code, stdout, _ = probed(t, answering(map[string]int{"127.0.0.1": 2}), nil, nil, append(files, "--json", "--only", "r1", "--only", "R2")...)
	var page report.Probe
	if err := json.Unmarshal([]byte(stdout), &page); err != nil || code != exitDone {
		t.Fatalf("%d, %v: %s", code, err, stdout)
	}
	if page.Story.Outcome.Parent != "r1" || page.Story.Outcome.DistanceMax != 1 || len(page.Relays) != 2 || len(page.Unverified) < 10 {
		t.Errorf("JSON: %+v", page)
	}
	if r := page.Relays[1]; r.Class != string(probe.Refuses) || r.RouterTTL != 1 || len(page.Requests) != 0 {
		t.Errorf("r2 is %+v, requests %q", r, page.Requests)
	}
}

func TestProbeExitCodes(t *testing.T) {
	files := probeFiles(t, listener(t))
	code, _, stderr := probed(t, answering(nil), nil, nil, append(files, "--only", "r3", "--root", "127.0.0.1")...)
	if code != exitFails || !strings.Contains(stderr, "only a last resort was reached: 127.0.0.1 (root)") {
		t.Errorf("nothing answers: %d, %s", code, stderr)
	}
	code, _, stderr = probed(t, answering(nil), nil, nil, append(files, "--only", "r3")...)
	if code != exitFails || !strings.Contains(stderr, "no relay was found") {
		t.Errorf("nothing answers, no root: %d, %s", code, stderr)
	}
	rights := &probe.RightsError{Tried: []string{"raw socket: no"}, Remedies: []string{"do this:  sudo that"}}
	code, stdout, stderr := probed(t, nil, rights, nil, files...)
	if code != exitBroken || stdout != "" || !strings.Contains(stderr, "no right to send ICMP echo requests (raw socket: no)\ndo this:  sudo that\n") {
		t.Errorf("without rights: %d, %q, %s", code, stdout, stderr)
	}
	code, _, _ = probed(t, nil, errors.New("boom"), nil, files...)
	if code != exitBroken {
		t.Errorf("without sockets: %d", code)
	}
	e := answering(nil)
	code, _, stderr = probed(t, e, nil, func(cancel context.CancelFunc) {
		e.after = func(n int32) {
			if n == 5 {
				cancel()
			}
		}
	}, files...)
	if code != exitInterrupted || !strings.Contains(stderr, "interrupted after 5 probes") {
		t.Errorf("interrupted: %d, %s", code, stderr)
	}
}

func TestProbeWatch(t *testing.T) {
	files := probeFiles(t, listener(t))
	e := answering(map[string]int{"127.0.0.1": 1, "127.0.0.2": 1})
	code, stdout, _ := probed(t, e, nil, func(cancel context.CancelFunc) {
		e.after = func(n int32) {
			switch n {
			case 5: // of the third selection, which takes two probes
				e.from = map[netip.Addr]int{netip.MustParseAddr("127.0.0.2"): 1}
			case 9:
				cancel()
			}
		}
	}, append(files, "--only", "r1", "--only", "r2", "--watch", "10s", "--rate", "1000", "--max-ttl", "1")...)
	if code != exitInterrupted {
		t.Errorf("ended with %d", code)
	}
	if n := strings.Count(stdout, "From this machine"); n != 1 {
		t.Errorf("%d whole pages, want the first alone:\n%s", n, stdout)
	}
	if !strings.Contains(stdout, "  r1: answers echo at 0 hops") || !strings.Contains(stdout, "→ no echo, tcp open\n") {
		t.Errorf("the change is not shown:\n%s", stdout)
	}
}
