package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/relaysim/relaysim"

// listed is what the tests need of one package as `go list -json` prints it.
type listed struct {
	ImportPath, Dir, Export string
	// GoFiles are the files of the build, without tests.
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	// Imports are direct, Deps all packages reached.
	Imports, Deps []string
	Module        *struct{ Path, Version string }
}

// room is the room that a package belongs to: the longest part of its path
// that has a row in roomRules, or else its first folder.
func room(importPath string) (string, bool) {
	path, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return "", false
	}
	for name := path; name != "."; name = filepath.ToSlash(filepath.Dir(name)) {
		if _, ok := roomRules[name]; ok {
			return name, true
		}
	}
	first, _, _ := strings.Cut(path, "/")
	return first, true
}

// ownPackages lists the packages of the module, once for all tests.
var ownPackages = sync.OnceValues(func() ([]listed, error) {
	if err := watchFolders("../.."); err != nil {
		return nil, err
	}
	return goList("./...")
})

// watchFolders reads every folder of sources. The go command reuses the
// result of a test until a file or folder that the test itself has read
// changes; what `go list` reads on its behalf does not count.
func watchFolders(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		switch name := d.Name(); {
		case path == root:
			return nil
		case strings.HasPrefix(name, "."), name == "testdata", name == "bin":
			return filepath.SkipDir
		case filepath.Base(filepath.Dir(path)) == "results":
			return filepath.SkipDir // outputs of runs
		}
		return nil
	})
}

func own(t *testing.T) []listed {
	t.Helper()
	list, err := ownPackages()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("go list ./... names no package: nothing would be checked")
	}
	return list
}

// goList runs `go list -json` for this system from the root of the module.
func goList(args ...string) ([]listed, error) { return goListFor(runtime.GOOS, args...) }

// goListFor does so for another operating system.
func goListFor(system string, args ...string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), "GOOS="+system)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + err.Error() + "\n" + stderr.String())
	}
	var list []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
}
