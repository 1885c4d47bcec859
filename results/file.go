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
	s, err := stage(path)
	if err != nil {
		return err
	}
	_, err = s.file.Write(data)
	return errors.Join(s.wrap(err), s.commit(), s.drop())
}

// staged is a file that is being written beside the place that it is for.
type staged struct {
	path   string // as it was asked for
	target string // behind any symbolic link
	beside string // the folder that holds it until then
	file   *os.File
	broken bool // something of it could not be written
	done   bool
}

// stage begins a file that is to take the place of path, and clears away what
// runs left there that were killed. A path that is no regular file is refused:
// a device or a pipe would be lost.
func stage(path string) (*staged, error) {
	s := &staged{path: path, target: path}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		s.target = real
	}
	if info, err := os.Stat(s.target); err == nil && !info.Mode().IsRegular() {
		return nil, s.wrap(errors.New("is there and no regular file"))
	}
	parent, base := filepath.Split(s.target)
	if parent == "" {
		parent = "."
	}
	if err := restore(filepath.Join(parent, base)); err != nil {
		return nil, s.wrap(err)
	}
	var err error
	if s.beside, err = makeSibling(parent, "."+base+".new"); err != nil {
		var inner *fs.PathError // which names a folder that nobody asked for
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, s.wrap(err)
	}
	s.file, err = os.OpenFile(filepath.Join(s.beside, base), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, errors.Join(s.wrap(err), os.Remove(s.beside))
	}
	return s, nil
}

// wrap says which file could not be written, and remembers it.
func (s *staged) wrap(err error) error {
	if err == nil {
		return nil
	}
	s.broken = true
	return fmt.Errorf("write %s: %w", s.path, err)
}

// flush makes what was written durable; nothing is written after it.
func (s *staged) flush() error {
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Sync(), s.file.Close())
	s.file = nil
	return s.wrap(err)
}

// commit puts the file into its place, unless something of it could not be
// written.
func (s *staged) commit() error {
	if err := s.flush(); err != nil || s.broken {
		return err
	}
	parent, base := filepath.Split(s.target)
	if err := os.Rename(filepath.Join(s.beside, base), s.target); err != nil {
		return s.wrap(err)
	}
	return s.wrap(flushDir(filepath.Clean(parent)))
}

// drop leaves nothing beside the place: what was not committed is gone.
func (s *staged) drop() error {
	if s.done {
		return nil
	}
	s.done = true
	if s.file != nil {
		_ = s.file.Close() // it is thrown away
		s.file = nil
	}
	return s.wrap(os.RemoveAll(s.beside))
}
