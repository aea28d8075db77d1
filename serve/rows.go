package serve

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"

	"example.org/veille/index"
	"example.org/veille/schemas"
)

// dealRow is a deal as the API shows it: no list is null, no sentence is longer
// than MaxQuote.
type dealRow struct {
	schemas.Deal
	URL      string           `json:"url" jsonschema:"path of the deal's page"`
	Evidence []evidenceRow    `json:"evidence" jsonschema:"the sentences that say so, oldest first"`
	Hits     []index.Fragment `json:"hits,omitempty" jsonschema:"where the words of the query stand, with hl=1"`
	Parties  []schemas.Party  `json:"parties"`
}

// evidenceRow is one sentence with its article. The quote is article[in][start:end],
// in bytes of UTF-8; where the sentence is longer than may be shown, it is the part
// around the cue.
type evidenceRow struct {
	schemas.Evidence
	TextFragmentURL string `json:"text_fragment_url" jsonschema:"opens the source at the sentence"`
	Clipped         bool   `json:"clipped,omitempty" jsonschema:"the sentence is longer than may be shown"`
	Prefix          string `json:"prefix,omitempty" jsonschema:"words before the quote, as in the W3C TextQuoteSelector"`
	Suffix          string `json:"suffix,omitempty" jsonschema:"words after the quote"`
}

// sentenceRow is a row of /evidence: a sentence and the deal it speaks of.
type sentenceRow struct {
	Deal    string          `json:"deal"`
	DealURL string          `json:"deal_url"`
	Type    string          `json:"type"`
	Status  string          `json:"status" jsonschema:"what this sentence says; the deal may have moved on"`
	Parties []schemas.Party `json:"parties"`
	evidenceRow
}

func newDealRow(d schemas.Deal) dealRow {
	row := dealRow{Deal: d, URL: dealPath(d.ID), Evidence: make([]evidenceRow, 0, len(d.Evidence)), Parties: filled(d.Parties)}
	row.Products, row.Territory, row.Langs = filled(d.Products), filled(d.Territory), filled(d.Langs)
	row.Deal.Parties, row.History = row.Parties, filled(d.History)
	for _, e := range d.Evidence {
		row.Evidence = append(row.Evidence, newEvidenceRow(e))
	}
	row.Deal.Evidence = nil
	return row
}

func dealPath(id string) string { return "/deals/" + url.PathEscape(id) }

func newEvidenceRow(e schemas.Evidence) evidenceRow {
	var clipped bool
	e.Signal, clipped = newSignal(e.Signal)
	return evidenceRow{Evidence: e, Clipped: clipped, TextFragmentURL: textFragment(e.URL, e.Signal.Evidence)}
}

// newSignal cuts a signal's sentence to what may be shown.
func newSignal(s schemas.Signal) (schemas.Signal, bool) {
	s.Parties, s.Products, s.Territory = filled(s.Parties), filled(s.Products), filled(s.Territory)
	quote, clipped := clipQuote(s.Evidence, s.Cue, MaxQuote)
	s.Evidence = quote
	return s, clipped
}

