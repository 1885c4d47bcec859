//go:build unix

package results

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// deadProcess is the number of a process that has ended.
func deadProcess(t *testing.T) string {
	t.Helper()
	c := exec.Command("true")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(c.ProcessState.Pid())
}

// A run that is killed between its two renames leaves the old results aside;
// the next one puts them back before it starts.
func TestKilledRunIsCleanedUpAfter(t *testing.T) {
	dead, mine := deadProcess(t), strconv.Itoa(os.Getpid())
	root := t.TempDir()
	for name, data := range map[string]string{
		".out.old-" + dead + "-0/out/summary.json": firstMark,
		".out.new-" + dead + "-0/summary.json":     secondMark,
		".out.new-" + mine + "-0/summary.json":     secondMark,
		".outer.new-" + dead + "-0/summary.json":   secondMark,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := CheckDir(filepath.Join(root, "out")); err != nil {
		t.Fatal(err)
	}
	wantTree(t, root, map[string]string{
		"out/summary.json":                       firstMark,
		".out.new-" + mine + "-0/summary.json":   secondMark,
		".outer.new-" + dead + "-0/summary.json": secondMark,
	})
}
