package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// found is the part of the API's answer that the terminal shows.
type found struct {
	Data  []json.RawMessage   `json:"data"`
	Page  struct{ Total int } `json:"page"`
	Query struct {
		Words string `json:"words"`
		Hints []struct {
			Detail string `json:"detail"`
		} `json:"hints"`
	} `json:"query"`
	Groups []struct {
		Value string `json:"value"`
		Count int    `json:"count"`
	} `json:"groups"`
	TookMS float64 `json:"took_ms"`
}

func (c *command) searchCommand() *cobra.Command {
	var view, sort, group, server string
	var limit int
	var asJSON jsonFlag
	var failEmpty bool
	cmd := &cobra.Command{
		Use:     "search QUERY",
		Aliases: []string{"q"},
		Short:   "Search deals, articles or prices",
		Long: `Search deals, articles or prices, in the running veille of this machine or,
when none runs, in the data folder.

A query is words, "phrases" and field:value; a blank means and, a comma or OR either,
a minus not. Values may be compared (price:>10k) or given from and to (since:2026-01,
depuis:30j). The fields asked for most: vendor, distributor, customer, type, status,
territory, product, kind, price, source, lang. All of them, in English and in French:
the page Query language of a running veille (/help/query).`,
		Example: `  veille search 'vendor:nutanix type:distribution since:2026-01'
  veille search 'éditeur:microsoft statut:rumeur' --json
  veille search 'vendor:nutanix type:distribution' --group distributor
  veille search 'price:>10000 currency:EUR' --view prices`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			params := url.Values{"q": {strings.Join(args, " ")}, "limit": {fmt.Sprint(limit)}}
			if sort != "" {
				params.Set("sort", sort)
			}
			if view != index.Deals && view != index.Articles && view != index.Prices {
				return usage(fmt.Errorf("there is no view %q", view), "views: deals, articles, prices")
			}
			if group != "" {
				params.Set("group", group)
			}
			if len(asJSON.members) > 0 {
				params.Set("fields", asJSON.String())
			}
			body, err := c.ask(cmd.Context(), cfg, server, "/api/v1/"+view, params)
			if err != nil {
				return err
			}
			return c.showFound(view, group, body, asJSON.on, failEmpty)
		},
	}
	f := cmd.Flags()
	f.StringVar(&view, "view", index.Deals, "deals, articles or prices")
	f.StringVar(&sort, "sort", "", "newest, oldest, relevance, sources or value")
	f.IntVar(&limit, "limit", 20, "most rows, up to 200")
	f.StringVar(&server, "server", "", "address of a running veille, such as http://127.0.0.1:8080")
	f.StringVar(&group, "group", "", "a field by whose values the rows are put together, such as distributor")
	asJSON.bindJSON(cmd, "print the rows as a JSON array")
	f.BoolVar(&failEmpty, "fail-empty", false, "exit with status 5 when nothing matches")
	return cmd
}

// ask puts a request of the API to the running server, or, when none answers and
// none was named, to the data folder.
func (c *command) ask(ctx context.Context, cfg Config, server, path string, params url.Values) ([]byte, error) {
	base := server
	if base == "" {
		base = "http://" + reachable(cfg.Listen)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path+"?"+params.Encode(), nil)
	if err != nil {
		return nil, usage(err, "--server takes an address such as http://127.0.0.1:8080")
	}
	req.Header.Set("Accept-Language", language())
	res, err := put(cfg, req)
	switch {
	case err == nil:
		defer res.Body.Close()
		body, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
		if err != nil {
			return nil, fail(exitUnreachable, fmt.Errorf("read the answer of %s: %w", base, err), "try again")
		}
		if res.StatusCode != http.StatusOK {
			return nil, apiError(res, body, params.Get("q"))
		}
		return body, nil
	case server != "" || !errors.Is(err, syscall.ECONNREFUSED):
		return nil, fail(exitUnreachable, fmt.Errorf("no veille answers at %s", base), "start one with: veille run")
	}
	var out bytes.Buffer
	err = c.askFolder(ctx, cfg, path, params, &out)
	if address := elsewhere(err, folderOf(cfg)); address != "" {
		return c.ask(ctx, cfg, address, path, params)
	}
	return out.Bytes(), err
}

// elsewhere is where the veille answers that has the folder, when that is why it
// could not be opened.
func elsewhere(err error, dir string) string {
	if p := (*problem)(nil); !errors.As(err, &p) || p.status != exitLocked {
		return ""
	}
	_, address := heldBy(dir)
	return address
}

// put puts a question to a server directly, never through a proxy. Where it takes
// signing in, it is put again with a token: VEILLE_TOKEN, or, to this machine and when
// its file can be read, the administrator's.
func put(cfg Config, req *http.Request) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{Proxy: nil}}
	res, err := client.Do(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	token := os.Getenv("VEILLE_TOKEN")
	if host := net.ParseIP(req.URL.Hostname()); token == "" && (req.URL.Hostname() == "localhost" || host != nil && host.IsLoopback()) {
		body, _ := os.ReadFile(filepath.Join(folderOf(cfg), "admin-token")) // another's: the refusal stands
		token = strings.TrimSpace(string(body))
	}
	if token == "" {
		return res, nil
	}
	res.Body.Close()
	again := req.Clone(req.Context())
	again.Header.Set("Authorization", "Bearer "+token)
	return client.Do(again)
}

