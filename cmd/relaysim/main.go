// Command relaysim simulates how HCL BigFix clients choose a relay, by rounds
// of ICMP probes with rising TTL, across firewalls: which clients find a relay
// under which openings, where the load lands, and how failover goes.
//
//	relaysim run internet-relays          # a shipped scenario, by name
//	relaysim run --policy echo mine.toml  # a file of your own, one policy
//	relaysim check *.toml                 # read and check, run nothing
//	relaysim show mine.toml               # with all defaults filled in
//	relaysim trace mine.toml --from A --to B  # one packet, router by router
//	relaysim show mine.toml --network     # a picture of the network
//	relaysim run mine.toml --decisions d.bin  # and every selection in a file
//	relaysim decisions d.bin              # which this reads
//	relaysim list                         # what is shipped
//	relaysim probe --relays r.csv --settings clientsettings.cfg  # over the real network
//
// Data goes to stdout and to the output folder, talk to stderr. Exit codes:
// 0 done and every goal and finding holds, 1 one does not, 2 bad usage or
// invalid scenario, 3 the run itself failed, 4 undecided, 130 interrupted.
package main

import (
	"context"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole command and returns its exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.ExecuteContext(ctx), stderr)
}
