package selection

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// A transcript is a dialogue: a line is a command, the lines below it that
// start with ">" are what the Selector did. Before "go" the commands describe
// the client and the hosts:
//
//	relay NAME HOPS WEIGHT [LABEL;LABEL]
//	set SETTING VALUE
//	param NAME VALUE
//
// and after it they act:
//
//	trigger start | address change | relay select | clock back | stop
//	host NAME echo|expires on|off
//	host NAME hops|children N
//	host NAME register OUTCOME
//	gate NAME authenticating on|off | cap N | password TEXT
//	client certificate on|off | password TEXT | version MAJOR.MINOR
//	reply SEQ NAME KIND
//	publish [NAME ...]
//	contact ok|failed
//	run SPAN
//
// reply feeds one reply beside those that the hosts send; publish gives the
// client a list of the named relays, which may be new, at their places.
type transcript struct {
	world
	relays   []relay
	settings map[string]string
	params   Params
	printed  int
	notes    []string // beside the log
}

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, want)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s: the dialogue differs (rewrite with -update and read it); got:\n%s", file, got)
			}
		})
	}
}

// play carries out the commands of a transcript and returns it with what the
// Selector did.
func play(t *testing.T, text []byte) []byte {
	tr := &transcript{settings: map[string]string{}, params: DefaultParams()}
	tr.t = t
	var out bytes.Buffer
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, ">") {
			continue
		}
		fmt.Fprintln(&out, line)
		if line != "" && !strings.HasPrefix(line, "#") {
			tr.command(strings.Fields(line))
			tr.show(&out)
		}
	}
	return out.Bytes()
}

func (tr *transcript) command(f []string) {
	t, rest := tr.t, strings.Join(f[1:], " ")
	switch f[0] {
	case "relay":
		tr.relays = append(tr.relays, relayLine(t, f))
	case "set":
		tr.settings[f[1]] = strings.Join(f[2:], " ")
	case "param":
		if err := tr.params.Set(f[1], f[2]); err != nil {
			t.Fatal(err)
		}
	case "go":
		s, warnings := ParseSettings(tr.settings)
		if len(warnings) > 0 {
			t.Fatal(warnings)
		}
		tr.world = *newWorld(t, &s, &tr.params, tr.relays...)
	case "trigger":
		tr.trigger(triggerNamed(t, rest))
	case "host":
		tr.change(f[1], f[2], f[3])
	case "gate":
		tr.gate(f[1], f[2], f[3])
	case "client":
		tr.client(f[1], f[2])
	case "reply":
		tr.reply(f[1], f[2], strings.Join(f[3:], " "))
	case "publish":
		tr.publish(f[1:])
	case "contact":
		tr.contact(rest == "ok")
	case "run":
		d, err := time.ParseDuration(rest)
		if err != nil {
			t.Fatal(err)
		}
		tr.run(d)
	default:
		t.Fatalf("unknown command %q", f)
	}
}

func relayLine(t *testing.T, f []string) relay {
	hops, err1 := strconv.Atoi(f[2])
	weight, err2 := strconv.ParseUint(f[3], 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("bad relay %q", f)
	}
	r := relay{name: f[1], hops: hops, weight: uint32(weight)}
	if len(f) > 4 {
		r.advertise = strings.Split(f[4], ";")
	}
	return r
}

func triggerNamed(t *testing.T, name string) Trigger {
	for tr := range NumTriggers {
		if tr.String() == name {
			return tr
		}
	}
	t.Fatalf("no trigger %q", name)
	return 0
}

func (tr *transcript) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		tr.t.Fatal(err)
	}
	return n
}

func (tr *transcript) change(name, what, value string) {
	h := tr.host(name)
	switch what {
	case "echo":
		h.echo = value == "on"
		return
	case "expires":
		h.expires = value == "on"
		return
	case "hops":
		h.hops = tr.number(value)
		return
	case "children":
		h.children = uint32(tr.number(value))
		return
	}
	for o := range NumOutcomes {
		if o.String() == value {
			h.outcome = o
			return
		}
	}
	tr.t.Fatalf("no outcome %q", value)
}

func (tr *transcript) gate(name, what, value string) {
	g := &tr.host(name).gate
	switch what {
	case "authenticating":
		g.Authenticating = value == "on"
	case "cap":
		g.MaxChildren = uint32(tr.number(value))
	case "password":
		g.Password = value
	default:
		tr.t.Fatalf("no gate %q", what)
	}
}

func (tr *transcript) client(what, value string) {
	switch what {
	case "certificate":
		tr.shown.Certificate = value == "on"
	case "password":
		tr.shown.Password = value
	case "version":
		major, minor, _ := strings.Cut(value, ".")
		tr.shown.Version = MakeVersion(uint8(tr.number(major)), uint8(tr.number(minor)))
	default:
		tr.t.Fatalf("a client has no %q", what)
	}
}

// reply feeds one reply about a relay of the stage being asked, or about a
// candidate that is none.
func (tr *transcript) reply(seq, name, kind string) {
	r := Reply{At: tr.now, Candidate: 999, Kind: ReplyKind(max(0, slices.Index(replyNames[:], kind)))}
	if tr.sel.state == probing {
		if i := slices.IndexFunc(tr.sel.stage().Candidates, func(c Candidate) bool { return tr.name(c.Relay) == name }); i >= 0 {
			r.Candidate = uint16(i)
		}
	}
	if err := tr.sel.Replies(tr.now, uint32(tr.number(seq)), []Reply{r}); err != nil {
		tr.notes = append(tr.notes, fmt.Sprintf("%v: %d so far", err, tr.sel.Counters().UnknownProbes))
	}
	tr.perform()
}

// publish gives the client another list.
func (tr *transcript) publish(names []string) {
	old := tr.list
	var entries []Entry
	for _, e := range old.Entries {
		if slices.Contains(names, e.Name) {
			entries = append(entries, e)
		}
	}
	next := *old
	next.Version, next.Entries = old.Version+1, entries
	c, _ := Compile(&tr.sel.course.Settings, &tr.params, &next)
	tr.sel.SetCourse(c)
}

var relayNumber = regexp.MustCompile(`(relay|previous) (unknown-)?\d+`)

// show prints what was done since the last command, with the relays' names.
func (tr *transcript) show(out *bytes.Buffer) {
	for _, a := range tr.log[tr.printed:] {
		line := a.String()
		for _, r := range []RelayID{a.Target, a.Previous} {
			if r != NoRelay {
				line = strings.ReplaceAll(line+"\n", " "+r.String()+"\n", " "+tr.name(r)+"\n")
				line = strings.TrimSuffix(line, "\n")
				line = strings.Replace(line, "relay "+r.String()+" ", "relay "+tr.name(r)+" ", 1)
			}
		}
		if relayNumber.MatchString(line) {
			tr.t.Errorf("a handle is left in %q", line)
		}
		fmt.Fprintln(out, ">", line)
	}
	for _, note := range tr.notes {
		fmt.Fprintln(out, ">", note)
	}
	tr.notes = nil
	tr.printed = len(tr.log)
}
