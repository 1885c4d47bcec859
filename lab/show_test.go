//go:build kernel

package lab

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/relaysim/relaysim/topology"
)

// showNetwork shows the random network of a seed and, after it has been
// measured, the counters of its rules.
func showNetwork(seed uint64) error {
	d, p := randomDesign(seed)
	fmt.Printf("%s\n%s\n", describe(d), p.Script(Prefix))
	for i := range p.Nodes {
		p.Nodes[i].Rules = counted(p.Nodes[i].Rules)
	}
	l, err := Up(interrupted, p)
	if err != nil {
		return err
	}
	defer l.Down()
	m, err := NewModel(d)
	if err != nil {
		return err
	}
	rows, err := Compare(interrupted, l, m, p.Probes(maxTTL, topology.EchoRequest, topology.TCP, topology.UDP))
	if err != nil {
		return err
	}
	fmt.Println(show(d, Mismatches(rows)))
	for i := range p.Nodes {
		err = l.inside(i, func() error {
			out, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
			fmt.Printf("# %s\n%s\n", p.Nodes[i].Name, out)
			return err
		})
	}
	return err
}

// counted adds counters to an nft file.
func counted(rules string) string {
	lines := strings.Split(rules, "\n")
	for i, l := range lines {
		for _, w := range []string{" accept", " drop", " reject"} {
			if !strings.Contains(l, "policy") && strings.Contains(l, w) {
				lines[i] = strings.Replace(l, w, " counter"+w, 1)
				break
			}
		}
	}
	return strings.Join(lines, "\n")
}
