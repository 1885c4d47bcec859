package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/relaysim/relaysim/results"
	"github.com/relaysim/relaysim/scenarios"
)

// newFlags are the flags of `relaysim new`.
type newFlags struct {
	shape                  choice
	output                 string
	clients, relays, sites int
	seed                   uint64
	force                  bool
}

func newNew() *cobra.Command {
	f := newFlags{shape: choice{"S", shapeNames()}}
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Write a scenario to start your own from",
		Long: `Write a scenario of a company with sites, hubs, a core and a DMZ: a commented
.toml file with its tables of sites and relays. It uses what relaysim has, so
take away what you do not need, and put your own sites and relays in.

` + shapeTable(),
		Example: `  relaysim new --shape M -o branches && relaysim run branches/m.toml
  relaysim new --shape L --clients 40000 --relays 80 --sites 120 -o mine`,
		GroupID:           groupWork,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.write(cmd) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.shape, "shape", "size of the company; the flags below change it")
	flags.StringVarP(&f.output, "output", "o", "", "`folder` of the files (default: the shape in lower case)")
	flags.IntVar(&f.clients, "clients", 0, "`number` of clients, a fifth of them laptops (default: the shape's)")
	flags.IntVar(&f.relays, "relays", 0, "`number` of relays, without the root (default: the shape's)")
	flags.IntVar(&f.sites, "sites", 0, "`number` of sites (default: the shape's)")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of the scenario, and of what its sites and failures are like")
	flags.BoolVar(&f.force, "force", false, "overwrite files of an earlier scenario")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"shape": completeShape, "output": completeFolder})
	return cmd
}

func shapeNames() []string {
	var names []string
	for _, s := range scenarios.Shapes() {
		names = append(names, s.Name)
	}
	return names
}

// sizeOf says how large a shape is.
func sizeOf(s scenarios.Shape) string {
	sites := "sites"
	if s.Sites == 1 {
		sites = "site"
	}
	return fmt.Sprintf("%d %s, %d clients, %d relays", s.Sites, sites, s.Clients, s.Relays)
}

// shapeTable lists the shapes for the help.
func shapeTable() string {
	var b strings.Builder
	for _, s := range scenarios.Shapes() {
		fmt.Fprintf(&b, "  %-4s %s\n", s.Name, sizeOf(s))
	}
	return strings.TrimRight(b.String(), "\n")
}

func completeShape(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	for _, s := range scenarios.Shapes() {
		words = append(words, cobra.CompletionWithDesc(s.Name, sizeOf(s)))
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func completeFolder(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// write makes the files, and checks that none is there before it writes one.
func (f *newFlags) write(cmd *cobra.Command) error {
	shape, err := f.wanted(cmd)
	if err != nil {
		return err
	}
	files, err := shape.Files(f.seed)
	if err != nil {
		return err
	}
	folder := f.output
	if folder == "" {
		folder = strings.ToLower(shape.Name)
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name)
		if _, err := os.Lstat(path); !f.force && !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return broken(err)
			}
			return fmt.Errorf("%s is there already (--force overwrites it)", path)
		}
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return broken(err)
	}
	for _, file := range files {
		if err := results.WriteFile(filepath.Join(folder, file.Name), file.Data); err != nil {
			return broken(err)
		}
	}
	return printed(fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", filepath.Join(folder, files[0].Name), sizeOf(shape)))
}

// wanted is the shape with what the flags change of it.
func (f *newFlags) wanted(cmd *cobra.Command) (scenarios.Shape, error) {
	var shape scenarios.Shape
	for _, s := range scenarios.Shapes() {
		if s.Name == f.shape.value {
			shape = s
		}
	}
	for _, n := range []struct {
		flag     string
		from, to *int
	}{{"clients", &f.clients, &shape.Clients}, {"relays", &f.relays, &shape.Relays}, {"sites", &f.sites, &shape.Sites}} {
		if err := atLeastOne(cmd, n.flag, *n.from); err != nil {
			return shape, err
		}
		if cmd.Flags().Changed(n.flag) {
			*n.to = *n.from
		}
	}
	return shape, nil
}
