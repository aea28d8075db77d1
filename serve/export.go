package serve

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/veille/index"
	"example.org/veille/schemas"
	"example.org/veille/serve/parquet"
)

// exportFormat is one way to write all rows of a query. (.json is the API's own,
// paged answer.)
type exportFormat struct{ ext, name, media string }

var exportFormats = []exportFormat{
	{"csv", "CSV (RFC 4180)", "text/csv"},
	{"ndjson", "newline-delimited JSON", "application/x-ndjson"},
	{"md", "a Markdown table", "text/markdown"},
	{"parquet", "Apache Parquet, with typed columns", "application/vnd.apache.parquet"},
}

// exportPage is how many rows are read at once: the memory an export takes.
const exportPage = 1000

// writeTime is how long a reader may take for one page of an export or one event.
const writeTime = time.Minute

// column is one column of an export. Names, kinds and order are a contract: new ones
// are appended.
type column struct {
	name string
	kind parquet.Kind
	of   func(row any) cell
}

// cell is a text, or a number in plain decimal notation, or a time.
type cell struct {
	text   string
	number string
	time   time.Time
}

func text(s string) cell                             { return cell{text: s} }
func many(ss []string) cell                          { return cell{text: strings.Join(ss, "; ")} }
func when(t time.Time) cell                          { return cell{time: t} }
func count(n int) cell                               { return cell{number: strconv.Itoa(n)} }
func decimal(f float64) cell                         { return cell{number: strconv.FormatFloat(f, 'f', -1, 64)} }
func col[T any](name string, of func(T) cell) column { return typed(name, parquet.Text, of) }

func typed[T any](name string, kind parquet.Kind, of func(T) cell) column {
	return column{name, kind, func(row any) cell { return of(row.(T)) }}
}

// amount takes a decimal string for a number only when it is one.
func amount(s *string) cell {
	if s == nil {
		return cell{}
	}
	if strings.Trim(strings.TrimPrefix(*s, "-"), "0123456789.") != "" || strings.Count(*s, ".") > 1 || !strings.ContainsAny(*s, "0123456789") {
		return text(*s)
	}
	return cell{number: *s}
}

func amountOf(a *schemas.Amount, f func(schemas.Amount) *string) cell {
	if a == nil {
		return cell{}
	}
	return amount(f(*a))
}

func parties(ps []schemas.Party, role string, show func(schemas.Party) string) cell {
	var out []string
	for _, p := range ps {
		if role == "" || p.Role == role {
			out = append(out, show(p))
		}
	}
	return many(out)
}

func partyName(p schemas.Party) string { return p.Name }
func partyID(p schemas.Party) string   { return p.ID }
func partyRole(p schemas.Party) string { return p.ID + ":" + p.Role }

// evidence1 reads the first sentence of a deal.
func evidence1(f func(evidenceRow) cell) func(dealRow) cell {
	return func(d dealRow) cell {
		if len(d.Evidence) == 0 {
			return cell{}
		}
		return f(d.Evidence[0])
	}
}

var dealColumns = []column{
	col("id", func(d dealRow) cell { return text(d.ID) }),
	col("type", func(d dealRow) cell { return text(d.Type) }),
	col("status", func(d dealRow) cell { return text(d.Status) }),
	typed("first", parquet.Time, func(d dealRow) cell { return when(d.First) }),
	typed("updated", parquet.Time, func(d dealRow) cell { return when(d.Updated) }),
	typed("seen", parquet.Time, func(d dealRow) cell { return when(d.Seen) }),
	col("parties", func(d dealRow) cell { return parties(d.Parties, "", partyName) }),
	col("party_ids", func(d dealRow) cell { return parties(d.Parties, "", partyID) }),
	col("roles", func(d dealRow) cell { return parties(d.Parties, "", partyRole) }),
	col("products", func(d dealRow) cell { return many(d.Products) }),
	col("territory", func(d dealRow) cell { return many(d.Territory) }),
	typed("amount_low", parquet.Number, func(d dealRow) cell { return amountOf(d.Amount, func(a schemas.Amount) *string { return a.Low }) }),
	typed("amount_high", parquet.Number, func(d dealRow) cell { return amountOf(d.Amount, func(a schemas.Amount) *string { return a.High }) }),
	col("currency", func(d dealRow) cell {
		if d.Amount == nil {
			return cell{}
		}
		return text(d.Amount.Currency)
	}),
	typed("outlets", parquet.Integer, func(d dealRow) cell { return count(d.Outlets) }),
	col("langs", func(d dealRow) cell { return many(d.Langs) }),
	typed("confidence", parquet.Number, func(d dealRow) cell { return decimal(d.Score) }),
	typed("evidence_count", parquet.Integer, func(d dealRow) cell { return count(len(d.Evidence)) }),
	col("evidence_1", evidence1(func(e evidenceRow) cell { return text(e.Signal.Evidence.Text) })),
	col("evidence_1_lang", evidence1(func(e evidenceRow) cell { return text(e.Lang) })),
	col("evidence_1_source", evidence1(func(e evidenceRow) cell { return text(e.Outlet) })),
	col("evidence_1_url", evidence1(func(e evidenceRow) cell { return text(e.URL) })),
	typed("evidence_1_published", parquet.Time, evidence1(func(e evidenceRow) cell { return when(e.Published) })),
}

