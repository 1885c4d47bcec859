package scenarios

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/sim"
)

// shaped makes the files of a shape and reads them.
func shaped(t *testing.T, s Shape, seed uint64) (map[string]string, *Scenario) {
	t.Helper()
	files, err := s.Files(seed)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	fsys, text := fstest.MapFS{}, map[string]string{}
	for _, f := range files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		text[f.Name] = string(f.Data)
	}
	got, err := Parse(fsys, files[0].Name, Options{})
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	for _, w := range got.Plan().Warnings {
		t.Errorf("%+v: warning: %s", s, w)
	}
	return text, got
}

// shapesToTest are all, but for the largest where time matters.
func shapesToTest() []Shape {
	shapes := Shapes()
	if testing.Short() {
		return shapes[:3]
	}
	return shapes
}

// TestShapesHaveWhatTheyPromise: as many clients, relays and sites as the shape
// says, and in each every feature that the shapes are there to exercise.
func TestShapesHaveWhatTheyPromise(t *testing.T) {
	for _, shape := range shapesToTest() {
		t.Run(shape.Name, func(t *testing.T) {
			_, s := shaped(t, shape, 7)
			p := s.Plan()
			type promise struct{ Clients, Laptops, Relays, Sites, Policies, Failures, Others, Priorities, Seed int }
			want := promise{shape.Clients, shape.Clients / 5, shape.Relays, shape.Sites, 1, shapeFailures, 2, 2, 7}
			if shape.Closed {
				want.Policies = 2
			}
			got := promise{Relays: len(p.Relays) - 1, Policies: len(p.Policies), Seed: int(p.Seed)}
			for i := range p.Groups {
				g := &p.Groups[i]
				got.Clients += g.Count
				if p.Labels[g.Label] == "laptop" {
					got.Laptops += g.Count
				}
				if math.Abs(g.NoCertificate-0.05) > 1e-9 || g.StaleList != 0.05 {
					t.Errorf("%s: %v without a certificate, %v with a stale list, want 0.05 of each", g.ID, g.NoCertificate, g.StaleList)
				}
				if list := p.Policies[0].Settings[i].SeekList; strings.Count(list, ";") != 2 {
					t.Errorf("%s seeks %q, want three groups", g.ID, list)
				}
			}
			for i := range p.Networks {
				if p.Networks[i].Site {
					got.Sites++
				}
			}
			recovered := 0
			for _, e := range p.Events {
				switch e.Kind {
				case sim.HostDown, sim.ServiceDown:
					got.Failures++
				case sim.RelayUp:
					recovered++
				case sim.RelayInstalled, sim.RelayRetired:
					got.Others++
				}
			}
			if recovered != got.Failures {
				t.Errorf("%d failures, %d recoveries", got.Failures, recovered)
			}
			priorities := map[uint32]bool{}
			for _, r := range p.Relays {
				priorities[r.Priority] = true
				if dmz := p.Networks[r.Network].Name == "dmz"; r.Gate.Authenticating != dmz {
					t.Errorf("%s: authenticating is %t, in the DMZ is %t", r.Name, r.Gate.Authenticating, dmz)
				}
			}
			got.Priorities = len(priorities)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, l := range s.Spec(0).Legs {
				if p.Networks[l.Network].Site && l.Loss != rng.ChanceOf(0.01) {
					t.Errorf("leg %s loses %v, want 1 %%", l.Name, l.Loss)
				}
			}
		})
	}
}

