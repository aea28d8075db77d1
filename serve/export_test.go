package serve_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"example.org/veille/schemas"
)

// TestExportsAreComplete writes more rows than a page of the index may have and
// finds the same set in every format.
func TestExportsAreComplete(t *testing.T) {
	w := newWorld(t, nil)
	const n = 1234 // more than a page of an export
	w.put(many(0, n))
	var total dealList
	w.ok(&total, "/api/v1/deals", "limit", "0", "q", "distribue")
	if total.Page.Total != n {
		t.Fatalf("%d of %d deals", total.Page.Total, n)
	}
	sets := map[string][]string{}
	a := w.ok(nil, "/deals.csv", "q", "distribue")
	if got := a.Trailer.Get("X-Export-Complete"); got != fmt.Sprintf("rows=%d", n) {
		t.Errorf("trailer %q", got)
	}
	if cd := a.Header.Get("Content-Disposition"); cd != `attachment; filename="veille-deals-distribue-2026-04-15.csv"` {
		t.Errorf("Content-Disposition %q", cd)
	}
	recs, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs[1:] {
		sets["csv"] = append(sets["csv"], rec[0])
	}
	for line := range bytes.Lines(w.ok(nil, "/deals.ndjson", "q", "distribue").body) {
		var d schemas.Deal
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		sets["ndjson"] = append(sets["ndjson"], d.ID)
	}
	for name, ids := range sets {
		slices.Sort(ids)
		if len(slices.Compact(ids)) != n {
			t.Errorf("%s: %d deals, want %d", name, len(ids), n)
		}
	}
	if !slices.Equal(sets["csv"], sets["ndjson"]) {
		t.Error("csv and ndjson hold different deals")
	}
	if got := bytes.Count(w.ok(nil, "/deals.md", "q", "distribue").body, []byte("\n| ")); got != n {
		t.Errorf("markdown: %d rows", got)
	}
	// How many rows the file holds stands in its footer, which package parquet tests.
	pq := w.ok(nil, "/deals.parquet", "q", "distribue")
	if got := pq.Trailer.Get("X-Export-Complete"); got != fmt.Sprintf("rows=%d", n) || !bytes.HasPrefix(pq.body, []byte("PAR1")) || !bytes.HasSuffix(pq.body, []byte("PAR1")) {
		t.Errorf("parquet: trailer %q, %d bytes", got, len(pq.body))
	}
	if recs, err := csv.NewReader(bytes.NewReader(w.ok(nil, "/deals.csv", "limit", "7").body)).ReadAll(); err != nil || len(recs) != 8 {
		t.Errorf("limit=7: %d lines, %v", len(recs), err)
	}
	if recs, err := csv.NewReader(bytes.NewReader(w.ok(nil, "/articles.csv").body)).ReadAll(); err != nil || len(recs) != n+1 {
		t.Errorf("articles: %d lines, %v", len(recs), err)
	}
}

