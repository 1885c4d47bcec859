// Package lab builds a network of package topology out of Linux network
// namespaces, veth pairs, routes and nftables rules, sends real packets through
// it, and compares what became of them with what Walk says. The kernel is the
// oracle of the model.
//
// # Nouns
//
// A [Design] is what a lab is built of: a topology.Spec and the clients in it.
// [NewPlan] turns it into a [Plan], which is pure data: nodes (namespaces) with
// their ports, addresses, routes and nft files, and the segments that join
// them. [Plan.Script] shows it as the commands that a user could type. [Up]
// carries it out and returns a [Lab], [Lab.Down] takes it away, [Clean] takes
// away what a run left that did not end by itself. [Lab.Probe] sends echo
// requests and TCP segments from the clients; [Model] asks topology the same;
// [Compare] puts both side by side.
//
// # What stands for what
//
// Every router, every Stateful or Stateless box, every client and every place's
// hosts are a namespace each. A place is one bridge, or two if it has inside
// routers: these lie between its clients' and its hosts' bridge, and what leads
// out of the place is on both. A Routed box is a bridge, since it is no hop.
// Two namespaces alone on a segment are joined by a veth pair without a bridge.
//
// Each namespace has one address that stands for it on all its ports, so that
// the source of an ICMP error names its maker. Routes are to single addresses.
// Their ways are found here once more, from the Spec and without the model's.
//
// # Left out
//
// [NewPlan] refuses, with the reason, what does not map to Linux or not to
// nftables; what changes no fate (delay, and loss by chance) is left out and
// named in [Plan.LeftOut].
package lab
