package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile puts data into a file, all or nothing: it is written beside it,
// flushed, and renamed over what was there.
func WriteFile(path string, data []byte) error {
	parent, base := filepath.Split(path)
	if parent == "" {
		parent = "."
	}
	beside, err := makeSibling(parent, "."+base+".new")
	if err != nil {
		var inner *fs.PathError // which names a folder that nobody asked for
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	fresh := filepath.Join(beside, base)
	err = writeFile(fresh, data)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err = errors.Join(err, os.RemoveAll(beside)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := flushDir(parent); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
