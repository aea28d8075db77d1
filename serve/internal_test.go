package serve

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// An export that broke off ends in a row that says so, and a table without a footer.
func TestBrokenExport(t *testing.T) {
	broken := errors.New("the index closed")
	for ext, want := range map[string]string{
		"csv":    "#incomplete: the export broke off after 1 rows,,",
		"ndjson": `{"error":"#incomplete: the export broke off after 1 rows"}`,
		"md":     "**#incomplete: the export broke off after 1 rows**",
	} {
		var out bytes.Buffer
		sh := newSheet(&out, ext, "")
		if err := errors.Join(sh.head(priceColumns), sh.row(priceColumns, priceRow{}), sh.end(priceColumns, 1, broken)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, want) {
			t.Errorf("%s ends in %q, want %q", ext, last, want)
		}
	}
	var out bytes.Buffer
	sh := newSheet(&out, "parquet", "")
	if err := errors.Join(sh.head(priceColumns), sh.row(priceColumns, priceRow{}), sh.end(priceColumns, 1, broken)); err != nil {
		t.Fatal(err)
	}
	if bytes.HasSuffix(out.Bytes(), []byte("PAR1")) && out.Len() > 4 {
		t.Error("a broken parquet file has a footer")
	}
}

// Columns are a contract: this list may grow at its end, nothing else.
func TestColumnsAreAContract(t *testing.T) {
	for want, cols := range map[string][]column{
		"id type status first updated seen parties party_ids roles products territory amount_low amount_high currency outlets langs confidence evidence_count evidence_1 evidence_1_lang evidence_1_source evidence_1_url evidence_1_published": dealColumns,
		"deal type status parties party_ids quote cue attribution confidence lang source outlet title url text_fragment_url published seen article in start end":                                                                                sentenceColumns,
		"id source outlet lang title byline url published fetched paywalled vendors signals prices snippet":                                                                                                                                     articleColumns,
		"id published vendor vendor_id product original low high currency kind subkind qualifier per period tax evidence lang source outlet title url article":                                                                                  priceColumns,
	} {
		var got []string
		for _, c := range cols {
			got = append(got, c.name)
		}
		if g := strings.Join(got, " "); !strings.HasPrefix(g+" ", want+" ") {
			t.Errorf("columns %s, want them to begin with %s", g, want)
		}
	}
}

// Every problem that the code can make is explained, in both languages.
func TestProblemKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range problemKinds {
		if seen[k.name] || k.status < 400 || k.fr == "" || k.en == "" || k.longFR == "" || k.longEN == "" || k.fr == k.en {
			t.Errorf("problem %+v", k)
		}
		seen[k.name] = true
	}
	s := &Server{}
	for _, op := range s.operationsOf(t) {
		for _, name := range op.Fails {
			if !seen[name] {
				t.Errorf("%s fails with %s, which is not explained", op.ID, name)
			}
		}
		switch op.Scope {
		case scopeNone, scopeRead, scopeFeed, scopeAlerts, scopeAdmin:
		default:
			t.Errorf("%s has no scope", op.ID)
		}
		if op.Scope == scopeNone && op.ID != "healthz" && op.ID != "readyz" && op.ID != "explainProblem" {
			t.Errorf("%s is open to all", op.ID)
		}
		if op.Method != "GET" && op.Scope == scopeRead && op.ID != "explain" && op.ID != "mcp" {
			t.Errorf("%s %s may be called by whoever reads", op.Method, op.Path)
		}
	}
}

func (s *Server) operationsOf(t *testing.T) []operation {
	t.Helper()
	s.metrics = newMetrics(s)
	return s.operations()
}

func TestInstant(t *testing.T) {
	now := time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "now": "2026-04-15T10:00:00Z", "now-90d": "2026-01-15T10:00:00Z", "now-1M": "2026-03-15T10:00:00Z", "now+2h": "2026-04-15T12:00:00Z",
		"1767225600": "2026-01-01T00:00:00Z", "1767225600000": "2026-01-01T00:00:00Z", "2026": "2026-01-01T00:00:00Z", "2026-02": "2026-02-01T00:00:00Z",
		"2026-02-03": "2026-02-03T00:00:00Z", "2026-02-03T04:05:06+01:00": "2026-02-03T03:05:06Z", "-86400": "1969-12-31T00:00:00Z",
	} {
		got, err := instant(in, now, time.UTC)
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %v %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"now-", "now-d", "nowish", "now-9999999d", "now-1x", "yesterday", "2026-13-01", "99999999999999999999", "9223372036854775807", "now--1d"} {
		if got, err := instant(in, now, time.UTC); err == nil {
			t.Errorf("%q is taken for %v", in, got)
		}
	}
}

