package scenarios

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/relaysim/relaysim/scenarios/pos"
)

// maxFileSize bounds each file that is read. A scenario of thousands of sites
// takes a few hundred kilobytes.
const maxFileSize = 8 << 20

// source reads the files of one scenario and hashes what it reads.
type source struct {
	fsys fs.FS
	sum  hash.Hash
}

func newSource(fsys fs.FS) *source { return &source{fsys, sha256.New()} }

// hash identifies all text read so far.
func (s *source) hash() string { return fmt.Sprintf("%x", s.sum.Sum(nil)) }

// badFile is why a file cannot be used. Its position is set where one byte is
// to blame.
type badFile struct {
	problem string
	at      pos.Position
}

// read returns the text of a file without a byte order mark.
func (s *source) read(name string) ([]byte, *badFile) { return s.readAs(name, false) }

// readAs does so for a file that may be in UTF-16LE, if wide.
func (s *source) readAs(name string, wide bool) ([]byte, *badFile) {
	data, err := s.bytes(name)
	if err != nil {
		return nil, &badFile{problem: fileProblem(err)}
	}
	if wide {
		var bad *badFile
		if data, bad = fromUTF16(data); bad != nil {
			return nil, bad
		}
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if bad := notText(data); bad != nil {
		return nil, bad
	}
	// The length keeps two files apart whose concatenations agree.
	fmt.Fprintf(s.sum, "%d\n", len(data))
	s.sum.Write(data)
	return data, nil
}

// Reasons of our own for not using a file.
var (
	errDirectory = errors.New("is a directory (a file is needed)")
	errSpecial   = errors.New("is a pipe or a device, not a file")
	errTooLarge  = fmt.Errorf("is larger than %d MiB, the largest size accepted", maxFileSize>>20)
)

func (s *source) bytes(name string) ([]byte, error) {
	// Before it is opened: a named pipe would wait for a writer.
	info, err := fs.Stat(s.fsys, name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errDirectory
	}
	if !info.Mode().IsRegular() {
		return nil, errSpecial
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(data) > maxFileSize {
		err = errTooLarge
	}
	return data, err
}

// fileProblem words an error without the path, which the position tells.
func fileProblem(err error) string {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return "file does not exist"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Sprintf("file cannot be read: %v", p.Err)
	}
	return err.Error()
}

// notText finds the reason why data cannot be a text, if there is one.
func notText(data []byte) *badFile {
	if len(bytes.TrimSpace(data)) == 0 {
		return &badFile{problem: "is empty", at: pos.Position{Line: 1, Col: 1}}
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			return &badFile{"is not a text file (UTF-8 without NUL bytes is accepted)", pos.NewLines(data).At(i)}
		}
		i += n
	}
	return nil
}

// beside resolves a reference made in the file from.
func beside(from, ref string) string {
	ref = filepath.ToSlash(ref)
	if path.IsAbs(ref) || filepath.IsAbs(ref) {
		return ref
	}
	return path.Join(path.Dir(from), ref)
}

// disk is the file system of the machine under slash-separated paths, which,
// unlike those of os.DirFS, may be absolute or lead upwards.
type disk struct{}

func (disk) Open(name string) (fs.File, error) { return os.Open(filepath.FromSlash(name)) }

// Stat looks at a file without opening it.
func (disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(filepath.FromSlash(name)) }

// baseName is a scenario's name: the file's without folder and ending.
func baseName(file string) string { return strings.TrimSuffix(path.Base(file), ".toml") }
