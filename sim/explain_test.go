package sim

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
	"github.com/relaysim/relaysim/vtime"
)

// openWorld is a random world in which no client depends on others.
func openWorld(tb testing.TB, seed uint64) *Plan {
	tb.Helper()
	w := randomWorld(seed)
	for i := range w.relays {
		w.relays[i].Gate.MaxChildren = 0
	}
	p := w.plan(tb)
	p.Policies[0].Spec = &w.spec
	return p
}

// decisionsOf runs the whole fleet and returns its selections by client.
func decisionsOf(tb testing.TB, p *Plan) [][]Decision {
	tb.Helper()
	c := newCell(p, 0, 0, LevelRound, true)
	if err := c.run(context.Background()); err != nil {
		tb.Fatal(err)
	}
	c.trace.sort()
	out := make([][]Decision, len(c.clients))
	for _, d := range c.trace.Decisions {
		out[d.Client] = append(out[d.Client], d)
	}
	return out
}

// groupOf finds group and number of the i-th client of a plan.
func groupOf(p *Plan, i int) (group, client int) {
	for p.Groups[group].Count <= i {
		i -= p.Groups[group].Count
		group++
	}
	return group, i
}

func newExplainer(p *Plan, q Question) *explainer {
	return &explainer{ctx: context.Background(), plan: p, lone: p.lone(&q), q: q}
}

// A client that is run alone makes the selections that it makes among the
// others, and running one of them again with nothing changed changes nothing.
func TestExplainedSelectionIsThatOfTheRun(t *testing.T) {
	worlds, compared := uint64(25), 0
	if testing.Short() {
		worlds = 6
	}
	for seed := uint64(1); seed <= worlds; seed++ {
		p := openWorld(t, seed)
		for i, ds := range decisionsOf(t, p) {
			if len(ds) == 0 {
				continue
			}
			want := ds[rng.Below(rng.Seed(seed).Draw(rng.Place, uint64(i)), uint64(len(ds)))]
			group, client := groupOf(p, i)
			x := newExplainer(p, Question{Group: group, Client: client, At: &want.Started})
			rec, err := x.find()
			if err != nil {
				t.Fatalf("world %d client %d at %v: %v", seed, i, want.Started, err)
			}
			sameAsDecided(t, seed, i, "found", rec, want)
			x.from = rec.started
			rec, err = x.again(&variant{policy: &x.lone.Policies[0]})
			if err != nil {
				t.Fatal(err)
			}
			sameAsDecided(t, seed, i, "run again", rec, want)
			compared++
		}
	}
	if compared < int(worlds)*10 {
		t.Errorf("only %d selections were compared in %d worlds", compared, worlds)
	}
}

func sameAsDecided(t *testing.T, seed uint64, client int, how string, rec *record, want Decision) {
	t.Helper()
	if rec == nil || rec.ended == nil {
		t.Fatalf("world %d client %d at %v: the selection %s has no end, want %v", seed, client, want.Started, how, want.Kind)
	}
	a := rec.ended
	got := Decision{
		Client: want.Client, Slot: want.Slot, Started: rec.started, Ended: a.At, Kind: a.Kind, Trigger: rec.trigger,
		By: a.By, DistanceMax: a.DistanceMax, Size: a.CompetitionSize, Target: a.Target, Rounds: a.Rounds, Probes: a.Probes,
	}
	if got != want {
		t.Errorf("world %d client %d at %v: the selection %s is\n%+v, want\n%+v", seed, client, want.Started, how, got, want)
	}
}

// The account agrees with itself: the race is won by whom the client then
// registers with, rounds and probes are all there, and a registration that
// succeeded ends it.
func TestRecordIsComplete(t *testing.T) {
	draws := 0
	for seed := uint64(1); seed <= 30; seed++ {
		p := openWorld(t, seed)
		for group := range p.Groups {
			rec, err := newExplainer(p, Question{Group: group}).find()
			if errors.Is(err, ErrNoSelection) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			params := &p.Policies[0].Params
			rounds, probes := uint32(0), uint32(0)
			for _, e := range rec.entries {
				if e.action.Kind == selection.AskRound {
					rounds++
					st := rec.course.Stage(int(e.action.Stage))
					probes += uint32(len(st.Beside)) * uint32(e.action.Pings)
					for j, b := range e.probes {
						if st.Candidates[j].Relay.Known() {
							probes += uint32(len(b.sent) + b.nameless)
						} else { // its name does not resolve
							probes += uint32(e.action.Pings)
						}
					}
				}
				if len(e.draw) > 0 {
					draws++
					st := rec.course.Stage(int(lastRound(rec, &e).Stage))
					if got := st.Candidates[e.draw[0].Candidate].Relay; got != e.action.Target {
						t.Errorf("world %d group %d: %v leads the race, the client registers with %v", seed, group, got, e.action.Target)
					}
				}
			}
			if params.InterPacketGap > 0 && params.ProbeScope == selection.AllSought {
				continue // who beside the stage was not asked any more is not recorded
			}
			if rec.ended != nil && (rounds != rec.ended.Rounds || probes != rec.ended.Probes) {
				t.Errorf("world %d group %d: %d rounds and %d probes recorded, want %d and %d", seed, group, rounds, probes, rec.ended.Rounds, rec.ended.Probes)
			}
		}
	}
	if draws < 20 {
		t.Errorf("only %d races seen", draws)
	}
}

