// Package selection is the relay selection of a BigFix client as a state
// machine without input or output: it never waits, sends, reads a clock or
// logs. The simulator and the prober drive the same code.
//
// # Nouns
//
// A [List] is the client's copy of Relays.dat. [Settings] are the client's
// settings, [Params] what nobody has published about the client. [Compile]
// makes a [Course] of the three: the immutable plan of every selection, shared
// by all clients with the same settings and list. A Course is a walk over
// steps: stages (sets of candidates that rounds of probes ask), failover
// relays, a random relay, and the last resort. A [Selector] is the state of
// one client on its course.
//
// # Inputs and outputs
//
// A driver feeds triggers, replies, registration results, contacts and the
// passing of time, drains actions, and keeps one timer at [Selector.Deadline].
// Every input carries its instant; instants do not decrease (an earlier one is
// taken as the latest seen). Before an input at instant t is looked at, every
// deadline before t takes effect as of its own instant, so a driver that is
// late with Expire gets the same actions; an input exactly at a deadline goes
// first. Replies are processed one by one at their own instants, so their
// grouping into calls does not matter.
//
// Equal course, key and inputs give equal actions in equal order. Every draw is
// keyed (package rng): by the client, by the instant at which the selection
// started, by the relay. Every choice ends in a total order.
//
// # States
//
// A transition happens in the method enter and nowhere else. This is the
// whole table; a test compares it with the code.
//
//	from         to           when
//	stopped      idle         AddressChange, or Start without a parent
//	stopped      renewing     Start with a parent: it registers there again (9.1)
//	idle         stopped      Stop
//	idle         idle         a selection that has nothing to try ends; AddressChange during a wait
//	idle         renewing     re-registration falls due (9.3), or one is owed and its wait (9.2) is over or contact works
//	idle         probing      a selection starts with a round (5.1) or a gate (1.6)
//	idle         registering  a selection starts with a failover relay or the last resort
//	renewing     stopped      Stop
//	renewing     idle         the attempt ended, or AddressChange abandoned it
//	renewing     renewing     a further attempt (register_attempts)
//	probing      stopped      Stop
//	probing      idle         nothing is left to try, the parent is kept, or AddressChange abandoned it
//	probing      probing      the next round, the next stage
//	probing      registering  the race is decided (6.4), also by a late reply, or a step without a round is next
//	registering  stopped      Stop
//	registering  idle         registered, nothing left to try, refused for good (on_register_fail), or AddressChange abandoned it
//	registering  probing      refused: the rounds go on
//	registering  registering  a further attempt, or refused: the next replier or step
//
// # Memory
//
// A Selector takes 160 bytes, and works in a [Scratch] while a question is in
// flight, which a driver may lend. Between selections it packs into a [Rest] of
// 24 bytes and is had back by [Selector.Restore]. No round allocates once the Scratch has
// grown to the largest stage.
//
// # Classes of clients
//
// Clients on one course to whom the same relays can answer go the same way until
// one of those may: a [Leap] is that way, recorded from a real Selector, and
// [Selector.Follow] takes another client along it. From there [Selector.Reveal]
// decides a round by as many answers as the race needs, and [Selector.Fill] asks
// for the rest where a refusal makes them matter. The rules are those of every
// other client; what does not fit is declined and has to be fed the ordinary way.
//
// # Beside the Selector
//
// [Admit] is a relay's answer to a registration. [Store] holds settings with
// their effective dates. [LuckMetric] is a published proposal that no selection
// uses.
//
// # What is left out
//
// Name resolution, sockets and time-outs of a registration attempt are the
// driver's; it reports an [Outcome]. The echo reply of the model does not tell
// its hop count, so a distance is known only after a sweep (5.8).
//
// Row numbers in comments, such as 5.3, are those of docs/model.md.
package selection