// askFolder answers one request from the data folder, through the same handler.
func (c *command) askFolder(ctx context.Context, cfg Config, path string, params url.Values, out io.Writer) error {
	cfg.Data = folderOf(cfg)
	if _, err := os.Stat(cfg.Data); err != nil {
		return fail(exitData, fmt.Errorf("no veille runs at %s and there is no data folder %s", cfg.Listen, cfg.Data), "try: veille demo")
	}
	data, err := openData(cfg.Data)
	if err != nil {
		return err
	}
	defer data.close()
	lg := c.logger(cfg)
	cat, err := catalogue.Load()
	if err != nil {
		return err
	}
	ix, err := openIndex(lg, data, cat)
	if err != nil {
		return err
	}
	defer ix.Close()
	if why, needed := ix.NeedsRebuild(); needed {
		return fail(exitFailed, fmt.Errorf("the index has to be rebuilt: %s", why), "run: veille reindex")
	}
	h := serve.New(lg, serve.Options{Index: ix, Catalogue: cat, Version: versionString()}).Handler()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path+"?"+params.Encode(), nil)
	if err != nil {
		return err
	}
	req.RemoteAddr = "127.0.0.1:0" // the person at the keyboard
	req.Header.Set("Accept-Language", language())
	res := &recorder{header: http.Header{}, status: http.StatusOK, out: out}
	h.ServeHTTP(res, req)
	if res.status != http.StatusOK {
		return apiError(&http.Response{StatusCode: res.status}, res.problem, params.Get("q"))
	}
	return res.err
}

// folderOf is the data folder that is asked: that of the demo where there is no other.
func folderOf(cfg Config) string {
	if _, err := os.Stat(cfg.Data); err != nil {
		return cmp.Or(demoFolder(cfg), cfg.Data)
	}
	return cfg.Data
}

// demoFolder is the folder of a demo that was run on this machine, "" when there is
// none or another folder was asked for.
func demoFolder(cfg Config) string {
	dir := filepath.Join(filepath.Dir(cfg.Data), "veille-demo")
	if _, err := os.Stat(dir); err != nil || filepath.Base(cfg.Data) != "veille" {
		return ""
	}
	return dir
}

// recorder hands an answer on as it comes, and keeps one that is an error.
type recorder struct {
	header  http.Header
	status  int
	problem []byte
	out     io.Writer
	err     error
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }
func (r *recorder) Flush()                 {}
func (r *recorder) Write(b []byte) (int, error) {
	if r.status != http.StatusOK {
		r.problem = append(r.problem, b...)
		return len(b), nil
	}
	n, err := r.out.Write(b)
	if err != nil {
		r.err = err
	}
	return n, err
}

// apiError turns the API's problem into one for the terminal: a query gets a mark
// under its fault and the repaired query as the hint.
func apiError(res *http.Response, body []byte, q string) error {
	var p serve.Problem
	if json.Unmarshal(body, &p) != nil || p.Title == "" {
		return fmt.Errorf("the server answered %d", res.StatusCode)
	}
	if len(p.Errors) > 0 && p.Errors[0].Parameter == "q" {
		e := p.Errors[0]
		syntax := &query.SyntaxError{Pos: e.Position, Len: e.Length, Suggestions: e.Suggestion}
		hint := "the query language: veille search --help"
		if len(e.Suggestion) > 0 {
			hint = "try: " + syntax.Fix(q, 0)
		}
		return &queryProblem{problem{exitUsage, errors.New(e.Detail), hint}, syntax.Caret(q)}
	}
	if len(p.Errors) > 0 {
		e := p.Errors[0]
		hint := ""
		if len(e.Suggestion) > 0 {
			hint = "try: " + e.Suggestion[0]
		}
		what := e.Detail
		if lead := e.Parameter + ": "; e.Parameter != "" && !strings.HasPrefix(what, lead) {
			what = lead + what
		}
		return usage(errors.New(what), hint)
	}
	status := exitFailed
	switch res.StatusCode {
	case http.StatusBadRequest:
		status = exitUsage
	case http.StatusUnauthorized, http.StatusForbidden:
		status = exitForbidden
	}
	return fail(status, errors.New(strings.TrimSuffix(p.Title+": "+p.Detail, ": ")), "")
}

// queryProblem also shows where in the query the fault lies.
type queryProblem struct {
	problem
	caret string
}

func (p *queryProblem) Unwrap() error { return &p.problem }

