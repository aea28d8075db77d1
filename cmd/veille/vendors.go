package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/extract/catalogue"
)

func (c *command) vendorsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "vendors", Short: "Look into the catalogue of vendors", Args: noArgs}
	var kind, country string
	list := &cobra.Command{
		Use: "list", Short: "List the vendors that are known", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cat, err := catalogue.Load()
			if err != nil {
				return err
			}
			var rows [][]string
			for _, v := range cat.All() {
				if kind != "" && !v.Is(kind) || country != "" && !strings.EqualFold(v.Country, country) {
					continue
				}
				rows = append(rows, []string{v.ID, v.Name, v.Country, strings.Join(v.Kinds, ",")})
			}
			c.rows([]string{"Id", "Name", "Country", "Kinds"}, rows)
			c.say("%d vendors", len(rows))
			return nil
		},
	}
	list.Flags().StringVar(&kind, "kind", "", "only this kind: "+strings.Join(catalogue.Kinds(), ", "))
	list.Flags().StringVar(&country, "country", "", "only this country, such as FR")
	var at string
	var asJSON bool
	show := &cobra.Command{
		Use: "show NAME", Short: "Show what is known of a vendor", Args: someArgs("a name or id"),
		Example: `  veille vendors show HP --at 2014-06-01`,
		RunE: func(_ *cobra.Command, args []string) error {
			when := time.Now()
			if at != "" {
				t, _, err := parseTime(at)
				if err != nil {
					return usage(err, "write --at 2014-06-01")
				}
				when = t
			}
			cat, err := catalogue.Load()
			if err != nil {
				return err
			}
			name := strings.Join(args, " ")
			found := cat.Resolve(name, when)
			if len(found) == 0 {
				return fail(exitFailed, fmt.Errorf("the catalogue knows no vendor %q", name), "see: veille vendors list")
			}
			for _, v := range found {
				if asJSON {
					enc := json.NewEncoder(c.out)
					enc.SetIndent("", "  ")
					enc.SetEscapeHTML(false)
					if err := enc.Encode(v); err != nil {
						return err
					}
					continue
				}
				c.showVendor(cat, v, when)
			}
			return nil
		},
	}
	show.Flags().StringVar(&at, "at", "", "the date that counts, such as 2014-06-01")
	show.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	check := &cobra.Command{
		Use: "check [DIR]", Short: "Look for mistakes in the catalogue's files", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			problems, err := checkCatalogue(args)
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(c.out, p)
			}
			if len(problems) > 0 {
				return fail(exitFailed, errors.New("the catalogue has mistakes"), "correct the files, then: go generate ./extract/catalogue")
			}
			c.say("no mistakes")
			return nil
		},
	}
	cmd.AddCommand(list, show, check)
	return cmd
}

func (c *command) showVendor(cat *catalogue.Catalogue, v catalogue.Vendor, at time.Time) {
	fmt.Fprintf(c.out, "%s (%s)\n", v.Name, v.ID)
	fmt.Fprintf(c.out, "  %s, %s\n", v.Country, strings.Join(v.Kinds, ", "))
	if p, ok := cat.Parent(v.ID, at); ok {
		fmt.Fprintf(c.out, "  owned by %s\n", p.Name)
	}
	var names []string
	for _, a := range v.Aliases {
		names = append(names, a.Text)
	}
	if len(names) > 0 {
		fmt.Fprintf(c.out, "  also: %s\n", strings.Join(names, ", "))
	}
	names = nil
	for _, p := range v.Products {
		names = append(names, p.Name)
	}
	if len(names) > 0 {
		fmt.Fprintf(c.out, "  products: %s\n", strings.Join(names, ", "))
	}
}

// checkCatalogue looks at the files of a checkout.
func checkCatalogue(args []string) ([]catalogue.Problem, error) {
	dir := filepath.Join("extract", "vendors")
	if len(args) > 0 {
		dir = args[0]
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, usage(fmt.Errorf("there is no folder %s", dir), "run it in a checkout of veille, or name the folder of the catalogue's files")
	}
	problems, err := catalogue.Check(os.DirFS(dir))
	if err != nil {
		return nil, fail(exitFailed, err, "correct the file, then run the check again")
	}
	return problems, nil
}
