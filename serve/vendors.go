package serve

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// vendorRow is an organisation of the catalogue with what there is of it.
type vendorRow struct {
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	Country  string             `json:"country" jsonschema:"ISO 3166-1 alpha-2 in lower case"`
	Kinds    []string           `json:"kinds" jsonschema:"trades, the main one first"`
	Aliases  []string           `json:"aliases"`
	Parent   *schemas.VendorRef `json:"parent" jsonschema:"who owns it today"`
	Deals    int                `json:"deals" jsonschema:"mere reminders left out"`
	Articles int                `json:"articles"`
	Latest   *time.Time         `json:"latest" jsonschema:"date of its newest deal or article"`
	Text     string             `json:"__text" jsonschema:"the name, as a variable of Grafana wants it"`
	Value    string             `json:"__value" jsonschema:"the id, as a variable of Grafana wants it"`
}

// vendorPage is everything about one organisation at a glance.
type vendorPage struct {
	vendorRow
	Prices   int           `json:"prices"`
	Types    []facetBucket `json:"types" jsonschema:"its deals by type"`
	Statuses []facetBucket `json:"statuses" jsonschema:"its deals by status"`
	Partners []partner     `json:"partners" jsonschema:"who it deals with, the most first"`
	Products []string      `json:"products"`
	AsOf     asOf          `json:"as_of"`
}

type partner struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Deals int    `json:"deals"`
}

func (s *Server) newVendorRow(v catalogue.Vendor, counts map[string]index.VendorCount) vendorRow {
	row := vendorRow{ID: v.ID, Name: v.Name, Country: strings.ToLower(v.Country), Kinds: filled(v.Kinds), Aliases: []string{}, Text: v.Name, Value: v.ID}
	for _, a := range v.Aliases {
		if !slices.Contains(row.Aliases, a.Text) {
			row.Aliases = append(row.Aliases, a.Text)
		}
	}
	if p, ok := s.opt.Catalogue.Parent(v.ID, s.opt.Now()); ok {
		row.Parent = &schemas.VendorRef{ID: p.ID, Name: p.Name}
	}
	if c, ok := counts[v.ID]; ok {
		row.Deals, row.Articles = c.Deals, c.Articles
		if !c.Latest.IsZero() {
			row.Latest = &c.Latest
		}
	}
	return row
}

func (s *Server) vendors(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	v := r.URL.Query()
	counts, generation, err := s.facts.vendors(r.Context(), s)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	country, trade, prefix := strings.ToLower(v.Get("country")), v.Get("kind"), v.Get("q")
	if country != "" {
		if e, ok := query.FieldRow("territory").EnumByName(country); ok {
			country = e.ID
		}
	}
	var named map[string]bool
	if prefix != "" {
		named = map[string]bool{}
		for _, ref := range s.names().begin(prefix, 0) {
			named[ref.ID] = true
		}
	}
	var all []vendorRow
	for _, c := range s.opt.Catalogue.All() {
		if named != nil && !named[c.ID] || country != "" && !strings.EqualFold(country, c.Country) || trade != "" && !c.Is(trade) {
			continue
		}
		all = append(all, s.newVendorRow(c, counts))
	}
	slices.SortFunc(all, func(a, b vendorRow) int {
		return cmp.Or(b.Deals-a.Deals, b.Articles-a.Articles, cmp.Compare(a.ID, b.ID))
	})
	// A vendor's place may move between two pages; the cursor names the last one
	// shown with its counts, so that what stands behind it still comes.
	limit := number(v, param{Name: "limit", Default: "50"})
	start := 0
	if c := v.Get("cursor"); c != "" {
		deals, articles, id, ok := vendorPlace(c)
		if !ok {
			s.problem(w, r, fail("invalid-cursor", "Reprenez sans curseur.", "Begin again without a cursor."))
			return
		}
		start, _ = slices.BinarySearchFunc(all, vendorRow{Deals: deals, Articles: articles, ID: id + "\x00"}, func(a, b vendorRow) int {
			return cmp.Or(b.Deals-a.Deals, b.Articles-a.Articles, cmp.Compare(a.ID, b.ID))
		})
	}
	page := all[start:min(len(all), start+limit)]
	out := list[vendorRow]{Data: filled(page), Query: queryInfo{Input: prefix, Canonical: prefix, Words: prefix, Hints: []hintInfo{}}, AsOf: s.asOf(r.Context(), generation), TookMS: float64(time.Since(began).Microseconds()) / 1000}
	out.Page = pageInfo{Limit: limit, Total: len(all)}
	if start+limit < len(all) {
		last := page[len(page)-1]
		next := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "v1 %d %d %s", last.Deals, last.Articles, last.ID))
		out.Page.Next = &next
		nextLink(w, r, next)
	}
	s.rows(w, r, out, out.Data)
}

