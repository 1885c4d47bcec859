package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link is a Markdown link to a file of this repository.
var link = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)

// TestLinksResolve follows the links between the documents.
func TestLinksResolve(t *testing.T) {
	documents, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	followed := 0
	for _, document := range append(documents, below...) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, match := range link.FindAllStringSubmatch(line, -1) {
				followed++
				target := filepath.Join(filepath.Dir(document), filepath.FromSlash(match[1]))
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s:%d: link to %s, which does not exist", strings.TrimPrefix(document, "../../"), i+1, match[1])
				}
			}
		}
	}
	if followed == 0 {
		t.Error("no link was found")
	}
}
