package probe

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errRefused is the error of a connection that the host refuses.
const errRefused = syscall.ECONNREFUSED

// Open returns the Echoer of this system: unless a raw socket is asked for, the
// unprivileged one, which macOS gives to everybody and which sees ICMP errors.
func Open(mode Mode) (Echoer, error) {
	open := openPacket(false)
	switch mode {
	case ModeAuto:
		mode = ModeDatagram
	case ModeDatagram:
	case ModeRaw:
		open = openPacket(true)
	default:
		return nil, fmt.Errorf("ICMP mode %q does not exist on macOS (raw, datagram)", mode)
	}
	s, err := openSockets(mode, open)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, &RightsError{
			Tried:    []string{fmt.Sprintf("%s socket: %v", mode, plainError(err))},
			Remedies: []string{"run it with sudo, or without --icmp raw"},
		}
	case err != nil:
		return nil, fmt.Errorf("open %s ICMP socket: %w", mode, err)
	}
	return s, nil
}
