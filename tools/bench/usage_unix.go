//go:build unix

package main

import (
	"runtime"
	"syscall"
	"time"
)

// cpuTime is what this process has used of all cores, in user and system mode.
func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the largest resident set of this process so far, in bytes.
func peak() uint64 {
	unit := uint64(1 << 10)
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		unit = 1
	}
	u := usage()
	return uint64(u.Maxrss) * unit
}

func usage() (u syscall.Rusage) {
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it knows who is asked about, and where to put it
	}
	return u
}
