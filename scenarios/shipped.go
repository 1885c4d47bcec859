package scenarios

import (
	"embed"
	"io/fs"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

// shipped are the scenarios that can be run by name.
//
//go:embed *.toml internet-relays branch-outage
var shipped embed.FS

// Names are the names of the shipped scenarios, sorted.
func Names() []string {
	files, err := fs.Glob(shipped, "*.toml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], ".toml")
	}
	return files
}

// titles are the titles of the shipped scenarios by name.
var titles = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for _, name := range Names() {
		var head struct{ Title string }
		if _, err := toml.DecodeFS(shipped, name+".toml", &head); err != nil {
			panic(err) // a test reads them all
		}
		out[name] = head.Title
	}
	return out
})

// Title is the question that a shipped scenario answers, "" for other names.
func Title(name string) string { return titles()[name] }
