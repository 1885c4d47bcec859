package probe

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errRefused is the error of a connection that the host refuses.
const errRefused = syscall.ECONNREFUSED

// Open returns the Echoer of this system. Under ModeAuto it is the raw socket
// if the process may have one, else the unprivileged one. A RightsError says
// what to do if neither is permitted.
func Open(mode Mode) (Echoer, error) {
	ways := []struct {
		mode Mode
		open openFamily
	}{{ModeRaw, openPacket(true)}, {ModeDatagram, openQueue}}
	refusal := &RightsError{Remedies: remedies()}
	for _, w := range ways {
		if mode != ModeAuto && mode != w.mode {
			continue
		}
		s, err := openSockets(w.mode, w.open)
		switch {
		case err == nil:
			return s, nil
		case errors.Is(err, os.ErrPermission):
			refusal.Tried = append(refusal.Tried, fmt.Sprintf("%s socket: %v", w.mode, plainError(err)))
		default:
			return nil, fmt.Errorf("open %s ICMP socket: %w", w.mode, err)
		}
	}
	if len(refusal.Tried) == 0 {
		return nil, fmt.Errorf("ICMP mode %q does not exist on Linux (raw, datagram)", mode)
	}
	return nil, refusal
}

// remedies are the ways to the right to send ICMP.
func remedies() []string {
	binary, err := os.Executable()
	if err != nil {
		binary = "relaysim"
	}
	return []string{
		"give the binary the right to raw sockets:  sudo setcap cap_net_raw+ep " + binary,
		`or let every group use unprivileged echo:  sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"`,
	}
}
