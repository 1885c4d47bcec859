package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/relaysim/relaysim/scenarios"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/sim"
	"github.com/relaysim/relaysim/topology"
	"github.com/relaysim/relaysim/vtime"
)

// Every drop in every shipped scenario is explained by trace: from every place
// where clients are, to every relay and the root, under every policy, at the
// start and whenever something has happened, each request or answer that ends
// is told with the box, the rule and a line of the scenario that has it.
func TestTraceExplainsEveryDrop(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := scenarios.Load(name, scenarios.Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := &dropCheck{t: t, plan: s.Plan()}
			for _, at := range c.instants() {
				for _, place := range c.places() {
					for to := range c.plan.Relays {
						for _, kind := range []topology.Kind{topology.EchoRequest, topology.TCP} {
							c.trace(place, to, kind, at)
						}
					}
				}
			}
			if c.traced == 0 || c.dropped == 0 {
				t.Errorf("%d exchanges traced, %d of them with a drop", c.traced, c.dropped)
			}
			t.Logf("%d exchanges traced, %d of them with a drop", c.traced, c.dropped)
		})
	}
}

// dropCheck looks at the traces of one scenario.
type dropCheck struct {
	t               *testing.T
	plan            *sim.Plan
	traced, dropped int
	files           map[string][]string
}

// places are those where clients are, but of many sites only the first few:
// the others differ in distance alone.
func (c *dropCheck) places() []topology.NetworkID {
	var out []topology.NetworkID
	sites := 0
	add := func(id topology.NetworkID) {
		if slices.Contains(out, id) || c.plan.Networks[id].Site && sites >= 5 {
			return
		}
		if c.plan.Networks[id].Site {
			sites++
		}
		out = append(out, id)
	}
	for i := range c.plan.Groups {
		g := &c.plan.Groups[i]
		add(g.Home)
		for _, a := range g.Away {
			add(a.Network)
		}
	}
	return out
}

// instants are the start and a minute after every instant at which something
// happens.
func (c *dropCheck) instants() []vtime.Instant {
	out := []vtime.Instant{0}
	for _, e := range c.plan.Events {
		if at := vtime.Instant(e.At + time.Minute); at != out[len(out)-1] {
			out = append(out, at)
		}
	}
	return out
}

func (c *dropCheck) trace(place topology.NetworkID, to int, kind topology.Kind, at vtime.Instant) {
	q := sim.TraceQuestion{From: sim.FromPlace, Place: place, To: selection.RelayID(to), Kind: kind, TTL: topology.MaxTTL, At: &at}
	for i := range c.plan.Policies {
		q.Policies = append(q.Policies, i)
	}
	trace, err := sim.TracePacket(c.plan, &q)
	if err != nil {
		c.t.Fatal(err)
	}
	policies := 0
	for i := range trace.Exchanges {
		x := &trace.Exchanges[i]
		policies += len(x.Policies)
		c.traced += len(x.Policies)
		subject := fmt.Sprintf("%s to %s, %s, %s at %v", trace.From.Place, trace.To.Name, trace.Packet, x.Policies[0].Name, time.Duration(at))
		c.exchange(subject, x)
		if at == 0 {
			c.agrees(subject, place, to, kind, x)
		}
	}
	if policies != len(c.plan.Policies) {
		c.t.Errorf("%s to %s: traced under %d policies, want %d", trace.From.Place, trace.To.Name, policies, len(c.plan.Policies))
	}
}

// exchange holds one exchange to what a reader must be told.
func (c *dropCheck) exchange(subject string, x *sim.TracedExchange) {
	if x.Outcome == sim.TraceAnswered {
		if !x.Request.Delivered() || !x.Answer.Delivered() {
			c.t.Errorf("%s: answered, but request and answer were not delivered", subject)
		}
		return
	}
	c.dropped += len(x.Policies)
	if x.Outcome == sim.TraceUnsent {
		if x.Name == nil {
			c.t.Errorf("%s: not sent, and nothing is said of the name", subject)
		}
		return
	}
	told := x.Request.Refused
	for _, p := range []*sim.TracedPacket{x.Request, x.Answer} {
		if p == nil || p.Delivered() {
			continue
		}
		told = true
		c.drop(subject, p)
	}
	if !told {
		c.t.Errorf("%s: %s, but nothing says where or why", subject, x.Outcome)
	}
}

