package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// marker is the file by which a folder is known to hold results.
const marker = "summary.json"

// checkFolder finds out before a long run whether its results can be written:
// the folder must be new, empty or hold results, and its parent must take new
// entries. The check leaves nothing behind.
func checkFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("output folder %s: %w", folder, plainPathError(err))
	case len(entries) > 0:
		if _, err := os.Stat(filepath.Join(folder, marker)); err != nil {
			return fmt.Errorf("output folder %s holds other things than results and is not replaced: choose another with -o", folder)
		}
	}
	base := existingParent(folder)
	probe, err := os.MkdirTemp(base, ".relaysim-*")
	if err != nil {
		return fmt.Errorf("output folder %s cannot be written in %s: %w", folder, base, plainPathError(err))
	}
	return os.Remove(probe)
}

// existingParent is the nearest folder above that exists already.
func existingParent(folder string) string {
	for {
		parent := filepath.Dir(folder)
		if parent == folder {
			return parent
		}
		if _, err := os.Stat(parent); !errors.Is(err, fs.ErrNotExist) {
			return parent
		}
		folder = parent
	}
}

// plainPathError takes away the system call and the path, which the message
// has already or which name a probe that is gone.
func plainPathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