var sentenceColumns = []column{
	col("deal", func(e sentenceRow) cell { return text(e.Deal) }),
	col("type", func(e sentenceRow) cell { return text(e.Type) }),
	col("status", func(e sentenceRow) cell { return text(e.Status) }),
	col("parties", func(e sentenceRow) cell { return parties(e.Parties, "", partyName) }),
	col("party_ids", func(e sentenceRow) cell { return parties(e.Parties, "", partyID) }),
	col("quote", func(e sentenceRow) cell { return text(e.Signal.Evidence.Text) }),
	col("cue", func(e sentenceRow) cell { return text(e.Signal.Cue) }),
	col("attribution", func(e sentenceRow) cell { return text(e.Signal.Attribution) }),
	typed("confidence", parquet.Number, func(e sentenceRow) cell { return decimal(e.Signal.Confidence) }),
	col("lang", func(e sentenceRow) cell { return text(e.Lang) }),
	col("source", func(e sentenceRow) cell { return text(e.Source) }),
	col("outlet", func(e sentenceRow) cell { return text(e.Outlet) }),
	col("title", func(e sentenceRow) cell { return text(e.Title) }),
	col("url", func(e sentenceRow) cell { return text(e.URL) }),
	col("text_fragment_url", func(e sentenceRow) cell { return text(e.TextFragmentURL) }),
	typed("published", parquet.Time, func(e sentenceRow) cell { return when(e.Published) }),
	typed("seen", parquet.Time, func(e sentenceRow) cell { return when(e.Seen) }),
	col("article", func(e sentenceRow) cell { return text(e.Article) }),
	col("in", func(e sentenceRow) cell { return text(first(e.Signal.Evidence.In, "text")) }),
	typed("start", parquet.Integer, func(e sentenceRow) cell { return count(e.Signal.Evidence.Start) }),
	typed("end", parquet.Integer, func(e sentenceRow) cell { return count(e.Signal.Evidence.End) }),
}

var articleColumns = []column{
	col("id", func(a articleRow) cell { return text(a.ID) }),
	col("source", func(a articleRow) cell { return text(a.Source) }),
	col("outlet", func(a articleRow) cell { return text(a.Outlet) }),
	col("lang", func(a articleRow) cell { return text(a.Lang) }),
	col("title", func(a articleRow) cell { return text(a.Title) }),
	col("byline", func(a articleRow) cell { return text(a.Byline) }),
	col("url", func(a articleRow) cell { return text(a.URL) }),
	typed("published", parquet.Time, func(a articleRow) cell { return when(a.Published) }),
	typed("fetched", parquet.Time, func(a articleRow) cell { return when(a.Fetched) }),
	col("paywalled", func(a articleRow) cell { return text(strconv.FormatBool(a.Paywalled)) }),
	col("vendors", func(a articleRow) cell {
		var ids []string
		for _, v := range a.Vendors {
			ids = append(ids, v.ID)
		}
		return many(ids)
	}),
	typed("signals", parquet.Integer, func(a articleRow) cell { return count(len(a.Signals)) }),
	typed("prices", parquet.Integer, func(a articleRow) cell { return count(len(a.Prices)) }),
	col("snippet", func(a articleRow) cell { return text(a.Snippet) }),
}

