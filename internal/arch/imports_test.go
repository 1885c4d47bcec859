package arch

import (
	"slices"
	"strings"
	"testing"
)

// roomRule says which rooms of ours a room may import, and why not others.
type roomRule struct {
	may []string
	why string
}

// roomRules has a row for each room there may be. The arrows are those of
// ARCHITECTURE.md, "Rooms".
var roomRules = map[string]roomRule{
	"vtime": {nil, "time is the ground floor: an instant that knew of packets or clients could not be shared by all"},
	"rng":   {nil, "a draw is a pure function of its key: a random field that knew of entities could depend on their state"},
	"selection": {
		[]string{"vtime", "rng"},
		"the one copy of the rules runs in the simulator and behind a real socket alike, so it may know neither",
	},
	"topology": {
		[]string{"vtime", "rng"},
		"the fate of a packet must not depend on who sent it or why",
	},
	"sim": {
		[]string{"selection", "topology", "vtime", "rng"},
		"the kernel takes a plan and gives tallies: no files, flags, formats or statistics, so that every caller gets the same run",
	},
	"scenarios": {
		[]string{"sim", "selection", "topology", "vtime", "rng"},
		"a scenario is read without running it, and its reading depends on its text alone",
	},
	"results": {
		[]string{"sim", "selection", "vtime"},
		"figures are made of plan and tallies and nothing else, so that shards can be merged by who has only those (of selection: the names of outcomes and parameters that a tally is counted by)",
	},
	"results/madeup": {
		[]string{"sim", "selection", "topology", "vtime"},
		"a made-up run for the tests of results and report, which must do without a simulation",
	},
	"report": {
		[]string{"results", "sim", "vtime"},
		"a report shows figures and computes none: what it could reach it would soon recompute (of sim: the story of one selection, the trace of one packet and the map of a network, which are plain data)",
	},
	"probe": {
		[]string{"selection", "vtime", "rng"},
		"the prober drives the same rules over real sockets and must not see the simulated network",
	},
	"lab": {
		[]string{"scenarios", "sim", "topology", "probe", "selection", "rng", "vtime"},
		"the kernel oracle compares the model with the real thing from outside",
	},
	"cmd/relaysim": {
		[]string{"vtime", "rng", "selection", "topology", "sim", "scenarios", "results", "report", "probe", "lab"},
		"wiring may see all; nothing may see the wiring",
	},
	"tools": {
		[]string{"scenarios", "sim", "selection", "results", "report"},
		"the benchmarks run plans as every caller does; what only they could reach would not be what is used",
	},
	"internal/arch": {nil, "the tests read the other rooms' sources; importing them would make cycles"},
}

func TestImportsFollowTheRooms(t *testing.T) {
	for _, p := range own(t) {
		from, ok := room(p.ImportPath)
		if !ok {
			t.Errorf("%s: the root of the module holds no package: put it into a room", p.ImportPath)
			continue
		}
		rule, ok := roomRules[from]
		if !ok {
			t.Errorf("room %q is not in the table of rooms: add it there and to ARCHITECTURE.md, with the reason for its bans", from)
			continue
		}
		for _, path := range p.Imports {
			to, ok := room(path)
			if ok && to != from && !slices.Contains(rule.may, to) {
				t.Errorf("%s imports %s: %s may import %s of our rooms: %s", p.ImportPath, path, from, orNone(rule.may), rule.why)
			}
		}
	}
}

// testRooms are linked into tests only.
var testRooms = []string{"results/madeup", "internal/arch"}

func TestTestRoomsAreNotLinked(t *testing.T) {
	for _, p := range own(t) {
		for _, path := range p.Deps {
			if to, ok := room(path); ok && slices.Contains(testRooms, to) {
				t.Errorf("%s reaches %s, which is for tests only", p.ImportPath, path)
			}
		}
	}
}

func orNone(rooms []string) string {
	if len(rooms) == 0 {
		return "none"
	}
	return "only " + strings.Join(rooms, ", ")
}

// TestRoomsAreAcyclic guards the table itself: an arrow both ways would
// compile as long as no two packages use it at once.
func TestRoomsAreAcyclic(t *testing.T) {
	const entered, left = 1, 2
	state := map[string]int{}
	var visit func(name string)
	visit = func(name string) {
		if state[name] == left {
			return
		}
		if state[name] == entered {
			t.Fatalf("room %s may import itself through others", name)
		}
		rule, ok := roomRules[name]
		if !ok {
			t.Errorf("room %s is allowed somewhere and has no row", name)
		}
		state[name] = entered
		for _, next := range rule.may {
			visit(next)
		}
		state[name] = left
	}
	for name := range roomRules {
		visit(name)
	}
}

// packageBan forbids packages of others to some rooms.
type packageBan struct {
	packages []string
	rooms    []string
	// indirectly extends the ban to all that the room reaches.
	indirectly bool
	why        string
}

// model are the rooms whose outputs must be a function of plan and seed.
var model = []string{"vtime", "rng", "selection", "topology", "sim"}

// measured are the rooms between a scenario's text and the files of results:
// the same input gives the same bytes.
var measured = append([]string{"scenarios", "results", "report"}, model...)

var packageBans = []packageBan{
	{
		packages: []string{"syscall", "unsafe"}, rooms: model,
		why: "the model touches no machine: packets are values, and an address in memory is not the same twice",
	},
	{
		packages: []string{"net", "net/http", "os/exec"}, rooms: model, indirectly: true,
		why: "a resolver, an interface list or a process would bring this machine into the results",
	},
	{
		packages: []string{"os", "log", "log/slog", "flag", "io/fs", "embed"}, rooms: model,
		why: "the model reads no file, flag or environment and talks to nobody; what it observes goes into the tally",
	},
	{
		packages: []string{"github.com/BurntSushi/toml", "encoding/json", "encoding/csv", "gonum.org/v1/plot"}, rooms: model,
		why: "formats belong to scenarios, results and report",
	},
	{
		packages: []string{"sync", "sync/atomic"}, rooms: []string{"vtime", "rng", "selection"},
		why: "one cell is one goroutine: a lock here would hide sharing between cells",
	},
	{
		packages: []string{"context"}, rooms: []string{"vtime", "rng", "selection", "topology"},
		why: "only sim.Run can be interrupted, between events",
	},
	{
		packages: []string{"math/rand", "math/rand/v2", "crypto/rand", "hash/maphash"}, rooms: measured,
		why: "all chance comes from rng, keyed by seed, replication, entity and purpose; any other generator is consumed in the order of calls",
	},
	{
		packages: []string{"gonum.org/v1/gonum/stat/distuv"}, rooms: model,
		why: "its Rand methods draw from a global source when none is set; results may use its quantiles",
	},
	{
		packages: []string{"github.com/spf13/cobra", "github.com/schollz/progressbar/v3", "golang.org/x/term"}, rooms: measured,
		why: "flags, progress and the terminal's size are the command's; it passes plain values down",
	},
}

func TestBannedPackages(t *testing.T) {
	for _, p := range own(t) {
		from, _ := room(p.ImportPath)
		for _, ban := range packageBans {
			if !slices.Contains(ban.rooms, from) {
				continue
			}
			reached, how := p.Imports, "imports"
			if ban.indirectly {
				reached, how = p.Deps, "reaches"
			}
			for _, path := range ban.packages {
				if slices.Contains(reached, path) {
					t.Errorf("%s %s %s: %s", p.ImportPath, how, path, ban.why)
				}
			}
		}
	}
}
