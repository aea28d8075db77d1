package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/veille/schemas"
)

// body gets an address of the running veille as it is.
func (w *world) body(path string, q url.Values) (int, string, http.Header) {
	w.t.Helper()
	res, err := http.Get(w.base + path + "?" + q.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

// TestTasks does, over HTTP and from the command line, on the sample press, what
// analysts (A) and the people who make dashboards (C) come for.
func TestTasks(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	t.Setenv("VEILLE_DATA", w.dir)
	t.Setenv("VEILLE_LISTEN", strings.TrimPrefix(w.base, "http://"))
	// cli runs a command that must succeed.
	cli := func(t *testing.T, args ...string) string {
		t.Helper()
		status, out, errs := run(t.Context(), args...)
		if status != 0 || strings.Contains(out, "\x1b") {
			t.Fatalf("%q: status %d\n%s\n%s", args, status, out, errs)
		}
		return out
	}
	type evidence struct {
		Quote, URL, Outlet, Lang string
		Published                string
		TextFragmentURL          string `json:"text_fragment_url"`
		Signal                   schemas.Signal
	}
	type deal struct {
		ID, Type, Status, Updated string
		Parties                   []schemas.Party
		Evidence                  []evidence
	}

	t.Run("A1 distributors in France with the sentence", func(t *testing.T) {
		const q = "vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01"
		check := func(rows []deal) (names []string) {
			t.Helper()
			for _, d := range rows {
				who := ""
				for _, p := range d.Parties {
					if p.Role == "distributor" {
						who = p.Name
					}
				}
				if who == "" || d.Updated == "" || d.Status != "announced" && d.Status != "in_effect" || len(d.Evidence) == 0 {
					t.Errorf("row %+v lacks what was asked", d)
					continue
				}
				for _, e := range d.Evidence {
					if e.Signal.Evidence.Text == "" || !strings.HasPrefix(e.TextFragmentURL, e.URL+"#:~:text=") && e.Signal.Evidence.In != "title" && !strings.Contains(e.TextFragmentURL, "#:~:text=") {
						t.Errorf("%s: evidence without a sentence or a link to it: %+v", who, e)
					}
				}
				names = append(names, who)
			}
			return names
		}
		var got struct {
			Data   []deal
			Groups []struct{ Value string }
		}
		w.get("/api/v1/deals", url.Values{"q": {q}, "group": {"distributor"}}, &got)
		names := check(got.Data)
		slices.Sort(names)
		if len(names) < 2 || len(got.Groups) != len(names) {
			t.Errorf("distributors %v, groups %v", names, got.Groups)
		}
		var rows []deal
		if err := json.Unmarshal([]byte(cli(t, "search", q, "--group", "distributor", "--json")), &rows); err != nil {
			t.Fatal(err)
		}
		if from := check(rows); !slices.Equal(from, names) {
			t.Errorf("the command line has %v, in groups; the API %v", from, names)
		}
	})

	t.Run("A2 is it real", func(t *testing.T) {
		var got struct{ Data []deal }
		w.get("/api/v1/deals", url.Values{"q": {"vendor:nutanix status:rumeur"}}, &got)
		if len(got.Data) == 0 {
			t.Fatal("no rumour")
		}
		d := got.Data[0]
		cue := d.Evidence[0].Signal.Cue
		if d.Status != "rumoured" || cue == "" || !strings.Contains(d.Evidence[0].Signal.Evidence.Text, cue) {
			t.Errorf("status %q, cue %q in %q", d.Status, cue, d.Evidence[0].Signal.Evidence.Text)
		}
		code, page, _ := w.body("/deals/"+d.ID, url.Values{"hl": {"fr"}})
		if code != http.StatusOK || !strings.Contains(strings.ToLower(page), "rumeur") || !strings.Contains(page, d.Evidence[0].Outlet) || !strings.Contains(page, "<svg") {
			t.Errorf("the page of the deal: %d, without status, outlet or life-line", code)
		}
		out := cli(t, "deals", "show", d.ID)
		if !strings.Contains(out, "rumoured since") || !strings.Contains(out, d.Evidence[0].URL) {
			t.Errorf("deals show:\n%s", out)
		}
	})

	t.Run("A3 one vendor beside another", func(t *testing.T) {
		code, page, _ := w.body("/vendors/nutanix", url.Values{"vs": {"dell"}, "hl": {"en"}})
		if code != http.StatusOK || !strings.Contains(page, "Nutanix") || !strings.Contains(page, "Dell") {
			t.Errorf("the page that compares: %d", code)
		}
		both := func(text string) bool {
			return strings.Contains(text, "Nutanix") && strings.Contains(text, "Dell")
		}
		_, file, _ := w.body("/deals.csv", url.Values{"q": {"vendor:nutanix,dell"}})
		if !both(file) {
			t.Errorf("one file of both:\n%s", file)
		}
		out := cli(t, "stats", "vendor:nutanix,dell", "--group", "quarter,vendor", "--from", "2026-01-01", "--to", "2026-12-31")
		if !strings.Contains(out, "\tnutanix\t") || !strings.Contains(out, "\tdell\t") {
			t.Errorf("series of both:\n%s", out)
		}
	})

	t.Run("A4 prices, with and without tax", func(t *testing.T) {
		type price struct {
			schemas.Price
			Article struct{ URL string }
		}
		check := func(rows []price) {
			t.Helper()
			taxed := false
			for _, p := range rows {
				if p.Text == "" || p.Currency == "" || p.Low == nil && p.High == nil || !strings.Contains(p.Evidence.Text, p.Text) || p.Article.URL == "" || p.Kind != "product_price" {
					t.Errorf("row %+v lacks what was asked", p)
				}
				taxed = taxed || p.Tax == "excl"
			}
			if len(rows) < 5 || !taxed {
				t.Errorf("%d prices, tax told: %v", len(rows), taxed)
			}
		}
		var got struct{ Data []price }
		w.get("/api/v1/prices", url.Values{"q": {"price_kind:product_price"}, "limit": {"200"}}, &got)
		check(got.Data)
		var rows []price
		if err := json.Unmarshal([]byte(cli(t, "prices", "price_kind:product_price", "--limit", "200", "--json")), &rows); err != nil {
			t.Fatal(err)
		}
		check(rows)
	})

	t.Run("A5 into a note and into Excel", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "prix.csv")
		cli(t, "export", "price:*", "--view", "prices", "--format", "csv", "--dialect", "fr", "-o", file)
		local, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, served, head := w.body("/prices.csv", url.Values{"q": {"price:*"}, "dialect": {"fr"}})
		if string(local) != served || !strings.Contains(head.Get("Content-Disposition"), ".csv") {
			t.Error("the file and what is served differ")
		}
		if !bytes.HasPrefix(local, []byte("\uFEFF")) {
			t.Error("no byte order mark: Excel takes the accents for something else")
		}
		r := csv.NewReader(bytes.NewReader(local[3:]))
		r.Comma = ';'
		rows, err := r.ReadAll()
		if err != nil || len(rows) < 10 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		comma := regexp.MustCompile(`^-?\d+(,\d+)?$`)
		low := slices.Index(rows[0], "low")
		for _, row := range rows[1:] {
			if low < 0 || row[low] != "" && !comma.MatchString(row[low]) {
				t.Fatalf("amount %q: not as a French Excel reads numbers (columns %q)", row[max(low, 0)], rows[0])
			}
		}
		// What is copied: the quote, its source, date and address.
		var got struct{ Data []deal }
		w.get("/api/v1/deals", url.Values{"q": {"vendor:nutanix type:distribution"}, "limit": {"1"}}, &got)
		d := got.Data[0]
		_, page, _ := w.body("/deals/"+d.ID, url.Values{"hl": {"fr"}})
		note := html.UnescapeString(regexp.MustCompile(`data-note="[^"]*"`).FindString(page))
		said := slices.ContainsFunc(d.Evidence, func(e evidence) bool {
			return strings.Contains(note, e.Signal.Evidence.Text) && strings.Contains(note, e.Outlet) && strings.Contains(note, e.URL)
		})
		if !said || !strings.Contains(page, `id="`+d.ID+`"`) {
			t.Errorf("the citation %q has not the sentence, its source and its address", note)
		}
	})

	t.Run("C1 deals by week and pair", func(t *testing.T) {
		type row struct {
			Time, Series string
			Value        *float64
		}
		check := func(rows []row) {
			t.Helper()
			by := map[string]int{}
			for _, r := range rows {
				if r.Value == nil || r.Time == "" {
					t.Fatalf("row %+v", r)
				}
				by[r.Series]++
			}
			n := 0
			for s, k := range by {
				if n == 0 {
					n = k
				}
				if k != n || !strings.Contains(s, "~") {
					t.Errorf("series %q has %d weeks, others %d: gaps are not filled", s, k, n)
				}
			}
			if len(by) < 3 || n < 20 {
				t.Errorf("%d series of %d weeks", len(by), n)
			}
		}
		var rows []row
		w.get("/api/v1/stats/deals", url.Values{"group": {"week,pair"}, "top": {"10"}, "from": {"1767222000000"}, "to": {"1790000000000"}, "rows": {"1"}}, &rows)
		check(rows)
		rows = nil
		if err := json.Unmarshal([]byte(cli(t, "stats", "--group", "week,pair", "--top", "10", "--from", "2026-01-01", "--to", "2026-09-21", "--json")), &rows); err != nil {
			t.Fatal(err)
		}
		check(rows)
	})

	t.Run("C2 the network of a vendor", func(t *testing.T) {
		var got struct{ Nodes, Edges []map[string]any }
		if code := w.get("/api/v1/graph", url.Values{"vendor": {"nutanix"}, "depth": {"1"}, "format": {"grafana"}}, &got); code != http.StatusOK || len(got.Nodes) < 4 || len(got.Edges) < 3 {
			t.Fatalf("%d: %d nodes, %d edges", code, len(got.Nodes), len(got.Edges))
		}
		for _, k := range []string{"id", "title", "mainstat"} { // the panel's own names
			if got.Nodes[0][k] == nil {
				t.Errorf("a node has no %s: %v", k, got.Nodes[0])
			}
		}
		for _, k := range []string{"id", "source", "target"} {
			if got.Edges[0][k] == nil {
				t.Errorf("an edge has no %s: %v", k, got.Edges[0])
			}
		}
	})

	t.Run("C3 is it alive and complete", func(t *testing.T) {
		_, figures, _ := w.body("/metrics", nil)
		board, err := os.ReadFile("../../contrib/grafana/veille-pipeline.json")
		if err != nil {
			t.Fatal(err)
		}
		missing := 0
		for _, name := range regexp.MustCompile(`\bveille_[a-z_]+\b`).FindAllString(string(board), -1) {
			if !regexp.MustCompile(`(?m)^# TYPE ` + strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count") + `(_total)? `).MatchString(figures) {
				t.Logf("no %s before it first happens", name)
				missing++
			}
		}
		if missing > 2 {
			t.Errorf("%d figures of the board are missing", missing)
		}
		var st struct {
			Ready           bool
			Articles, Deals int
			Sources         map[string]int
		}
		w.get("/api/v1/status", nil, &st)
		if !st.Ready || st.Articles < 50 || st.Deals < 10 || st.Sources["up"] < 5 {
			t.Errorf("status %+v", st)
		}
	})

	t.Run("C4 the same rows in every form", func(t *testing.T) {
		var list struct{ Page struct{ Total int } }
		w.get("/api/v1/deals", url.Values{"q": {"type:distribution"}, "limit": {"0"}}, &list)
		dir := t.TempDir()
		for _, f := range []string{"parquet", "csv", "ndjson"} {
			file := filepath.Join(dir, "deals."+f)
			cli(t, "export", "type:distribution", "--format", f, "-o", file)
			local, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, served, _ := w.body("/deals."+f, url.Values{"q": {"type:distribution"}})
			if string(local) != served || len(served) == 0 {
				t.Errorf("%s: the file and what is served differ", f)
			}
			rows := -1
			switch f {
			case "parquet":
				if !strings.HasPrefix(served, "PAR1") || !strings.HasSuffix(served, "PAR1") {
					t.Error("no Parquet file")
				}
				continue // its rows: package serve
			case "csv":
				all, err := csv.NewReader(strings.NewReader(served)).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				rows = len(all) - 1
			case "ndjson":
				rows = strings.Count(served, "\n")
			}
			if rows != list.Page.Total || rows == 0 {
				t.Errorf("%s has %d rows, the list counts %d", f, rows, list.Page.Total)
			}
		}
	})

	t.Run("C5 asked by an assistant", func(t *testing.T) {
		call := func(query string) (out struct {
			Count   int
			Results []struct {
				URL      string
				Evidence []struct{ Quote, URL string }
			}
		}, raw string) {
			t.Helper()
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_deals","arguments":{"query":%q}}}`, query)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/mcp", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept", "application/json, text/event-stream")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			if i := strings.Index(text, "data: "); i >= 0 {
				text = text[i+6:]
			}
			var got struct {
				Error  any
				Result struct {
					IsError           bool
					StructuredContent json.RawMessage `json:"structuredContent"`
				}
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.Error != nil || got.Result.IsError {
				t.Fatalf("%v %s", err, b)
			}
			if err := json.Unmarshal(got.Result.StructuredContent, &out); err != nil {
				t.Fatal(err)
			}
			return out, string(got.Result.StructuredContent)
		}
		got, raw := call("vendor:nutanix type:distribution")
		if got.Count < 3 || len(got.Results) != got.Count || !strings.Contains(raw, `"quote"`) {
			t.Errorf("%s", raw)
		}
		for _, r := range got.Results {
			if r.URL == "" {
				t.Errorf("a deal without permalink: %+v", r)
			}
		}
		if none, raw := call("vendor:nutanix type:litigation"); none.Count != 0 || !strings.Contains(raw, `"results":[]`) {
			t.Errorf("nothing found is no error: %s", raw)
		}
	})
}
