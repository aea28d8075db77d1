package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/extract/catalogue"
	"example.org/veille/schemas"
)

func (c *command) vendorsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "vendors", Short: "Look into the catalogue of vendors", Args: noArgs}
	var kind, country string
	var listJSON jsonFlag
	list := &cobra.Command{
		Use: "list", Short: "List the vendors that are known", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cat, err := catalogue.Load()
			if err != nil {
				return err
			}
			views := []vendorView{}
			var rows [][]string
			for _, v := range cat.All() {
				if kind != "" && !v.Is(kind) || country != "" && !strings.EqualFold(v.Country, country) {
					continue
				}
				rows = append(rows, []string{v.ID, v.Name, v.Country, strings.Join(v.Kinds, ",")})
				views = append(views, newVendorView(cat, v, time.Now()))
			}
			if listJSON.on {
				body, err := json.Marshal(views)
				if err == nil {
					body, err = listJSON.keep(body)
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.out, "%s\n", body)
				return err
			}
			c.rows([]string{"Id", "Name", "Country", "Kinds"}, rows)
			c.say("%d vendors", len(rows))
			return nil
		},
	}
	listJSON.bindJSON(list, "print a JSON array")
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
					if err := enc.Encode(newVendorView(cat, v, when)); err != nil {
						return err
					}
					continue
				}
				c.showVendor(cat, v, when)
			}
			return nil
		},
	}
	show.ValidArgsFunction = completeVendor
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
	cmd.AddCommand(list, show, check, c.vendorsUnknownCommand())
	return cmd
}

// vendorView is a vendor as --json prints it.
type vendorView struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Country  string   `json:"country"`
	Kinds    []string `json:"kinds"`
	Owner    string   `json:"owner,omitempty"` // at the date asked for
	Aliases  []string `json:"aliases"`
	Products []string `json:"products"`
}

func newVendorView(cat *catalogue.Catalogue, v catalogue.Vendor, at time.Time) vendorView {
	out := vendorView{ID: v.ID, Name: v.Name, Country: v.Country, Kinds: v.Kinds, Aliases: []string{}, Products: []string{}}
	if p, ok := cat.Parent(v.ID, at); ok {
		out.Owner = p.ID
	}
	for _, a := range v.Aliases {
		out.Aliases = append(out.Aliases, a.Text)
	}
	for _, p := range v.Products {
		out.Products = append(out.Products, p.Name)
	}
	return out
}

func (c *command) vendorsUnknownCommand() *cobra.Command {
	var a asking
	var limit int
	cmd := &cobra.Command{
		Use: "unknown [QUERY]", Short: "Organisations named in deals that the catalogue lacks, most frequent first",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			var body bytes.Buffer
			if err := c.stream(cmd.Context(), cfg, a.server, "/deals.ndjson", url.Values{"q": {strings.Join(args, " ")}}, &body); err != nil {
				return err
			}
			list, err := unknownParties(&body)
			if err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			list = list[:min(limit, len(list))]
			if a.json {
				enc := json.NewEncoder(c.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(list)
			}
			var rows [][]string
			for _, u := range list {
				rows = append(rows, []string{fmt.Sprint(u.Deals), u.ID, u.Name, strings.Join(u.Roles, ", "), u.Example})
			}
			c.rows([]string{"Deals", "Id", "Name", "Roles", "Evidence"}, rows)
			return nil
		},
	}
	a.bind(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "most rows")
	return cmd
}

// unknownParty is an organisation that the catalogue lacks.
type unknownParty struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Deals   int      `json:"deals"`
	Roles   []string `json:"roles"`
	Example string   `json:"example"` // a sentence that names it
}

// unknownParties counts them over deals, one JSON object a line.
func unknownParties(r io.Reader) ([]unknownParty, error) {
	found := map[string]*unknownParty{}
	dec := json.NewDecoder(r)
	for {
		var d schemas.Deal
		if err := dec.Decode(&d); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		for _, p := range d.Parties {
			if p.Known {
				continue
			}
			u := found[p.ID]
			if u == nil {
				u = &unknownParty{ID: p.ID, Name: p.Name}
				found[p.ID] = u
			}
			u.Deals++
			if p.Role != "" && !slices.Contains(u.Roles, p.Role) {
				u.Roles = append(u.Roles, p.Role)
			}
			for _, e := range d.Evidence {
				if u.Example == "" && strings.Contains(e.Signal.Evidence.Text, p.Name) {
					u.Example = e.Signal.Evidence.Text
				}
			}
		}
	}
	out := make([]unknownParty, 0, len(found))
	for _, u := range found {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b unknownParty) int {
		return cmp.Or(cmp.Compare(b.Deals, a.Deals), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
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