func TestClosest(t *testing.T) {
	words := []string{"limit", "facets", "fields", "cursor", "q"}
	for in, want := range map[string]string{"limt": "limit", "LIMIT": "limit", "facet": "facets", "cursors": "cursor", "x": "", "colour": "", "field": "fields"} {
		if got := strings.Join(closest(in, words, 1), " "); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func FuzzClipQuote(f *testing.F) {
	f.Add("Une phrase avec l’éditeur Nutanix.", "éditeur", 10, 7)
	f.Add(strings.Repeat("mot ", 200), "mot", 280, 0)
	f.Add(strings.Repeat("x", 500), "", 280, 3)
	f.Add("\u202f9\u202f900\u202f€ HT "+strings.Repeat("é", 300), "900", 20, 0)
	f.Fuzz(func(t *testing.T, text, cue string, n, before int) {
		if !utf8.ValidString(text) || len(text) > 10_000 || n < 2 || n > 1000 || before < 0 || before > 1000 {
			return
		}
		body := strings.Repeat("y", before) + text
		q, clipped := clipQuote(schemas.Quote{Text: text, Span: schemas.Span{Start: before, End: before + len(text)}}, cue, n)
		if q.Of("", body) != q.Text || utf8.RuneCountInString(q.Text) > n || !clipped && q.Text != text || !utf8.ValidString(q.Text) {
			t.Errorf("%q of %q at %v", q.Text, text, q.Span)
		}
		if clipped && q.Text == "" && strings.TrimSpace(text) != "" && strings.IndexFunc(text, func(r rune) bool { return r == ' ' }) < 0 {
			t.Errorf("nothing is left of %q", text)
		}
	})
}

func FuzzTextFragment(f *testing.F) {
	f.Add("https://a.example/x#top", "A sentence, with - signs & more than twelve words so that it is cut in two pieces.")
	f.Add("https://a.example/x", "« Court »")
	f.Fuzz(func(t *testing.T, page, text string) {
		got := textFragment(page, schemas.Quote{Text: text})
		before, dir, ok := strings.Cut(got, "#:~:text=")
		if !ok {
			return
		}
		if want, _, _ := strings.Cut(page, "#"); before != want || strings.ContainsAny(dir, "-& \n\"<>#") || strings.Count(dir, ",") > 1 {
			t.Errorf("%q", got)
		}
		for _, part := range strings.Split(dir, ",") {
			if _, err := url.PathUnescape(part); err != nil {
				t.Errorf("%q: %v", part, err)
			}
		}
	})
}

func FuzzSafeCell(f *testing.F) {
	for _, s := range []string{"=1", "\t=1", "＝1", " -2", "\u200b@x", "plain", "", "'=1", "\ufeff=cmd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := safeCell(s)
		bare := strings.TrimLeft(got, " \t\r\n\u00a0\u200b\ufeff")
		if bare != "" {
			if r, _ := utf8.DecodeRuneInString(bare); strings.ContainsRune("=+-@＝＋－＠", r) {
				t.Errorf("%q becomes %q", s, got)
			}
		}
		if strings.ContainsAny(got, "\x00\t\r") || utf8.RuneCountInString(got) > maxCell+1 {
			t.Errorf("%q becomes %q", s, got)
		}
	})
}

func FuzzInstant(f *testing.F) {
	f.Add("now-90d")
	f.Add("2026-01")
	f.Add("1767225600000")
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := instant(s, time.Now(), time.UTC); err == nil && s != "" && (at.Year() < -400 || at.Year() > 200_000) {
			t.Errorf("%q is %v", s, at)
		}
	})
}

// The parts of a long highlighted text are cut to what may be shown.
func TestClipFragments(t *testing.T) {
	long := strings.Repeat("mot ", 100)
	got := clipFragments([]index.Fragment{{Parts: []index.Part{{Text: "un "}, {Text: long, Hit: true}, {Text: "fin"}}}, {Parts: []index.Part{{Text: "autre"}}}})
	n := 0
	for _, f := range got {
		for _, p := range f.Parts {
			n += utf8.RuneCountInString(p.Text)
		}
	}
	if n > MaxQuote || n < MaxQuote-10 || !got[len(got)-1].After {
		t.Errorf("%d characters: %+v", n, got)
	}
}

// The tree of an explanation says what the query says.
func TestExpression(t *testing.T) {
	q, err := query.Parse(`vendor:hpe (cloud OR "accord cadre") -price:>10k since:2026-01`, query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := expressionOf(q.Expr)
	if e.Op != "and" || len(e.Args) != 4 || e.Args[1].Op != "or" || e.Args[1].Args[1].Values[0].Kind != "phrase" || e.Args[2].Op != "not" || e.Args[2].Args[0].Values[0].Text != ">10k" || e.Args[3].Values[0].Text != "2026-01" {
		t.Errorf("%+v", e)
	}
}
