// Package probe runs the relay selection of a BigFix client (package
// selection) over the sockets of this machine: one selection from its start to
// its decision. It has no rules of its own.
//
// # Nouns
//
// An [Echoer] sends echo requests with a TTL each and hears what answers them:
// echo replies, time-exceeded and unreachable messages. [Open] returns that of
// the system. A [Directory] turns a relay list into what the Selector knows
// and into hosts with names, ports and addresses. [Run] drives a Selector and
// leaves a [Record], of which [Record.Findings] makes a line per relay and
// [Record.Requests] what to ask the firewall team for. [Plan] says beforehand
// what a run may send at most. [Survey] asks hosts at given TTLs without any
// selection.
//
// # Time
//
// The Selector sees instants of a clock that stands still while probes of a
// round wait for their turn under the cap on packets per second: an answer
// arrives so long after the round's beginning as it arrived after its own
// probe. So a list of a hundred relays is judged as if it had been asked in one
// burst, as the client is taken to do (inter_packet_gap_ms = 0), and the cap
// changes no decision. The clock is the monotonic one of package time; in a
// bubble of testing/synctest it is the bubble's.
//
// # Restraint
//
// It never registers: an attempt is a connection and one request for the
// relay's version (9.8). It sends no more than the settings allow and never
// more than [Config].MaxProbes.
//
// Row numbers in comments, such as 9.8, are those of docs/model.md.
package probe