// A source's words never become a formula, a column or a row of their own.
func TestExportsAreSafe(t *testing.T) {
	w := newWorld(t, nil)
	evil := []string{
		`=HYPERLINK("http://e","x")`, `+1+cmd|' /C calc'!A0`, `@SUM(1)`, `-2+3`, "\t=1", "\r=1", `＝1`, `"=1`, ` =1`, "a;b,c\nd", "\u200b=1", "|calc", "\x00=1", strings.Repeat("x", 2000),
		`a"\r\nX-Evil: 1`, `[x](javascript:alert(1)) | y`, `<script>alert(1)</script>`, "−5",
	}
	for i, title := range evil {
		s := story{source: "lemag", outlet: title, lang: "fr", day: "2026-01-02 10:00", title: title, quote: title + " signe.", typ: "partnership", status: "announced", cue: "signe",
			parties: []schemas.Party{party(fmt.Sprintf("x-a-%d", i), title, "partner"), party("dell", "Dell", "partner")}}
		w.put([]schemas.Extraction{s.extraction()}, []schemas.DealEvent{{Kind: "new", Deal: dealOf(s)}})
	}
	for _, p := range []string{"/deals.csv", "/deals.csv?grain=evidence", "/articles.csv", "/deals.csv?dialect=fr", "/articles.csv?dialect=fr"} {
		body := w.ok(nil, p).body
		rd := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
		if strings.Contains(p, "dialect=fr") {
			rd.Comma = ';'
			if !bytes.HasPrefix(body, []byte("\ufeff")) {
				t.Errorf("%s: no byte order mark", p)
			}
		}
		rows := 0
		for {
			rec, err := rd.Read() // a wrong number of cells is an error
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", p, err)
			}
			rows++
			for i, cell := range rec {
				bare := strings.TrimLeft(cell, " \t\r\n\u200b")
				if bare != "" && strings.ContainsAny(bare[:1], "=+-@\x00") || strings.HasPrefix(bare, "＝") || strings.ContainsAny(cell, "\x00\t\r") {
					t.Errorf("%s: cell %d is %q", p, i, cell)
				}
			}
		}
		if rows != len(evil)+1 {
			t.Errorf("%s: %d lines", p, rows)
		}
	}
	md := string(w.ok(nil, "/articles.md").body)
	if strings.Contains(md, "<script") || strings.Contains(md, "[x](") || strings.Contains(md, "| y") && !strings.Contains(md, `\| y`) {
		t.Error("markdown carries markup of the source")
	}
}

// The French Excel reads semicolons, decimal commas and dates of Paris.
func TestFrenchDialect(t *testing.T) {
	w := press(t, nil)
	p := server
	price := *server.price
	price.Low = ptr("9900.50")
	p.title, p.price = "Dell : encore", &price
	w.put([]schemas.Extraction{p.extraction()}, nil)
	body := string(w.ok(nil, "/prices.csv", "dialect", "fr").body)
	if !strings.Contains(body, ";9900,50;") || !strings.Contains(body, ";2026-04-14 13:00:00;") {
		t.Errorf("prices in French:\n%s", body)
	}
	if body := string(w.ok(nil, "/prices.csv").body); !strings.Contains(body, ",9900.50,") || !strings.Contains(body, ",2026-04-14T11:00:00Z,") || !strings.Contains(body, "\r\n") {
		t.Errorf("prices:\n%s", body)
	}
}