var priceColumns = []column{
	col("id", func(p priceRow) cell { return text(p.ID) }),
	typed("published", parquet.Time, func(p priceRow) cell { return when(p.Article.Published) }),
	col("vendor", func(p priceRow) cell {
		if p.Vendor == nil {
			return cell{}
		}
		return text(p.Vendor.Name)
	}),
	col("vendor_id", func(p priceRow) cell {
		if p.Vendor == nil {
			return cell{}
		}
		return text(p.Vendor.ID)
	}),
	col("product", func(p priceRow) cell { return text(p.Product) }),
	col("original", func(p priceRow) cell { return text(p.Text) }),
	typed("low", parquet.Number, func(p priceRow) cell { return amount(p.Low) }),
	typed("high", parquet.Number, func(p priceRow) cell { return amount(p.High) }),
	col("currency", func(p priceRow) cell { return text(p.Currency) }),
	col("kind", func(p priceRow) cell { return text(p.Kind) }),
	col("subkind", func(p priceRow) cell { return text(p.Subkind) }),
	col("qualifier", func(p priceRow) cell { return text(p.Qualifier) }),
	col("per", func(p priceRow) cell { return text(p.Per) }),
	col("period", func(p priceRow) cell { return text(p.Period) }),
	col("tax", func(p priceRow) cell { return text(p.Tax) }),
	col("evidence", func(p priceRow) cell { return text(p.Evidence.Text) }),
	col("lang", func(p priceRow) cell { return text(p.Article.Lang) }),
	col("source", func(p priceRow) cell { return text(p.Article.Source) }),
	col("outlet", func(p priceRow) cell { return text(p.Article.Outlet) }),
	col("title", func(p priceRow) cell { return text(p.Article.Title) }),
	col("url", func(p priceRow) cell { return text(p.Article.URL) }),
	col("article", func(p priceRow) cell { return text(p.Article.ID) }),
}

// columnsOf are the columns of a view, at the grain asked for.
func columnsOf(view, grain string) []column {
	switch {
	case view == index.Articles:
		return articleColumns
	case view == index.Prices:
		return priceColumns
	case grain == "evidence":
		return sentenceColumns
	}
	return dealColumns
}

// rowsOf turns a page of a search into rows of an export.
func rowsOf(res index.Result, grain string) (out []any) {
	for _, d := range res.Deals {
		row := newDealRow(d)
		if grain != "evidence" {
			out = append(out, row)
			continue
		}
		for i, e := range d.Evidence {
			out = append(out, sentenceRow{Deal: d.ID, DealURL: row.URL, Type: e.Signal.Type, Status: e.Signal.Status, Parties: filled(e.Signal.Parties), evidenceRow: row.Evidence[i]})
		}
	}
	for _, a := range res.Articles {
		out = append(out, newArticleRow(a.Extraction))
	}
	for _, p := range res.Prices {
		out = append(out, newPriceRow(p))
	}
	return out
}

// sheet writes rows in one format.
type sheet interface {
	head(cols []column) error
	row(cols []column, row any) error
	// end closes the table after n rows; err tells why it is not complete.
	end(cols []column, n int, err error) error
}

