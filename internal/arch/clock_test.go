package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// nameBan forbids names of a standard package to some rooms.
type nameBan struct {
	pkg   string
	names []string
	rooms []string
	why   string
}

var nameBans = []nameBan{
	{
		pkg: "time", names: []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
		rooms: measured,
		why:   "time is virtual: only the command looks at the wall clock, for run-info.json and the progress line",
	},
	{
		pkg: "time", names: []string{"Local", "LoadLocation"}, rooms: measured,
		why: "the zone of this machine must not reach a result",
	},
	{
		pkg: "os", names: []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Hostname", "UserHomeDir"}, rooms: measured,
		why: "what is read depends on the scenario's text alone, what is written on the plan and the seed",
	},
	{
		pkg: "runtime", names: []string{"NumCPU", "NumGoroutine", "Version"}, rooms: measured,
		why: "the same bytes on any machine",
	},
}

func TestBannedNames(t *testing.T) {
	for _, p := range own(t) {
		from, _ := room(p.ImportPath)
		for _, file := range p.GoFiles {
			path := filepath.Join(p.Dir, file)
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, ban := range nameBans {
				if !slices.Contains(ban.rooms, from) {
					continue
				}
				for _, use := range uses(f, ban) {
					t.Errorf("%s: %s.%s is banned in %s: %s", fset.Position(use.Pos()), ban.pkg, use.Sel.Name, from, ban.why)
				}
			}
		}
	}
}

// TestUsesFindsBannedNames shows that a ban is seen, also behind another name
// for the package.
func TestUsesFindsBannedNames(t *testing.T) {
	const source = `package p
import clock "time"
var a, b = clock.Now, clock.Second
func f() { clock.Sleep(b) }`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(uses(f, nameBans[0])); got != 2 {
		t.Errorf("uses found %d banned names, want 2 (Now and Sleep)", got)
	}
}

// uses returns the selectors of f that the ban names, whatever name the file
// imports the package under.
func uses(f *ast.File, ban nameBan) []*ast.SelectorExpr {
	local := importName(f, ban.pkg)
	if local == "" {
		return nil
	}
	var found []*ast.SelectorExpr
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if ok && x.Name == local && slices.Contains(ban.names, sel.Sel.Name) {
			found = append(found, sel)
		}
		return true
	})
	return found
}

// importName is the name by which f refers to the package, or "".
func importName(f *ast.File, path string) string {
	for _, spec := range f.Imports {
		if got, err := strconv.Unquote(spec.Path.Value); err != nil || got != path {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path
	}
	return ""
}
