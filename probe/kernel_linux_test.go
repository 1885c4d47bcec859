package probe

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/relaysim/relaysim/selection"
)

// kernelVariable asks for the tests against the kernel of this machine. They
// need root and the command ip, and touch nothing but namespaces of their own.
const kernelVariable = "RELAYSIM_KERNEL_TESTS"

func needKernel(t *testing.T) {
	t.Helper()
	if os.Getenv(kernelVariable) == "" {
		t.Skip(kernelVariable + " is not set")
	}
}

// namespace makes a network namespace for the time of the test, with lo up.
func namespace(t *testing.T, name string) string {
	t.Helper()
	name = fmt.Sprintf("rsprobe-%d-%s", os.Getpid(), name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	sh(t, "ip netns add "+name)
	sh(t, "ip -n "+name+" link set lo up")
	return name
}

func sh(t *testing.T, line string) {
	t.Helper()
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// openIn opens the Echoer inside a namespace: a socket belongs to that in
// which it was made.
func openIn(t *testing.T, name string, mode Mode) Echoer {
	t.Helper()
	type opened struct {
		e   Echoer
		err error
	}
	done := make(chan opened)
	go func() {
		runtime.LockOSThread() // and never back: the thread ends with the goroutine
		f, err := os.Open("/run/netns/" + name)
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			done <- opened{nil, err}
			return
		}
		e, err := Open(mode)
		done <- opened{e, err}
	}()
	o := <-done
	if o.err != nil {
		t.Fatal(o.err)
	}
	t.Cleanup(func() { o.e.Close() })
	return o.e
}

var kernelModes = []Mode{ModeRaw, ModeDatagram}

// allowDatagram lets the processes of a namespace use unprivileged ICMP.
func allowDatagram(t *testing.T, name string) {
	t.Helper()
	if out, err := exec.Command("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647").CombinedOutput(); err != nil {
		t.Fatalf("sysctl: %v: %s", err, out)
	}
}

// fates surveys one address and writes the answers as words.
func fates(t *testing.T, e Echoer, to string, ttls ...uint8) string {
	t.Helper()
	got, err := Survey(t.Context(), e, []netip.Addr{netip.MustParseAddr(to)}, ttls, 64, 300*time.Millisecond, 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range got[0] {
		if a == nil {
			out = append(out, "-")
			continue
		}
		out = append(out, fmt.Sprintf("%v from %v", a.Kind, a.From))
		if a.Kind == selection.Unreachable {
			out[len(out)-1] += fmt.Sprintf(" code %d", a.Code)
		}
	}
	return strings.Join(out, ", ")
}

func TestKernelLoopback(t *testing.T) {
	needKernel(t)
	ns := namespace(t, "lo")
	allowDatagram(t, ns)
	for _, mode := range kernelModes {
		e := openIn(t, ns, mode)
		for _, to := range []string{"127.0.0.1", "::1"} {
			want := fmt.Sprintf("echo reply from %s, echo reply from %[1]s", to)
			if got := fates(t, e, to, 1, 255); got != want {
				t.Errorf("%s %s: %s, want %s", mode, to, got, want)
			}
		}
	}
}

// Without rights the error says what to do.
func TestKernelWithoutRights(t *testing.T) {
	needKernel(t)
	ns := namespace(t, "none")
	sh(t, "ip netns exec "+ns+" true")
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("no setpriv")
	}
	// The test binary runs itself as nobody: it exits 0 where Open says so.
	binary := t.TempDir() + "/probe.test"
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for dir := binary; dir != "/tmp" && len(dir) > 4; dir = dir[:strings.LastIndexByte(dir, '/')] {
		_ = os.Chmod(dir, 0o755)
	}
	if err := os.WriteFile(binary, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", binary, "-test.run", "TestOpenAsNobody")
	cmd.Env = append(os.Environ(), "RELAYSIM_AS_NOBODY=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestOpenAsNobody is run by TestKernelWithoutRights alone.
func TestOpenAsNobody(t *testing.T) {
	if os.Getenv("RELAYSIM_AS_NOBODY") == "" {
		t.Skip("run by another test")
	}
	_, err := Open(ModeAuto)
	for _, want := range []string{"raw socket: operation not permitted", "datagram socket: permission denied", "sudo setcap cap_net_raw+ep /", "net.ipv4.ping_group_range"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("Open says %v, want %q in it", err, want)
		}
	}
}

// A client, two routers and two hosts, the second of which answers no echo:
//
//	cl 192.0.2.2 ── .1 r1 203.0.113.1 ── .2 r2 198.51.100.1 ── .2 (host)
func TestKernelRouters(t *testing.T) {
	needKernel(t)
	cl, r1, r2, host := namespace(t, "cl"), namespace(t, "r1"), namespace(t, "r2"), namespace(t, "host")
	wire(t, cl, "192.0.2.2/24", "2001:db8:1::2/64", r1, "192.0.2.1/24", "2001:db8:1::1/64")
	wire(t, r1, "203.0.113.1/24", "2001:db8:2::1/64", r2, "203.0.113.2/24", "2001:db8:2::2/64")
	wire(t, r2, "198.51.100.1/24", "2001:db8:3::1/64", host, "198.51.100.2/24", "2001:db8:3::2/64")
	for ns, via := range map[string][2]string{cl: {"192.0.2.1", "2001:db8:1::1"}, r1: {"203.0.113.2", "2001:db8:2::2"}, r2: {"203.0.113.1", "2001:db8:2::1"}, host: {"198.51.100.1", "2001:db8:3::1"}} {
		sh(t, "ip -n "+ns+" route add default via "+via[0])
		sh(t, "ip -n "+ns+" -6 route add default via "+via[1])
	}
	for _, ns := range []string{r1, r2} {
		sh(t, "ip netns exec "+ns+" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0")
	}
	sh(t, "ip -n "+r2+" route add prohibit 198.51.100.9/32")
	sh(t, "ip -n "+r2+" -6 route add prohibit 2001:db8:3::9/128")
	allowDatagram(t, cl)
	for _, mode := range kernelModes {
		e := openIn(t, cl, mode)
		// Neighbours are not known at first.
		eventually(t, e, "2001:db8:3::2", 9, "echo reply from 2001:db8:3::2")
		for to, want := range map[string]string{
			"198.51.100.2":  "time exceeded from 192.0.2.1, time exceeded from 203.0.113.2, echo reply from 198.51.100.2",
			"2001:db8:3::2": "time exceeded from 2001:db8:1::1, time exceeded from 2001:db8:2::2, echo reply from 2001:db8:3::2",
			"198.51.100.1":  "time exceeded from 192.0.2.1, echo reply from 198.51.100.1, echo reply from 198.51.100.1",
		} {
			if got := fates(t, e, to, 1, 2, 3); got != want {
				t.Errorf("%s %s:\n got %s\nwant %s", mode, to, got, want)
			}
		}
		for to, want := range map[string]string{
			"198.51.100.9":  "unreachable from 203.0.113.2 code 13",
			"2001:db8:3::9": "unreachable from 2001:db8:2::2 code 1",
		} {
			// A route that rejects says so about once a second (ip_rt_error_cost).
			eventually(t, e, to, 9, want)
		}
	}
}

// eventually asks until the answer is the wanted one.
func eventually(t *testing.T, e Echoer, to string, ttl uint8, want string) {
	t.Helper()
	got := ""
	for range 12 {
		if got = fates(t, e, to, ttl); got == want {
			return
		}
	}
	t.Errorf("%s %s: %s, want %s", e.Mode(), to, got, want)
}

// wire connects two namespaces.
func wire(t *testing.T, a, a4, a6, b, b4, b6 string) {
	t.Helper()
	wires++
	left, right := fmt.Sprintf("l%d", wires), fmt.Sprintf("r%d", wires)
	sh(t, fmt.Sprintf("ip link add %s netns %s type veth peer name %s netns %s", left, a, right, b))
	for _, end := range [][4]string{{a, left, a4, a6}, {b, right, b4, b6}} {
		sh(t, fmt.Sprintf("ip -n %s addr add %s dev %s", end[0], end[2], end[1]))
		sh(t, fmt.Sprintf("ip -n %s addr add %s dev %s nodad", end[0], end[3], end[1]))
		sh(t, fmt.Sprintf("ip -n %s link set %s up", end[0], end[1]))
	}
}

var wires int