// filled makes an empty list of none, as JSON's readers like it.
func filled[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

// clipQuote cuts a quote to n characters around the words that matter, at spaces,
// and moves its span along: it still is what stands there.
func clipQuote(q schemas.Quote, around string, n int) (schemas.Quote, bool) {
	if utf8.RuneCountInString(q.Text) <= n {
		return q, false
	}
	at := max(0, strings.Index(q.Text, around))
	// A third of the room goes before the words.
	from := at
	for room := n / 3; from > 0 && room > 0; room-- {
		_, size := utf8.DecodeLastRuneInString(q.Text[:from])
		from -= size
	}
	if from > 0 {
		if i := strings.IndexFunc(q.Text[from:at], unicode.IsSpace); i >= 0 {
			from += i
		} else {
			from = at
		}
		from += len(q.Text[from:]) - len(strings.TrimLeftFunc(q.Text[from:], unicode.IsSpace))
	}
	to, room := from, n
	for ; to < len(q.Text) && room > 0; room-- {
		_, size := utf8.DecodeRuneInString(q.Text[to:])
		to += size
	}
	if to < len(q.Text) {
		if i := strings.LastIndexFunc(q.Text[from:to], unicode.IsSpace); i > 0 {
			to = from + i
		}
	}
	to = from + len(strings.TrimRightFunc(q.Text[from:to], unicode.IsSpace))
	q.Text = q.Text[from:to]
	q.Start += from
	q.End = q.Start + len(q.Text)
	return q, true
}

// textFragment adds the words of a quote to an address, so that a browser opens the
// page there: all of a short quote, else its first and its last few words, each
// percent-encoded with the three signs that mean something in a text directive.
// Blanks that a page keeps (no-break ones) stay as they are. A quote from the title
// needs none.
func textFragment(page string, q schemas.Quote) string {
	words := strings.FieldsFunc(q.Text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	if q.In == "title" || len(words) == 0 || page == "" {
		return page
	}
	const few = 5
	dir := directive(strings.Join(words, " "))
	if len(words) > 2*few+2 {
		dir = directive(strings.Join(words[:few], " ")) + "," + directive(strings.Join(words[len(words)-few:], " "))
	}
	page, _, _ = strings.Cut(page, "#")
	return page + "#:~:text=" + dir
}

// directive escapes a text for a text directive: "-", "," and "&" are its syntax.
func directive(s string) string {
	return strings.NewReplacer("+", "%20", "-", "%2D").Replace(url.QueryEscape(s))
}

// context is a few words before and after a quote, within what may still be shown.
func (s *Server) context(e *evidenceRow, of map[string]schemas.Extraction) {
	x, known := of[e.Article]
	if !known {
		x, _ = s.opt.Index.Article(e.Article) // no article: no context
		of[e.Article] = x
	}
	q := e.Signal.Evidence
	text := x.Article.Text
	if q.In == "title" || q.Of(x.Article.Title, text) != q.Text || q.Text == "" {
		return
	}
	room := min(40, (MaxQuote-utf8.RuneCountInString(q.Text))/2)
	if room <= 0 {
		return
	}
	e.Prefix, e.Suffix = lastWords(text[:q.Start], room), firstWords(text[q.End:], room)
}

// around gives the sentence before a quote and the one after it, as far as the short
// extract that may be shown at once has room for them beside the quote.
func around(x schemas.Extraction, q schemas.Quote) (before, after string) {
	text := x.Article.Text
	if q.In == "title" || q.Of(x.Article.Title, text) != q.Text || q.Text == "" || !showable(x.Article.Rights) {
		return "", ""
	}
	room := MaxQuote - utf8.RuneCountInString(q.Text)
	if room < 30 {
		return "", ""
	}
	// A window is enough: what is cut off could not be shown.
	from := max(0, q.Start-4*MaxQuote)
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	to := min(len(text), q.End+4*MaxQuote)
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	last := func(s string) (out string) {
		for it := sentences.FromString(s); it.Next(); {
			if t := strings.TrimSpace(it.Value()); t != "" {
				out = t
			}
		}
		return out
	}
	next := func(s string) string {
		for it := sentences.FromString(s); it.Next(); {
			if t := strings.TrimSpace(it.Value()); strings.ContainsFunc(t, unicode.IsLetter) {
				return t
			}
		}
		return ""
	}
	before, after = last(text[from:q.Start]), next(text[q.End:to])
	// Half of the room each; what one leaves is the other's.
	n, m := utf8.RuneCountInString(before), utf8.RuneCountInString(after)
	if n+m > room {
		half := room / 2
		switch {
		case n <= half:
			m = room - n
		case m <= half:
			n = room - m
		default:
			n, m = half, half
		}
		if n < utf8.RuneCountInString(before) {
			before = "… " + lastWords(before, n-2)
		}
		if m < utf8.RuneCountInString(after) {
			after = firstWords(after, m-2) + " …"
		}
	}
	return before, after
}

// lastWords and firstWords give whole words of at most n characters in all, from
// one paragraph.
func lastWords(text string, n int) string {
	if i := strings.LastIndex(text, "\n\n"); i >= 0 {
		text = text[i+2:]
	}
	runes := []rune(text)
	if len(runes) <= n {
		return string(runes)
	}
	tail := string(runes[len(runes)-n:])
	if i := strings.IndexFunc(tail, unicode.IsSpace); i >= 0 && !unicode.IsSpace(runes[len(runes)-n-1]) {
		tail = tail[i:]
	}
	return strings.TrimLeftFunc(tail, unicode.IsSpace)
}

func firstWords(text string, n int) string {
	text, _, _ = strings.Cut(text, "\n\n")
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	head := string(runes[:n])
	if i := strings.LastIndexFunc(head, unicode.IsSpace); i >= 0 && !unicode.IsSpace(runes[n]) {
		head = head[:i]
	}
	return strings.TrimRightFunc(head, unicode.IsSpace)
}

// articleRow is an article without its text, which is its publisher's.
type articleRow struct {
	ID        string            `json:"id"`
	Source    string            `json:"source"`
	Outlet    string            `json:"outlet"`
	URL       string            `json:"url"`
	Also      []schemas.Copy    `json:"also" jsonschema:"the same story elsewhere"`
	Lang      string            `json:"lang"`
	Title     string            `json:"title"`
	Byline    string            `json:"byline,omitempty"`
	Published time.Time         `json:"published"`
	Precision string            `json:"precision,omitempty"`
	Fetched   time.Time         `json:"fetched"`
	Paywalled bool              `json:"paywalled,omitempty"`
	Snippet   string            `json:"snippet" jsonschema:"how the text begins, at most 280 characters; empty where the source allows none"`
	Text      *string           `json:"text" jsonschema:"always null, see withheld"`
	Withheld  string            `json:"withheld"`
	Vendors   []schemas.Mention `json:"vendors"`
	Signals   []schemas.Signal  `json:"signals"`
	Prices    []schemas.Price   `json:"prices"`
	Hits      []index.Fragment  `json:"hits,omitempty" jsonschema:"where the words of the query stand, with hl=1"`
}

func newArticleRow(x schemas.Extraction) articleRow {
	a := x.Article
	row := articleRow{
		ID: a.ID, Source: a.Source, Outlet: a.Outlet, URL: a.URL, Also: filled(a.Also), Lang: a.Lang, Title: a.Title, Byline: a.Byline,
		Published: a.Published, Precision: a.Precision, Fetched: a.Fetched, Paywalled: a.Paywalled,
		Withheld: "rights", Vendors: []schemas.Mention{}, Signals: []schemas.Signal{}, Prices: []schemas.Price{},
	}
	if showable(a.Rights) {
		row.Snippet = clip(a.Text, MaxQuote)
	}
	for _, v := range x.Vendors {
		v.Mentions = filled(v.Mentions)
		row.Vendors = append(row.Vendors, v)
	}
	for _, s := range x.Signals {
		s, _ = newSignal(s)
		row.Signals = append(row.Signals, s)
	}
	for _, p := range x.Prices {
		row.Prices = append(row.Prices, newPrice(p))
	}
	return row
}

// showable tells whether a source lets an extract of its text be shown.
func showable(rights string) bool { return rights != "nosnippet" && rights != "reserved" }

func newPrice(p schemas.Price) schemas.Price {
	p.Evidence, _ = clipQuote(p.Evidence, p.Text, MaxQuote)
	return p
}

// priceRow is a price with the article it stands in.
type priceRow struct {
	schemas.Price
	TextFragmentURL string           `json:"text_fragment_url" jsonschema:"opens the source at the sentence"`
	Article         priceArticle     `json:"article"`
	Hits            []index.Fragment `json:"hits,omitempty" jsonschema:"where the words of the query stand, with hl=1"`
}

type priceArticle struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Outlet    string    `json:"outlet"`
	URL       string    `json:"url"`
	Lang      string    `json:"lang"`
	Title     string    `json:"title"`
	Published time.Time `json:"published"`
}

func newPriceRow(h index.PriceHit) priceRow {
	a, p := h.Article, newPrice(h.Price)
	return priceRow{Price: p, TextFragmentURL: textFragment(a.URL, p.Evidence),
		Article: priceArticle{a.ID, a.Source, a.Outlet, a.URL, a.Lang, a.Title, a.Published}}
}

// clipFragments keeps what a highlighted piece shows to the same length.
func clipFragments(fs []index.Fragment) []index.Fragment {
	fs = slices.Clone(fs)
	room := MaxQuote
	for i := range fs {
		fs[i].Parts = filled(slices.Clone(fs[i].Parts))
		for j, p := range fs[i].Parts {
			n := utf8.RuneCountInString(p.Text)
			if n > room {
				fs[i].Parts[j].Text = clip(p.Text, max(room, 1))
				fs[i].Parts = fs[i].Parts[:j+1]
				fs[i].After = true
				return fs[:i+1]
			}
			room -= n
		}
	}
	return fs
}
