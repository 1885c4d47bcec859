package main

import (
	"runtime"
	"sync"
	"time"
)

// idleCores is how many cores this process gets when it wants all of them, as
// far as CPU time tells: a core that it shares counts for what it gets.
func idleCores() int {
	const span = 200 * time.Millisecond
	begun, used := time.Now(), cpuTime()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Since(begun) < span {
			}
		})
	}
	wg.Wait()
	return int(float64(cpuTime()-used)/float64(time.Since(begun)) + 0.1)
}
