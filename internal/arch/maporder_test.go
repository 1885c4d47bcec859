package arch

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// orderMark begins the comment that justifies a loop over a map whose order
// does not matter, on the line of the loop or the one above.
const orderMark = "// order:"

// TestMapOrderIsJustified finds every loop over a map in the rooms whose
// outputs are promised byte for byte. Go takes such a loop in another order
// each time, so each only collects keys (to be sorted), only deletes entries,
// or says in an "// order:" comment why its order cannot reach an output, a
// decision or a draw.
func TestMapOrderIsJustified(t *testing.T) {
	exports, err := goList("-export", "-deps", "./...")
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]string{}
	for _, p := range exports {
		byPath[p.ImportPath] = p.Export
	}
	checked := 0
	for _, p := range own(t) {
		from, _ := room(p.ImportPath)
		if !slices.Contains(measured, from) || len(p.GoFiles) == 0 {
			continue
		}
		loops, err := mapLoops(p, byPath)
		if err != nil {
			t.Errorf("%s: %v", p.ImportPath, err)
			continue
		}
		checked++
		for _, at := range loops {
			t.Errorf("%s: a loop over a map: sort the keys, or say in a comment %q why the order cannot matter", at, orderMark+" ...")
		}
	}
	if checked == 0 {
		t.Error("no package was checked")
	}
}

// mapLoops type-checks a package against the export data of what it imports
// and returns the positions of the loops over maps that nothing justifies.
func mapLoops(p listed, exports map[string]string) ([]token.Position, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	open := func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok || file == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(file)
	}
	return unjustified(fset, p.ImportPath, files, importer.ForCompiler(fset, "gc", open))
}

// unjustified returns the positions of the loops over maps of one package.
func unjustified(fset *token.FileSet, path string, files []*ast.File, imports types.Importer) ([]token.Position, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: imports}
	if _, err := config.Check(path, fset, files, info); err != nil {
		return nil, err
	}
	var found []token.Position
	for _, f := range files {
		marks := markedLines(fset, f)
		ast.Inspect(f, func(n ast.Node) bool {
			loop, ok := n.(*ast.RangeStmt)
			if !ok || !overMap(info, loop.X) || only("append", loop.Body) || only("delete", loop.Body) {
				return true
			}
			at := fset.Position(loop.Pos())
			if !marks[at.Line] && !marks[at.Line-1] {
				found = append(found, at)
			}
			return true
		})
	}
	return found, nil
}

// overMap tells whether x is a map, or maps.Keys, maps.Values or maps.All of
// one.
func overMap(info *types.Info, x ast.Expr) bool {
	if call, ok := x.(*ast.CallExpr); ok {
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := sel.X.(*ast.Ident)
		return ok && pkg.Name == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, sel.Sel.Name)
	}
	typ := info.TypeOf(x)
	if typ == nil {
		return false
	}
	_, ok := typ.Underlying().(*types.Map)
	return ok
}

// only tells whether a body does nothing but call a builtin once, perhaps
// under a condition: "keys = append(keys, k)", "if old { delete(m, k) }".
func only(builtin string, body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}
	var x ast.Expr
	switch s := body.List[0].(type) {
	case *ast.IfStmt:
		return s.Init == nil && s.Else == nil && only(builtin, s.Body)
	case *ast.ExprStmt:
		x = s.X
	case *ast.AssignStmt:
		x = s.Rhs[0]
	}
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun, ok := call.Fun.(*ast.Ident)
	return ok && fun.Name == builtin
}

// markedLines returns the last lines of the comments that begin with
// orderMark.
func markedLines(fset *token.FileSet, f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, orderMark) {
				lines[fset.Position(group.End()).Line] = true
			}
		}
	}
	return lines
}

// TestUnjustifiedSeesMapLoops shows which loops the check lets pass.
func TestUnjustifiedSeesMapLoops(t *testing.T) {
	const source = `package p
func f(m map[string]int, s []string) (n int) {
	for range s { n++ }
	for k := range m { s = append(s, k) }
	for k, v := range m { if v > n { delete(m, k) } }
	for k := range m { if n == 0 { n = len(k) } }
	for _, v := range m { n += v } // order: a sum of integers
	// order: a product of integers
	// is the same in any order
	for _, v := range m { n *= v }
	for k := range m { return len(k) }
	return n
}`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	got, err := unjustified(fset, "p", []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Line != 6 || got[1].Line != 11 {
		t.Errorf("unjustified found %v, want lines 6 and 11", got)
	}
}
