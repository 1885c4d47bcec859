package sim

import (
	"cmp"
	"slices"

	"github.com/relaysim/relaysim/rng"
	"github.com/relaysim/relaysim/selection"
)

// Admission is the relay's side of a registration (spec 6.7b, 10). It is
// decided when the registration completes: by then the client has had its
// answer.
//
// The children of a relay are the clients whose last successful registration
// was with it, online or not: a relay hears of no departure but of a client
// that has registered elsewhere. Where a relay has a cap, registrations that
// complete at one instant are decided in the order of a keyed hash, so that
// nobody is favoured by its number.

// conclude ends the client's attempt, whose packets have done their work.
func (c *cell) conclude(i int) {
	k := &c.client(i).conn
	if k.outcome != selection.Registered || !c.capped {
		c.admit(i)
		return
	}
	if len(c.arrivals) == 0 {
		c.push(c.now, evAdmit, 0, 0)
	}
	c.arrivals = append(c.arrivals, i)
}

// admitArrivals decides the registrations of this instant.
func (c *cell) admitArrivals() {
	batch := c.arrivals
	c.arrivals = c.spareArrivals[:0]
	slices.SortFunc(batch, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.arrivalDraw(a), c.arrivalDraw(b)), cmp.Compare(a, b))
	})
	for _, i := range batch {
		c.admit(i)
	}
	c.spareArrivals = batch
}

func (c *cell) arrivalDraw(i int) uint64 {
	return c.client(i).key.Draw(rng.Admission, uint64(c.now))
}

// admit lets the relay decide and feeds the outcome to the Selector.
func (c *cell) admit(i int) {
	cl := c.client(i)
	o, certificate := c.judge(cl)
	c.keepAdmission(cl, o, certificate)
	c.registered(i, o, c.now)
	c.pump(i)
}

// judge is the outcome of the client's attempt, and whether the client holds a
// certificate after it.
func (c *cell) judge(cl *client) (o selection.Outcome, certificate bool) {
	k := &cl.conn
	if k.outcome != selection.Registered {
		return k.outcome, cl.certificate
	}
	r := &c.relays[k.target]
	children := r.children
	if cl.childOf(k.target) {
		children--
	}
	return selection.Admit(c.credentials(cl), r.gate, children)
}

// keepAdmission keeps what the relay's decision leaves the client with.
func (c *cell) keepAdmission(cl *client, o selection.Outcome, certificate bool) {
	cl.certificate = certificate
	if o == selection.Registered {
		cl.secured = c.relays[cl.conn.target].gate.Authenticating
	}
}

func (c *cell) credentials(cl *client) selection.Credentials {
	cr := selection.Credentials{Certificate: cl.certificate, Version: c.plan.Groups[cl.group].Version}
	if c.pol.Passwords != nil {
		cr.Password = c.pol.Passwords[cl.group]
	}
	return cr
}

// setGate lets the relay ask that of its children.
func (r *relay) setGate(g selection.Gate) {
	r.gate = g
	for i := range r.takes {
		o, _ := selection.Admit(selection.Credentials{Certificate: i == 1}, g, 0)
		r.takes[i] = o == selection.Registered
	}
}

// childOf tells whether the relay counts the client among its children.
func (cl *client) childOf(id selection.RelayID) bool { return cl.everRegistered && cl.parent == id }

// adopt moves the client from the children of its former parent to those of
// the new one.
func (c *cell) adopt(cl *client, parent selection.RelayID) {
	if c.solo != nil { // no relay that it can come to has a cap
		return
	}
	if cl.parent.Known() {
		c.relays[cl.parent].children--
	}
	c.relays[parent].children++
}

// barred tells whether the client's parent refuses its reports: the relay
// authenticates, and did not when the client last registered (10.7).
func (c *cell) barred(cl *client) bool {
	return cl.parent.Known() && c.relays[cl.parent].gate.Authenticating && !cl.secured
}

// reports tells whether a report of the client to its parent would be taken
// now.
func (c *cell) reports(cl *client) bool { return c.works(cl) && !c.barred(cl) }

// answers tells whether the client takes a contact as having worked. A client
// that waits for its next registration takes a refusal for an answer (F12).
func (c *cell) answers(cl *client) bool {
	if c.pol.World.AuthenticatingSwitch == ContactFails {
		return c.reports(cl)
	}
	return c.works(cl)
}
