//go:build !linux && !darwin && !windows

package probe

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errRefused is the error of a connection that the host refuses.
const errRefused = syscall.ECONNREFUSED

// Open returns the Echoer of this system: a raw socket.
func Open(mode Mode) (Echoer, error) {
	if mode != ModeAuto && mode != ModeRaw {
		return nil, fmt.Errorf("ICMP mode %q does not exist on this system (raw)", mode)
	}
	s, err := openSockets(ModeRaw, openPacket(true))
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, &RightsError{
			Tried:    []string{fmt.Sprintf("raw socket: %v", plainError(err))},
			Remedies: []string{"run it as root"},
		}
	case err != nil:
		return nil, fmt.Errorf("open raw ICMP socket: %w", err)
	}
	return s, nil
}
