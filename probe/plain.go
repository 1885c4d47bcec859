package probe

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// plainError is the innermost reason of a network error, without the names of
// calls and addresses that are said elsewhere.
func plainError(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return errors.New(dns.Err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("no answer in time")
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
