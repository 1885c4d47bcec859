package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// File is one file of an output folder. Name is relative, with forward
// slashes.
type File struct {
	Name string
	Data []byte
}

// marker is the file by which an output folder is known as ours: a summary
// that names its schema and its scenario's hash.
const marker = "summary.json"

// ours are the names that an output folder may hold.
var ours = []string{marker, "summary.md", "policies.csv", "relays.csv", "run-info.json", "plots"}

// WriteDir puts files into dir, all or none. They are written into a sibling
// folder and flushed; then the old dir is renamed aside, the new one renamed
// in, and the old one deleted. A cancelled ctx or an error before the swap
// leaves the old dir as it was and nothing beside it. A dir that holds
// something else than an earlier output is refused.
func WriteDir(ctx context.Context, dir string, files []File) error {
	dir, err := target(dir)
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	parent, base := filepath.Split(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	fresh, err := makeSibling(parent, "."+base+".new")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := fill(ctx, fresh, files); err != nil {
		return errors.Join(fmt.Errorf("write results: %w", err), os.RemoveAll(fresh))
	}
	if err := swap(dir, fresh); err != nil {
		return errors.Join(fmt.Errorf("write results: %w", err), os.RemoveAll(fresh))
	}
	if err := flushDir(parent); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// CheckDir finds out, before a long run, whether WriteDir could put files into
// dir: that dir is new, empty or an earlier output, and that its parent takes
// new entries. It leaves nothing behind.
func CheckDir(dir string) error {
	abs, err := target(dir)
	if err != nil {
		return err
	}
	if err := restore(abs); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	probe, err := makeSibling(existingParent(abs), ".relaysim")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", dir, err)
	}
	return os.Remove(probe)
}

// restore clears away what runs left behind that were killed in the middle of
// WriteDir: an unfinished new folder is deleted, and an old one that had been
// put aside is put back if no other took its place.
func restore(dir string) error {
	parent, base := filepath.Split(dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil // there is nothing to restore in a folder that is not there
	}
	for _, e := range entries {
		kind, pid, ok := leftover(e.Name(), base)
		if !ok || alive(pid) {
			continue
		}
		left := filepath.Join(parent, e.Name())
		if _, err := os.Lstat(dir); kind == "old" && errors.Is(err, fs.ErrNotExist) {
			if err := os.Rename(filepath.Join(left, base), dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := os.RemoveAll(left); err != nil {
			return err
		}
	}
	return nil
}

// leftover takes apart the name of a sibling that makeSibling made for base:
// ".base.new-PID-N" or ".base.old-PID-N".
func leftover(name, base string) (kind string, pid int, ok bool) {
	rest, ours := strings.CutPrefix(name, "."+base+".")
	parts := strings.Split(rest, "-")
	if !ours || len(parts) != 3 || parts[0] != "new" && parts[0] != "old" {
		return "", 0, false
	}
	pid, err := strconv.Atoi(parts[1])
	return parts[0], pid, err == nil && pid > 0
}

// existingParent is the nearest folder above that exists already.
func existingParent(path string) string {
	for {
		parent := filepath.Dir(path)
		if _, err := os.Stat(parent); parent == path || !errors.Is(err, fs.ErrNotExist) {
			return parent
		}
		path = parent
	}
}

// target returns the absolute path that is to be replaced, behind any
// symbolic link, after checking that it may be.
func target(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s: %w", abs, err)
	}
	info, err := os.Stat(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return abs, nil
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", dir)
	}
	if err := replaceable(abs); err != nil {
		return "", fmt.Errorf("%s %w: it is not replaced; choose another folder", dir, err)
	}
	return abs, nil
}

// replaceable finds out whether a folder may be deleted: it is empty, or holds
// an earlier output and nothing else. It must not be a mount point, which
// cannot be renamed aside.
func replaceable(dir string) error {
	if isMountPoint(dir) {
		return errors.New("is a mount point (name a folder below it)")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(ours, e.Name()) {
			return fmt.Errorf("holds other things than results (%s)", e.Name())
		}
	}
	var head struct {
		Schema int    `json:"schema"`
		Hash   string `json:"scenario_hash"`
	}
	data, err := os.ReadFile(filepath.Join(dir, marker))
	if err != nil {
		return fmt.Errorf("holds other things than results (no %s)", marker)
	}
	if json.Unmarshal(data, &head) != nil || head.Schema == 0 || head.Hash == "" {
		return fmt.Errorf("holds other things than results (%s is another program's)", marker)
	}
	return nil
}

// makeSibling creates an empty folder beside the target, so that a rename
// stays within one file system.
func makeSibling(parent, prefix string) (string, error) {
	for i := 0; ; i++ {
		path := filepath.Join(parent, fmt.Sprintf("%s-%d-%d", prefix, os.Getpid(), i))
		err := os.Mkdir(path, 0o777)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return path, err
		}
	}
}

// fill writes and flushes every file, and every folder after its files.
func fill(ctx context.Context, root string, files []File) error {
	folders := []string{root}
	made := map[string]bool{root: true}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return fmt.Errorf("file name %q leaves the folder", f.Name)
		}
		path := filepath.Join(root, filepath.FromSlash(f.Name))
		if d := filepath.Dir(path); !made[d] {
			if err := os.MkdirAll(d, 0o777); err != nil {
				return err
			}
			made[d] = true
			folders = append(folders, d)
		}
		if err := writeFile(path, f.Data); err != nil {
			return err
		}
	}
	for i := len(folders) - 1; i >= 0; i-- {
		if err := flushDir(folders[i]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// writeFile creates a file that must not exist and flushes it.
func writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// swap puts fresh in the place of dir. If that fails the old dir is back in
// its place.
func swap(dir, fresh string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(fresh, dir)
	}
	parent, base := filepath.Split(dir)
	aside, err := makeSibling(parent, "."+base+".old")
	if err != nil {
		return err
	}
	old := filepath.Join(aside, base)
	if err := os.Rename(dir, old); err != nil {
		return errors.Join(err, os.Remove(aside))
	}
	if err := os.Rename(fresh, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir), os.Remove(aside))
	}
	return os.RemoveAll(aside)
}

// flushDir makes the entries of a folder durable where the system can.
func flushDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be flushed there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return errors.Join(err, d.Close())
	}
	return d.Close()
}