func (c *command) showFound(view, group string, body []byte, asJSON, failEmpty bool) error {
	var f found
	if err := json.Unmarshal(body, &f); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	var of []string // the group of each row
	if group != "" && view == index.Deals {
		of = grouped(group, f.Data)
	}
	for i, g := range f.Groups {
		if i == 10 {
			c.say("… %d more", len(f.Groups)-i)
			break
		}
		c.say("%6d  %s", g.Count, g.Value)
	}
	for _, h := range f.Query.Hints {
		c.say("veille: hint: %s", h.Detail)
	}
	if asJSON {
		if f.Data == nil {
			f.Data = []json.RawMessage{}
		}
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(f.Data); err != nil {
			return err
		}
	} else {
		header, rows, err := foundRows(view, f.Data)
		if err != nil {
			return err
		}
		if of != nil {
			header = append([]string{strings.ToUpper(group[:1]) + group[1:]}, header...)
			for i := range rows {
				rows[i] = append([]string{of[i]}, rows[i]...)
			}
		}
		c.rows(header, rows)
		if n := len(rows); n < f.Page.Total {
			c.say("%d of %d %s · %.0f ms · more with --limit, all with veille export", n, f.Page.Total, view, f.TookMS)
		} else {
			c.say("%d %s · %.0f ms", f.Page.Total, view, f.TookMS)
		}
	}
	if failEmpty && f.Page.Total == 0 {
		return fail(exitEmpty, errors.New("nothing matches"), "")
	}
	return nil
}

// grouped puts the rows of one group beside one another, the others in their order, and
// tells the group of each: the values of a field that the deal has. It is the deal's
// parties in a role, all of them for vendor and pair, or its type, status and the like.
func grouped(field string, data []json.RawMessage) []string {
	type row struct {
		of  string
		raw json.RawMessage
	}
	rows := make([]row, len(data))
	for i, raw := range data {
		rows[i].raw = raw
		var d schemas.Deal
		if json.Unmarshal(raw, &d) != nil {
			continue // shown, but in no group
		}
		var of []string
		switch field {
		case "type":
			of = []string{d.Type}
		case "status":
			of = []string{d.Status}
		case "territory":
			of = d.Territory
		case "lang":
			of = d.Langs
		case "product":
			of = d.Products
		case "source":
			for _, e := range d.Evidence {
				of = append(of, e.Source)
			}
		default:
			index := query.FieldRow(field).Index()
			for _, p := range d.Parties {
				if !strings.HasPrefix(index, "role_") || query.RoleIndex(p.Role) == index {
					of = append(of, p.Name)
				}
			}
		}
		slices.Sort(of)
		rows[i].of = strings.Join(slices.Compact(of), ", ")
	}
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.of, b.of) })
	out := make([]string, len(rows))
	for i, r := range rows {
		data[i], out[i] = r.raw, r.of
	}
	return out
}

func foundRows(view string, data []json.RawMessage) (header []string, rows [][]string, err error) {
	switch view {
	case index.Deals:
		header = []string{"Date", "Deal", "Type", "Status", "Src", "Id", "Evidence"}
		for _, raw := range data {
			var d schemas.Deal
			if err := json.Unmarshal(raw, &d); err != nil {
				return nil, nil, err
			}
			quote := ""
			for _, e := range d.Evidence {
				quote = e.Signal.Evidence.Text
				if e.Signal.Status == d.Status {
					break
				}
			}
			rows = append(rows, []string{d.Updated.Format(time.DateOnly), dealLine(d.Parties, d.Type), d.Type, d.Status, fmt.Sprint(d.Outlets), d.ID, quote})
		}
	case index.Articles:
		header = []string{"Date", "Source", "Lang", "Title"}
		for _, raw := range data {
			var a schemas.Article
			if err := json.Unmarshal(raw, &a); err != nil {
				return nil, nil, err
			}
			rows = append(rows, []string{a.Published.Format(time.DateOnly), a.Source, a.Lang, a.Title})
		}
	default:
		header = []string{"Date", "Amount", "Unit", "Kind", "Of", "Source", "Evidence"}
		for _, raw := range data {
			var p struct {
				schemas.Price
				Article schemas.Article `json:"article"`
			}
			if err := json.Unmarshal(raw, &p); err != nil {
				return nil, nil, err
			}
			of := p.Product
			if p.Vendor != nil {
				of = strings.TrimSpace(p.Vendor.Name + " " + p.Product)
			}
			rows = append(rows, []string{p.Article.Published.Format(time.DateOnly), p.Amount.String(), unitText(p.Price), p.Kind, of, p.Article.Source, p.Evidence.Text})
		}
	}
	return header, rows, nil
}

// language is what the person at the terminal reads: French or English.
func language() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "fr") {
				return "fr"
			}
			return "en"
		}
	}
	return "en"
}

// running is the address of the veille that has the data folder, else the one set.
func running(cfg Config) string {
	_, address := heldBy(folderOf(cfg))
	return cmp.Or(address, "http://"+reachable(cfg.Listen))
}

// reachable is the address to connect to for one that is listened on.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
