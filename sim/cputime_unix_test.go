//go:build unix

package sim

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used of all cores.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it knows who is asked about, and where to put it
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
