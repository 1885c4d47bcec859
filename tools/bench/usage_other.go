//go:build !unix

package main

import "time"

var begun = time.Now()

// cpuTime is wall time where the system is not asked for CPU time.
func cpuTime() time.Duration { return time.Since(begun) }

// peak is not asked.
func peak() uint64 { return 0 }
