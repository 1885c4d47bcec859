//go:build unix

package results

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// isMountPoint tells whether another file system begins at dir.
func isMountPoint(dir string) bool {
	here, err1 := os.Stat(dir)
	above, err2 := os.Stat(filepath.Dir(dir))
	if err1 != nil || err2 != nil {
		return false
	}
	a, ok1 := here.Sys().(*syscall.Stat_t)
	b, ok2 := above.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && a.Dev != b.Dev
}

// alive tells whether a process with this number runs.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
