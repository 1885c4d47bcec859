package sim

import (
	"testing"

	"github.com/relaysim/relaysim/selection"
)

// A host that comes or goes costs the memos of those whom its answers may reach
// before others', and nobody else.
func TestForgetsWhereAHostMatters(t *testing.T) {
	w := newWorld()
	w.addGroup("east", 20, netEast, alwaysOn, "east;DMZ")
	w.addGroup("home", 20, netHome, alwaysOn, "DMZ")
	c := newCell(w.plan(t), 0, 0, LevelClass, false)
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	worker := c.sweep.workers[0]
	if !c.net.OwnNames() {
		t.Fatal("a name leads to another host")
	}
	known := func() (n int) {
		for _, row := range worker.outlooks {
			for k := range c.attachments {
				if row.known(k) != nil {
					n++
				}
			}
		}
		return n
	}
	all := known()
	changed := newRelaySet(len(c.relays))
	for id := range w.relays {
		if w.relays[id].Network == netEast {
			changed.add(selection.RelayID(id))
		}
	}
	worker.forgetHosts(changed)
	some := known()
	for id := range c.relays {
		changed.add(selection.RelayID(id))
	}
	worker.forgetHosts(changed)
	if all == 0 || some == 0 || some == all || known() > 0 {
		t.Errorf("%d memos, %d after the relays of one place changed, %d after all did", all, some, known())
	}
}