// TestShapeGolden pins the files of S to the byte, so that a change to them is
// seen and judged. Rewrite them with -update.
func TestShapeGolden(t *testing.T) {
	text, _ := shaped(t, Shapes()[0], 1)
	for name, got := range text {
		path := filepath.Join("testdata/shape-s", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// TestShapeDependsOnItsSeedAlone: the same bytes for one seed, others for
// another.
func TestShapeDependsOnItsSeedAlone(t *testing.T) {
	for _, shape := range shapesToTest()[:3] {
		first, _ := shaped(t, shape, 1)
		again, _ := shaped(t, shape, 1)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%s: seed 1 twice:\n%s", shape.Name, diff)
		}
		other, _ := shaped(t, shape, 2)
		if first["sites.csv"] == other["sites.csv"] {
			t.Errorf("%s: seeds 1 and 2 make the same sites", shape.Name)
		}
	}
}

// TestOddShapesResolve: what the flags of the command can make of a shape is a
// scenario without warnings too.
func TestOddShapesResolve(t *testing.T) {
	for sites := 1; sites <= 41; sites += 4 {
		shape := Shape{Name: "S", Clients: 10 * sites, Sites: sites, Replications: 1, Closed: sites%2 == 1}
		for _, more := range []int{0, 1, 7, 3 * sites, 20 * sites} {
			shape.Relays = 2*shape.regions() + 4 + more
			shaped(t, shape, uint64(more))
		}
	}
	// Uneven sites fill 10.0.0.0/8 nearly to its end.
	if _, err := (Shape{Name: "XXL", Clients: 10_000_000, Relays: 500, Sites: 2100, Replications: 1}).Files(1); err != nil {
		t.Error(err)
	}
}

// TestShapeRefuses: shapes out of bounds say what is accepted.
func TestShapeRefuses(t *testing.T) {
	good := Shapes()[1]
	for _, test := range []struct {
		change func(*Shape)
		seed   uint64
		want   string
	}{
		{func(s *Shape) { s.Clients = 9 }, 1, "9 clients are outside [10, 20000000]"},
		{func(s *Shape) { s.Clients = 20_000_001 }, 1, "20000001 clients are outside [10, 20000000]"},
		{func(s *Shape) { s.Clients = 20_000_000 }, 1, "10.0.0.0/8 has too few addresses for so many clients at 25 sites"},
		{func(s *Shape) { s.Relays = 13 }, 1, "13 relays are outside [14, 5000]: each of 5 regions has at least two"},
		{func(s *Shape) { s.Relays = 5001 }, 1, "5001 relays are outside [14, 5000]"},
		{func(s *Shape) { s.Sites = 0 }, 1, "0 sites are outside [1, 20000]"},
		{func(s *Shape) { s.Sites = 20001 }, 1, "20001 sites are outside [1, 20000]"},
		{func(*Shape) {}, 1 << 63, "seed 9223372036854775808 is outside [0, 9223372036854775807]"},
	} {
		s := good
		test.change(&s)
		if _, err := s.Files(test.seed); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v, seed %d: %v, want %q", s, test.seed, err, test.want)
		}
	}
}

// TestShapeShown: what show prints of a shape, with the columns whose names
// have words in them, is a scenario and says the same again.
func TestShapeShown(t *testing.T) {
	_, s := shaped(t, Shapes()[1], 1)
	var first, second bytes.Buffer
	if err := s.Show(&first); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(fstest.MapFS{"m.toml": {Data: first.Bytes()}}, "m.toml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Show(&second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.String(), second.String()); diff != "" {
		t.Errorf("shown twice (-first +second):\n%s", diff)
	}
	if !strings.Contains(first.String(), "hops_to_hub-r5 = ") {
		t.Error("no site is shown with its distance from hub-r5")
	}
}

// TestShapesAreDocumented holds the table of docs/scenario.md against Shapes.
func TestShapesAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Shapes() {
		policies := "open"
		if s.Closed {
			policies = "closed, open"
		}
		row := fmt.Sprintf("\n| %s | %s | %s | %d | %d | %s |\n", s.Name, grouped(s.Sites), grouped(s.Clients), s.Relays, s.Replications, policies)
		if !strings.Contains(string(data), row) {
			t.Errorf("docs/scenario.md has no row %q", row)
		}
	}
}

// grouped is a number with a comma before each three digits.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
