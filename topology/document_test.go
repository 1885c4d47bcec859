package topology

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is the description of this package for administrators.
const document = "../docs/network.md"

func readDocument(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// firstColumn lists the code words that begin the rows of the first table of a
// section.
func firstColumn(t *testing.T, section string) (words []string) {
	t.Helper()
	_, rest, ok := strings.Cut(readDocument(t), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", document, section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	for _, line := range strings.Split(rest, "\n") {
		if word, _, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |"); ok && strings.HasPrefix(line, "| `") {
			words = append(words, word)
		}
	}
	return words
}

// The document has every End and every Kind, in their order, and no other.
func TestDocumentHasEveryEndAndKind(t *testing.T) {
	if got := firstColumn(t, "How a packet ends"); !slices.Equal(got, endNames[:]) {
		t.Errorf("%s: ends %q, want %q", document, got, endNames)
	}
	if got := firstColumn(t, "Kinds of packet"); !slices.Equal(got, kindNames[:]) {
		t.Errorf("%s: kinds %q, want %q", document, got, kindNames)
	}
}

// The document lists every RFC that this package cites.
func TestDocumentHasEveryRFC(t *testing.T) {
	_, list, ok := strings.Cut(readDocument(t), "\n## RFCs\n")
	if !ok {
		t.Fatalf("%s has no list of RFCs", document)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	cited := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`\bRFC (\d+)`).FindAllStringSubmatch(string(text), -1) {
			cited++
			if !strings.Contains(list, "["+match[1]+"](") {
				t.Errorf("%s cites RFC %s, which %s does not list", file, match[1], document)
			}
		}
	}
	if cited == 0 {
		t.Error("nothing is cited")
	}
}

// An RFC that the document speaks of is in its own list.
func TestDocumentListsItsRFCs(t *testing.T) {
	text, list, _ := strings.Cut(readDocument(t), "\n## RFCs\n")
	matches := regexp.MustCompile(`\bRFC\s(\d+)`).FindAllStringSubmatch(text, -1)
	if len(matches) == 0 {
		t.Error("nothing is cited")
	}
	for _, match := range matches {
		if !strings.Contains(list, "["+match[1]+"](") {
			t.Errorf("%s cites RFC %s and does not list it", document, match[1])
		}
	}
}
