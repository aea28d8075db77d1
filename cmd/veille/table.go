package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"example.org/veille/schemas"
)

// terminal tells whether f is one, and how wide.
func terminal(f any) (width int, ok bool) {
	file, is := f.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	w, _, err := term.GetSize(int(file.Fd()))
	if err != nil || w < 40 {
		w = 80
	}
	return w, true
}

// rows prints a table cut to the terminal, or whole lines of TSV with a header
// where no person looks. The last column takes what width is left.
func (c *command) rows(header []string, rows [][]string) {
	width, tty := terminal(c.out)
	if !tty {
		fmt.Fprintln(c.out, strings.ToLower(strings.Join(header, "\t")))
		for _, r := range rows {
			for i := range r {
				r[i] = strings.ReplaceAll(oneLine(r[i]), "\t", " ")
			}
			fmt.Fprintln(c.out, strings.Join(r, "\t"))
		}
		return
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatUpper
	used := 0
	widths := make([]int, len(header))
	for i := range header {
		widths[i] = len(header[i])
		for _, r := range rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(r[i]))
		}
		if i < len(header)-1 {
			widths[i] = min(widths[i], 40)
			used += widths[i] + 2
		}
	}
	widths[len(header)-1] = max(20, width-used-2)
	toRow := func(cells []string) table.Row {
		row := make(table.Row, len(cells))
		for i, s := range cells {
			row[i] = text.Snip(oneLine(s), widths[i], "…")
		}
		return row
	}
	t.AppendHeader(toRow(header))
	for _, r := range rows {
		t.AppendRow(toRow(r))
	}
	fmt.Fprintln(c.out, t.Render())
}

// dealLine is how a deal is written everywhere: « Nutanix → Arrow ECS ». Types
// without a direction are joined by ×.
func dealLine(ps []schemas.Party, typ string) string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name
	}
	if typ == "partnership" || typ == "joint_venture" || len(ps) < 2 {
		return strings.Join(names, " × ")
	}
	return strings.Join(names, " → ")
}

// unitText says what a price is for: "per user and month, excl. tax".
func unitText(p schemas.Price) string {
	var parts []string
	if p.Per != "" {
		parts = append(parts, "per "+p.Per)
	}
	if p.Period != "" {
		parts = append(parts, "a "+p.Period)
	}
	if p.Tax != "" {
		parts = append(parts, p.Tax+". tax")
	}
	return strings.Join(parts, ", ")
}

func (c *command) showExtraction(a schemas.Article, x schemas.Extraction) {
	var names []string
	for _, v := range x.Vendors {
		if v.Salience == "about" {
			names = append(names, v.Name+"*")
		} else {
			names = append(names, v.Name)
		}
	}
	fmt.Fprintf(c.out, "%s (%s)\nvendors: %s\n\n", cmp.Or(a.Title, "no title"), a.Lang, cmp.Or(strings.Join(names, ", "), "none"))
	var rows [][]string
	for _, s := range x.Signals {
		schemas.SortParties(s.Parties)
		rows = append(rows, []string{dealLine(s.Parties, s.Type), s.Type, s.Status, s.Rule, s.Evidence.Text})
	}
	if len(rows) > 0 {
		c.rows([]string{"Deal", "Type", "Status", "Rule", "Evidence"}, rows)
	} else {
		fmt.Fprintln(c.out, "no deal")
	}
	fmt.Fprintln(c.out)
	rows = nil
	for _, p := range x.Prices {
		vendor := p.Product
		if p.Vendor != nil {
			vendor = strings.TrimSpace(p.Vendor.Name + " " + p.Product)
		}
		rows = append(rows, []string{p.Amount.String(), p.Kind, unitText(p), vendor, p.Evidence.Text})
	}
	if len(rows) > 0 {
		c.rows([]string{"Price", "Kind", "Unit", "Of", "Evidence"}, rows)
	} else {
		fmt.Fprintln(c.out, "no price")
	}
}