type atomFeed struct {
	ID      string `xml:"id"`
	Title   string `xml:"title"`
	Updated string `xml:"updated"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
	Entries []struct {
		ID        string `xml:"id"`
		Title     string `xml:"title"`
		Updated   string `xml:"updated"`
		Published string `xml:"published"`
		Content   string `xml:"content"`
	} `xml:"entry"`
}

func (w *world) atom(params ...string) (f atomFeed) {
	w.t.Helper()
	a := w.ok(nil, "/deals.atom", params...)
	if err := xml.Unmarshal(a.body, &f); err != nil {
		w.t.Fatalf("%v in %s", err, a.body)
	}
	return f
}

// An entry keeps its id and moves its updated only with the status.
func TestFeeds(t *testing.T) {
	w := press(t, nil)
	before := w.atom("q", "vendor:nutanix")
	if len(before.Entries) != 2 || before.ID == "" || before.Updated == "" || !strings.Contains(before.Title, "Nutanix") {
		t.Fatalf("feed %+v", before)
	}
	for _, e := range before.Entries {
		if !strings.HasPrefix(e.ID, "urn:veille:deal:d_") || e.Title == "" || e.Updated < e.Published || !strings.Contains(e.Content, "<blockquote") {
			t.Errorf("entry %+v", e)
		}
	}
	id := "urn:veille:deal:" + w.deals[0].Deal.ID
	at := func(f atomFeed) (updated string) {
		for _, e := range f.Entries {
			if e.ID == id {
				return e.Updated
			}
		}
		return ""
	}
	again := signed // one more outlet: no news
	again.source, again.outlet, again.day = "echo", "Echo", "2026-03-20 09:00"
	d := dealOf(rumour, signed, again)
	w.put([]schemas.Extraction{again.extraction()}, []schemas.DealEvent{{Kind: "corroborated", Deal: d}})
	if got := at(w.atom("q", "vendor:nutanix")); got != at(before) || got == "" {
		t.Errorf("corroborated: updated %s, before %s", got, at(before))
	}
	live := signed
	live.day, live.title, live.status, live.quote, live.cue = "2026-04-10 09:00", "Nutanix and Ingram are live", "in_effect", "The Nutanix agreement with Ingram Micro is now live.", "is now live"
	w.put([]schemas.Extraction{live.extraction()}, []schemas.DealEvent{{Kind: "status", From: "announced", Deal: dealOf(rumour, signed, again, live)}})
	after := w.atom("q", "vendor:nutanix")
	if at(after) != "2026-04-10T09:00:00Z" || after.Entries[0].ID != id {
		t.Errorf("in effect: updated %s, first %s", at(after), after.Entries[0].ID)
	}

	// A page leads to the next.
	small := w.atom("q", "vendor:nutanix", "limit", "1")
	next := ""
	for _, l := range small.Links {
		if l.Rel == "next" {
			next = l.Href
		}
	}
	if len(small.Entries) != 1 || !strings.HasPrefix(next, w.http.URL) {
		t.Fatalf("page of one: next %q", next)
	}
	second := w.atom2(strings.TrimPrefix(next, w.http.URL))
	if len(second.Entries) != 1 || second.Entries[0].ID == small.Entries[0].ID {
		t.Errorf("the next page: %+v", second.Entries)
	}

	var rss struct {
		Version string `xml:"version,attr"`
		Items   []struct {
			GUID struct {
				Permanent string `xml:"isPermaLink,attr"`
				ID        string `xml:",chardata"`
			} `xml:"guid"`
		} `xml:"channel>item"`
	}
	if err := xml.Unmarshal(w.ok(nil, "/deals.rss", "q", "vendor:nutanix").body, &rss); err != nil {
		t.Fatal(err)
	}
	if rss.Version != "2.0" || len(rss.Items) != 2 || rss.Items[0].GUID.ID != id || rss.Items[0].GUID.Permanent != "false" {
		t.Errorf("rss %+v", rss)
	}
	var jf struct {
		Version, Title string
		Items          []struct {
			ID, URL      string
			ContentHTML  string `json:"content_html"`
			DateModified string `json:"date_modified"`
		}
	}
	w.ok(&jf, "/deals.feed.json", "q", "vendor:nutanix")
	if jf.Version != "https://jsonfeed.org/version/1.1" || len(jf.Items) != 2 || jf.Items[0].ID != id || jf.Items[0].DateModified != at(after) {
		t.Errorf("json feed %+v", jf)
	}
	// Titles of the press are text in a feed, never markup.
	if f := w.atom("q", "vendor:ovhcloud"); len(f.Entries) != 1 || strings.Contains(f.Entries[0].Content, "<script") || !strings.Contains(f.Entries[0].Content, "&lt;script&gt;") {
		t.Errorf("content %+v", f.Entries)
	}
	if fr := w.atom("q", "vendor:nutanix", "hl", "fr"); !strings.Contains(fr.Entries[0].Title, "en vigueur") {
		t.Errorf("in French: %q", fr.Entries[0].Title)
	}
	if empty := w.atom("q", "zzzzz"); len(empty.Entries) != 0 || empty.Updated == "" {
		t.Errorf("an empty feed: %+v", empty)
	}
}

func (w *world) atom2(path string) (f atomFeed) {
	w.t.Helper()
	if err := xml.Unmarshal(w.ok(nil, path).body, &f); err != nil {
		w.t.Fatal(err)
	}
	return f
}