// lastRound is the round before a registration.
func lastRound(rec *record, e *entry) *selection.Action {
	var last *selection.Action
	for i := range rec.entries {
		a := &rec.entries[i].action
		if a.Seq == e.action.Seq {
			break
		}
		if a.Kind == selection.AskRound {
			last = a
		}
	}
	return last
}

// Without an instant the story is that of the first selection away from home.
func TestExplainTakesTheFirstSelectionAway(t *testing.T) {
	w := newWorld()
	w.addGroup("laptop", 5, netEast, roaming, "east;DMZ")
	p := w.plan(t)
	atHome := 0
	for client := range 5 {
		x := newExplainer(p, Question{Client: client})
		rec, err := x.find()
		if err != nil {
			t.Fatal(err)
		}
		before := rec.started - 1
		y := newExplainer(p, Question{Client: client, At: &before})
		if rec.at.Network != netHome {
			t.Errorf("client %d: the selection is in network %d, want %d", client, rec.at.Network, netHome)
		}
		earlier, err := y.find()
		if errors.Is(err, ErrNoSelection) {
			continue
		}
		if err != nil || earlier.at.Network != netEast {
			t.Errorf("client %d: the selection before is in network %d (%v), want %d", client, earlier.at.Network, err, netEast)
		}
		atHome++
	}
	if atHome < 3 {
		t.Errorf("only %d clients selected at home first", atHome)
	}
}

// A client that could be away and never is has its first selection told.
func TestExplainTakesTheFirstSelectionOfAll(t *testing.T) {
	w := newWorld()
	life := roaming
	life.AwayDay, life.Evening, life.Weekend = 0, 1e-9, 0
	w.addGroup("laptop", 1, netEast, life, "east;DMZ").Interval = time.Hour
	p := w.plan(t)
	first := decisionsOf(t, p)[0]
	rec, err := newExplainer(p, Question{}).find()
	if err != nil || rec.started != first[0].Started || len(first) < 3 {
		t.Errorf("the story begins at %v (%v), want %v, the first of %d selections", rec.started, err, first[0].Started, len(first))
	}
}

func TestExplainBeforeTheFirstSelection(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
	at := vtime.Instant(0)
	p := w.plan(t)
	_, err := Explain(context.Background(), p, Question{At: &at})
	var none *NoSelectionError
	if !errors.Is(err, ErrNoSelection) || !errors.As(err, &none) || none.First != decisionsOf(t, p)[0][0].Started {
		t.Errorf("error is %v, want ErrNoSelection with the start of the first one", err)
	}
}

func TestExplainCanBeInterrupted(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, alwaysOn, "none")
	w.spec.Boxes[0].Rules = nil
	w.duration = 200 * 24 * time.Hour
	p := w.plan(t)
	at := vtime.Instant(p.Duration) - 1
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Explain(ctx, p, Question{At: &at}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}

// Where clients depend on each other the story says so.
func TestExplainSaysThatOthersMatter(t *testing.T) {
	w := newWorld()
	w.addGroup("remote", 1, netHome, alwaysOn, "DMZ")
	if got := w.plan(t).companions(0); got != "" {
		t.Errorf("plain world: companions = %q, want none", got)
	}
	w.relays[0].Gate.MaxChildren = 5
	if got, want := w.plan(t).companions(0), "dmz-1 takes a limited number of clients"; got != want {
		t.Errorf("companions = %q, want %q", got, want)
	}
	w.relays[0].Gate.MaxChildren = 0
	w.spec.Boxes[0].Rules[0].Limit = limitOf(5)
	if got, want := w.plan(t).companions(0), "a rate limit counts icmp/echo-request"; got != want {
		t.Errorf("companions = %q, want %q", got, want)
	}
}

// The same question has the same answer.
func TestExplainIsDeterministic(t *testing.T) {
	p := openWorld(t, 7)
	for group := range p.Groups {
		a, errA := Explain(context.Background(), p, Question{Group: group})
		b, errB := Explain(context.Background(), p, Question{Group: group})
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if !slices.EqualFunc(a.Changes, b.Changes, sameChange) || !slices.EqualFunc(a.Parameters, b.Parameters, sameChange) || a.Outcome != b.Outcome {
			t.Errorf("group %d: two stories differ:\n%+v\n%+v", group, a, b)
		}
	}
}

func sameChange(a, b StoryChange) bool {
	return a.Outcome == b.Outcome && slices.Equal(a.Changes, b.Changes)
}