// export streams every row of a query: no limit but the one asked for. How many
// there were stands in the trailer X-Export-Complete; an export that broke off has
// no such trailer and ends in a row that says so.
func (s *Server) export(view string, f exportFormat) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		q, err := s.parse(v.Get("q"))
		if err != nil {
			s.problem(w, r, err)
			return
		}
		req := index.Request{View: view, Query: bare(q), Sort: first(v.Get("sort"), q.Sort), Limit: exportPage, OfDeals: view != index.Deals && speaksOfDeals(q)}
		grain, most := v.Get("grain"), number(v, param{Name: "limit"})
		// Each holds a page of rows in memory: some wait for others.
		select {
		case s.exports <- struct{}{}:
			defer func() { <-s.exports }()
		case <-r.Context().Done():
			s.problem(w, r, r.Context().Err())
			return
		}
		// The first page is read before anything is written: what fails at once is a
		// proper error.
		res, err := s.find(r, req)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		name := "veille-" + view
		if slug := schemas.Token(q.String()); slug != "none" {
			name += "-" + slug[:min(len(slug), 40)]
		}
		h := w.Header()
		h.Del("ETag")
		h.Set("Content-Type", f.media)
		if strings.HasPrefix(f.media, "text/") {
			h.Set("Content-Type", f.media+"; charset=utf-8")
		}
		h.Set("Content-Disposition", `attachment; filename="`+name+"-"+s.opt.Now().UTC().Format(time.DateOnly)+"."+f.ext+`"`)
		h.Set("Trailer", "X-Export-Complete")
		if r.Method == http.MethodHead {
			return
		}
		ctl := http.NewResponseController(w)
		_ = ctl.SetReadDeadline(time.Time{}) // the request has been read; its limit would end the export
		out := bufio.NewWriterSize(w, 64<<10)
		sh := newSheet(out, f.ext, v.Get("dialect"))
		cols := columnsOf(view, grain)
		n, err := 0, sh.head(cols)
		for err == nil {
			_ = ctl.SetWriteDeadline(time.Now().Add(writeTime)) // not all writers have one
			for _, row := range rowsOf(res, grain) {
				if most > 0 && n == most || err != nil {
					break
				}
				if err = sh.row(cols, row); err == nil {
					n++
				}
			}
			if err != nil || res.Next == "" || most > 0 && n == most {
				break
			}
			if err = out.Flush(); err != nil {
				break
			}
			req.Cursor = res.Next
			res, err = s.find(r, req)
		}
		if err != nil {
			s.lg.Warn("export broke off", "request_id", requestIDOf(r.Context()), "rows", n, "err", err)
		}
		if e := errors.Join(sh.end(cols, n, err), out.Flush()); e == nil && err == nil {
			h.Set("X-Export-Complete", "rows="+strconv.Itoa(n))
		}
	}
}

func newSheet(w io.Writer, ext, dialect string) sheet {
	switch ext {
	case "ndjson":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return &ndjsonSheet{enc}
	case "md":
		return &markdownSheet{w}
	case "parquet":
		return &parquetSheet{w: w}
	}
	c := &csvSheet{w: csv.NewWriter(w), raw: w, french: dialect == "fr"}
	c.w.UseCRLF = true
	if c.french {
		c.w.Comma = ';'
	}
	return c
}

type csvSheet struct {
	w      *csv.Writer
	raw    io.Writer
	french bool
}

func (c *csvSheet) head(cols []column) error {
	if c.french {
		if _, err := io.WriteString(c.raw, "\ufeff"); err != nil {
			return err
		}
	}
	return c.write(cols, func(col column) string { return col.name })
}

func (c *csvSheet) row(cols []column, row any) error {
	return c.write(cols, func(col column) string { return c.show(col.of(row)) })
}

func (c *csvSheet) end(cols []column, n int, err error) error {
	if err == nil {
		return nil
	}
	return c.write(cols, func(col column) string {
		if col.name == cols[0].name {
			return incomplete(n)
		}
		return ""
	})
}

func (c *csvSheet) write(cols []column, show func(column) string) error {
	rec := make([]string, len(cols))
	for i, col := range cols {
		rec[i] = show(col)
	}
	err := c.w.Write(rec)
	c.w.Flush()
	return errors.Join(err, c.w.Error())
}

func (c *csvSheet) show(x cell) string {
	switch {
	case !x.time.IsZero() && c.french:
		return x.time.In(paris()).Format(time.DateTime)
	case !x.time.IsZero():
		return x.time.UTC().Format(time.RFC3339)
	case x.number != "" && c.french:
		return strings.Replace(x.number, ".", ",", 1)
	case x.number != "":
		return x.number
	}
	return safeCell(x.text)
}

// maxCell is how long a cell may be: what Excel takes.
const maxCell = 32_000

// safeCell makes sure that no spreadsheet takes a text for a formula: an apostrophe
// goes before one that begins with a sign that could make it one, in half or full
// width, after blanks too. Control characters become blanks.
func safeCell(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxCell {
		s = clip(s, maxCell)
	}
	start := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
	if start == "" {
		return s
	}
	if r, _ := utf8.DecodeRuneInString(start); strings.ContainsRune("=+-@＝＋－＠−|", r) {
		return "'" + s
	}
	return s
}