func vendorPlace(cursor string) (deals, articles int, id string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, 0, "", false
	}
	parts := strings.SplitN(string(b), " ", 4)
	if len(parts) != 4 || parts[0] != "v1" {
		return 0, 0, "", false
	}
	deals, err1 := strconv.Atoi(parts[1])
	articles, err2 := strconv.Atoi(parts[2])
	return deals, articles, parts[3], err1 == nil && err2 == nil
}

// vendor answers with one organisation; another of its names leads to its id.
func (s *Server) vendor(w http.ResponseWriter, r *http.Request) {
	slug := r.PathValue("slug")
	v, ok := s.opt.Catalogue.Vendor(slug)
	if !ok {
		found := s.opt.Catalogue.Resolve(slug, s.opt.Now())
		if len(found) == 0 { // names given up long ago still lead somewhere
			found = s.opt.Catalogue.Resolve(slug, time.Time{})
		}
		if len(found) == 1 {
			w.Header().Del("ETag")
			w.Header().Set("Location", "/api/v1/vendors/"+url.PathEscape(found[0].ID))
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		p := fail("not-found", "Aucun fournisseur du catalogue ne porte ce nom, ou plusieurs le portent.", "No vendor of the catalogue has that name, or several have.")
		near := []string{}
		for _, f := range found {
			near = append(near, f.ID)
		}
		for _, f := range s.names().nearest(slug, 3) {
			near = append(near, f.ID)
		}
		p.Errors = []ProblemError{{Code: "unknown-vendor", Parameter: "slug", Suggestion: near}}
		s.problem(w, r, p)
		return
	}
	page, err := s.Vendor(r.Context(), v)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	s.json(w, http.StatusOK, page)
}

// Vendor gathers what there is of an organisation of the catalogue.
func (s *Server) Vendor(ctx context.Context, v catalogue.Vendor) (vendorPage, error) {
	counts, _, err := s.facts.vendors(ctx, s)
	if err != nil {
		return vendorPage{}, err
	}
	q, err := s.parse("")
	if err != nil {
		return vendorPage{}, err
	}
	q = q.Add(s.clauseOf("vendor", v.ID))
	deals, err := s.search(ctx, index.Request{View: index.Deals, Query: q, Facets: []string{"type", "status"}, Group: "vendor", Limit: 50})
	if err != nil {
		return vendorPage{}, err
	}
	prices, err := s.search(ctx, index.Request{View: index.Prices, Query: q})
	if err != nil {
		return vendorPage{}, err
	}
	page := vendorPage{vendorRow: s.newVendorRow(v, counts), Prices: prices.Total, Types: buckets(deals.Facets["type"]), Statuses: buckets(deals.Facets["status"]),
		Partners: []partner{}, Products: []string{}, AsOf: s.asOf(ctx, deals.Generation)}
	page.Deals = deals.Total // of the same state as the rest
	names := partyNames(deals.Deals)
	for _, b := range deals.Groups {
		if b.Value != v.ID && len(page.Partners) < 30 {
			page.Partners = append(page.Partners, partner{b.Value, s.nameOf(b.Value, names), b.Count})
		}
	}
	for _, p := range v.Products {
		page.Products = append(page.Products, p.Name)
	}
	return page, nil
}

// partyNames collects how the parties of deals are called.
func partyNames(ds []schemas.Deal) map[string]string {
	out := map[string]string{}
	for _, d := range ds {
		for _, p := range d.Parties {
			out[p.ID] = p.Name
		}
	}
	return out
}

// nameOf is how people call an organisation: as the catalogue does, else as an
// article did, else its id without the mark of the unknown.
func (s *Server) nameOf(id string, seen map[string]string) string {
	if v, ok := s.opt.Catalogue.Vendor(id); ok {
		return v.Name
	}
	return first(seen[id], strings.TrimPrefix(id, "x-"))
}

// pairPage is what two organisations have to do with one another.
type pairPage struct {
	A      schemas.VendorRef `json:"a"`
	B      schemas.VendorRef `json:"b"`
	Total  int               `json:"total"`
	Deals  []dealRow         `json:"deals" jsonschema:"the newest, at most 200"`
	Series []point           `json:"series" jsonschema:"deals by week, gaps filled with zeroes"`
	Query  queryInfo         `json:"query"`
	AsOf   asOf              `json:"as_of"`
}

func (s *Server) pair(w http.ResponseWriter, r *http.Request) {
	none := fail("not-found", "Une paire s’écrit a~b, avec deux fournisseurs du catalogue ou deux parties d’un accord.", "A pair is written a~b, with two vendors of the catalogue or two parties of a deal.")
	a, b, ok := strings.Cut(r.PathValue("pair"), "~")
	if !ok || a == "" || b == "" {
		s.problem(w, r, none)
		return
	}
	q, err := s.since("", r.URL.Query().Get("since"))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	ids, known := [2]string{a, b}, 0
	for i, name := range ids {
		if refs := s.resolve(name); len(refs) == 1 {
			ids[i] = refs[0].ID
			known++
		}
	}
	q = q.Add(s.clauseOf("pair", query.PairToken(ids[0], ids[1])))
	res, err := s.find(r, index.Request{View: index.Deals, Query: q, Limit: 200})
	if err != nil {
		s.problem(w, r, err)
		return
	}
	if res.Total == 0 && known < 2 || ids[0] == ids[1] {
		s.problem(w, r, none)
		return
	}
	rows, err := s.Series(r.Context(), index.StatsRequest{View: index.Deals, Query: q})
	if err != nil {
		s.problem(w, r, err)
		return
	}
	names := partyNames(res.Deals)
	q.Input = q.String()
	out := pairPage{A: schemas.VendorRef{ID: ids[0], Name: s.nameOf(ids[0], names)}, B: schemas.VendorRef{ID: ids[1], Name: s.nameOf(ids[1], names)},
		Total: res.Total, Deals: []dealRow{}, Series: []point{}, Query: s.echo(r, q), AsOf: s.asOf(r.Context(), res.Generation)}
	for _, d := range res.Deals {
		out.Deals = append(out.Deals, newDealRow(d))
	}
	for _, row := range rows {
		out.Series = append(out.Series, point{row.Time.UTC(), first(row.Series, allSeries), row.Value, row.Partial})
	}
	s.json(w, http.StatusOK, out)
}

// since parses a query and narrows it to what is not older than a date, written as
// in the query language.
func (s *Server) since(text, date string) (query.Query, error) {
	q, err := s.parse(text)
	if err != nil || date == "" {
		return q, err
	}
	d, err := s.parse("since:" + date)
	if c, ok := d.Expr.(query.Clause); err == nil && ok && c.Field == "since" {
		return q.Add(c), nil
	}
	return q, wrong("since", "since prend une date de la langue de requête : 2026-01, 2026-01-31, 90j.", "since takes a date of the query language: 2026-01, 2026-01-31, 90d.")
}