// drop holds one packet that ended to what must be said of it.
func (c *dropCheck) drop(subject string, p *sim.TracedPacket) {
	if p.Where == "" {
		c.t.Errorf("%s: %s ended %s nowhere", subject, p.Packet, p.End)
	}
	switch p.End {
	case "filtered", "refused", "over_limit", "no_mapping", "table_full":
		if p.Box == "" || p.Source == "" || p.Decided == sim.DecidedByRule && p.Rule == "" {
			c.t.Errorf("%s: %s ended %s by box %q, rule %q at %q", subject, p.Packet, p.End, p.Box, p.Rule, p.Source)
			return
		}
		if p.Decided == sim.DecidedByBox && p.Hops[len(p.Hops)-1].Note == "" {
			c.t.Errorf("%s: %s ended %s by %s, and nothing says why", subject, p.Packet, p.End, p.Box)
		}
		word := map[string]string{sim.DecidedByRule: p.Rule, sim.DecidedByDefault: "otherwise", sim.DecidedByDrops: "drops"}[p.Decided]
		if line := c.line(p.Source); !strings.Contains(line, word) && !strings.Contains(line, p.Box) {
			c.t.Errorf("%s: %s says neither %q nor %q: %s", subject, p.Source, word, p.Box, line)
		}
	case "no_host":
		if p.Cause == "" && p.Hops[len(p.Hops)-1].Note == "" {
			c.t.Errorf("%s: %s ended %s at %s, and nothing says why", subject, p.Packet, p.End, p.Where)
		}
	case "link_down":
		if p.Cause == "" {
			c.t.Errorf("%s: %s ended %s at %s, and no event is named", subject, p.Packet, p.End, p.Where)
		}
	}
}

// line is the line of a shipped file that a source names.
func (c *dropCheck) line(source string) string {
	file, number, _ := strings.Cut(source, ":")
	if c.files[file] == nil {
		data, err := os.ReadFile("../../scenarios/" + file)
		if err != nil {
			c.t.Fatal(err)
		}
		if c.files == nil {
			c.files = map[string][]string{}
		}
		c.files[file] = strings.Split(string(data), "\n")
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(c.files[file]) {
		c.t.Errorf("%q is no line of a shipped file", source)
		return ""
	}
	return c.files[file][n-1]
}

// agrees holds a trace to the fate by which the fast levels of a run go.
func (c *dropCheck) agrees(subject string, place topology.NetworkID, to int, kind topology.Kind, x *sim.TracedExchange) {
	policy, err := scenarios.FindPolicy(c.plan, x.Policies[0].Name)
	if err != nil {
		c.t.Fatal(err)
	}
	n := c.plan.Policies[policy].Network
	if n.Balanced() || x.Outcome == sim.TraceUnsent || x.Request.End == topology.NoHost.String() {
		return
	}
	f := n.NewState().Fate(topology.Attachment{Network: place}, topology.HostID(to), kind)
	if x.Request.End != f.Forward.String() {
		c.t.Errorf("%s: the request is %s, its fate %v", subject, x.Request.End, f.Forward)
	}
	if f.Forward == topology.Delivered && x.Answer.End != f.Back.String() {
		c.t.Errorf("%s: the answer is %s, its fate %v", subject, x.Answer.End, f.Back)
	}
}

// The traces and the picture in the documentation are those that are printed,
// and every field of the JSON is documented.
func TestTraceDocumentation(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	doc := read("../../docs/trace.md")
	for _, tt := range []struct{ file, args string }{
		{doc, "--from remote --to dmz-1 --policy inbound-only-stateless"},
		{doc, "--from remote --to dmz-1 --policy echo --ttl 3"},
		{read("../../README.md"), "--from laptop/paris --to dmz-1 --proto tcp/52311 --policy echo --at Wed_10:00"},
	} {
		args := []string{"trace", "internet-relays"}
		for arg := range strings.FieldsSeq(tt.args) {
			args = append(args, strings.ReplaceAll(arg, "_", " "))
		}
		got := call(args...)
		if got.code != exitDone {
			t.Fatalf("trace ended with %d: %s", got.code, got.stderr)
		}
		var shown strings.Builder
		for line := range strings.Lines(got.stdout) {
			if line != "\n" {
				shown.WriteString("    ")
			}
			shown.WriteString(line)
		}
		if !strings.Contains(tt.file, shown.String()) {
			t.Errorf("the documentation does not show what trace %s prints:\n%s", tt.args, shown.String())
		}
	}
	const drawn = "../../docs/internet-relays.svg"
	got := call("show", "internet-relays", "--network", "--policy", "echo")
	if *update {
		if err := os.WriteFile(drawn, []byte(got.stdout), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got.stdout != read(drawn) {
		t.Errorf("%s is not what is drawn (go test ./cmd/relaysim -run TestTraceDocumentation -update)", drawn)
	}
	for _, field := range jsonFields(reflect.TypeOf(sim.PacketTrace{}), nil) {
		if !strings.Contains(doc, "`"+field+"`") {
			t.Errorf("docs/trace.md does not explain the field %s", field)
		}
	}
}

// jsonFields are the names of the fields of a type in JSON, of what it is made
// of too.
func jsonFields(t reflect.Type, names []string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return names
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		names = jsonFields(t.Field(i).Type, names)
	}
	return names
}