func incomplete(n int) string {
	return fmt.Sprintf("#incomplete: the export broke off after %d rows", n)
}

type ndjsonSheet struct{ enc *json.Encoder }

func (n *ndjsonSheet) head([]column) error           { return nil }
func (n *ndjsonSheet) row(_ []column, row any) error { return n.enc.Encode(row) }
func (n *ndjsonSheet) end(_ []column, rows int, err error) error {
	if err == nil {
		return nil
	}
	return n.enc.Encode(map[string]any{"error": incomplete(rows)})
}

type markdownSheet struct{ w io.Writer }

// markdownColumns are those a table for people shows.
var markdownColumns = map[string]bool{
	"first": true, "parties": true, "type": true, "status": true, "territory": true, "evidence_1": true, "evidence_1_source": true, "evidence_1_url": true,
	"published": true, "outlet": true, "title": true, "url": true, "quote": true, "lang": true,
	"vendor": true, "product": true, "original": true, "low": true, "high": true, "currency": true, "tax": true, "evidence": true,
}

func (m *markdownSheet) head(cols []column) error {
	var names, rule strings.Builder
	for _, c := range cols {
		if markdownColumns[c.name] {
			names.WriteString("| " + c.name + " ")
			rule.WriteString("|---")
		}
	}
	_, err := fmt.Fprintf(m.w, "%s|\n%s|\n", names.String(), rule.String())
	return err
}

func (m *markdownSheet) row(cols []column, row any) error {
	var line strings.Builder
	for _, c := range cols {
		if !markdownColumns[c.name] {
			continue
		}
		x := c.of(row)
		line.WriteString("| ")
		switch {
		case !x.time.IsZero():
			line.WriteString(x.time.In(paris()).Format(time.DateOnly))
		case x.number != "":
			line.WriteString(x.number)
		default:
			line.WriteString(markdownText(x.text))
		}
		line.WriteByte(' ')
	}
	_, err := fmt.Fprintf(m.w, "%s|\n", line.String())
	return err
}

func (m *markdownSheet) end(_ []column, n int, err error) error {
	if err != nil {
		_, e := fmt.Fprintf(m.w, "\n**%s**\n", incomplete(n))
		return e
	}
	_, e := fmt.Fprintf(m.w, "\n%d rows\n", n)
	return e
}

// markdownText takes away what Markdown or HTML in it would make of a text. An
// address stays what it is.
func markdownText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") {
		return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(s) + ">"
	}
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "!", `\!`, "#", `\#`).Replace(s)
}

// parquetSheet writes typed columns: times as times, amounts as floating point. A
// file that broke off has no footer, and no reader takes it.
type parquetSheet struct {
	w   io.Writer
	out *parquet.Writer
}

func (p *parquetSheet) head(cols []column) (err error) {
	var cs []parquet.Column
	for _, c := range cols {
		cs = append(cs, parquet.Column{Name: c.name, Kind: c.kind})
	}
	p.out, err = parquet.NewWriter(p.w, cs)
	return err
}

func (p *parquetSheet) row(cols []column, row any) error {
	values := make([]any, len(cols))
	for i, c := range cols {
		values[i] = c.of(row).value(c.kind)
	}
	return p.out.Write(values)
}

func (p *parquetSheet) end(_ []column, _ int, err error) error {
	if err != nil || p.out == nil {
		return nil
	}
	return p.out.Close()
}

// value is a cell as its column's kind wants it, nil when it holds no such thing.
func (c cell) value(kind parquet.Kind) any {
	switch kind {
	case parquet.Time:
		if !c.time.IsZero() {
			return c.time
		}
	case parquet.Integer:
		if n, err := strconv.ParseInt(c.number, 10, 64); err == nil {
			return n
		}
	case parquet.Number:
		if f, err := strconv.ParseFloat(c.number, 64); err == nil {
			return f
		}
	default:
		if c.text != "" {
			return strings.ToValidUTF8(c.text, "\uFFFD")
		}
	}
	return nil
}

// paris is where days begin, and where the readers of the French dialect are.
var paris = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return time.UTC
	}
	return loc
})
