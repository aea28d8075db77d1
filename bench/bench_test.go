//go:build cgo && (fts5 || sqlite_fts5)

package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"golang.org/x/sys/unix"

	"example.org/veille/index"
	"example.org/veille/internal/corpusgen"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// As in the benchmarks of package index: VEILLE_BENCH_DOCS articles, kept in
// VEILLE_BENCH_DIR when that is set.

func docs() int {
	if n, err := strconv.Atoi(os.Getenv("VEILLE_BENCH_DOCS")); err == nil && n > 0 {
		return n
	}
	return 5000
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func metered(b *testing.B, run func() (hits int)) {
	hits := run() // pages are in memory
	var took []time.Duration
	cpu := cpuTime()
	for b.Loop() {
		at := time.Now()
		run()
		took = append(took, time.Since(at))
	}
	record(b, float64((cpuTime()-cpu).Microseconds())/float64(len(took)), "cpu-µs/op")
	slices.Sort(took)
	record(b, float64(took[len(took)/2].Microseconds()), "p50-µs")
	record(b, float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(hits), "hits")
}

// figures are what the benchmarks of this run reported, for the bars at its end.
var figures = map[string]float64{}

func record(b *testing.B, v float64, unit string) {
	b.ReportMetric(v, unit)
	figures[strings.TrimPrefix(b.Name(), "Benchmark")+" "+unit] = v
}

// TestMain prints, after the benchmarks, what was promised beside what was measured.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, q := range []struct {
		name string
		at   float64
	}{{"match-mid", 4}, {"match-common", 4}, {"dashboard-mid", 8}, {"dashboard-common", 8}} {
		fts5, veille := figures["Search/"+q.name+"/fts5 cpu-µs/op"], figures["Search/"+q.name+"/veille cpu-µs/op"]
		if fts5 > 0 && veille > 0 {
			met := "met"
			if fts5/veille < q.at {
				met = "MISSED"
			}
			fmt.Printf("%-62s %7s %g  %9.2f  %s\n", q.name+": CPU of FTS5, of ours", "≥", q.at, fts5/veille, met)
		}
	}
	os.Exit(code)
}

const schema = `
CREATE TABLE article (id INTEGER PRIMARY KEY, key TEXT UNIQUE, published INTEGER, week INTEGER, lang TEXT, source TEXT, has TEXT, title TEXT);
CREATE INDEX article_published ON article (published);
CREATE TABLE body (id INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE vendor (article INTEGER, vendor TEXT, PRIMARY KEY (article, vendor)) WITHOUT ROWID;
CREATE INDEX vendor_vendor ON vendor (vendor, article);
CREATE VIRTUAL TABLE fts USING fts5 (title, body, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2');
`

// lite is the corpus in SQLite: small rows apart from the bodies, every column that a
// question needs under an index, the words in a contentless FTS5 table.
type lite struct {
	*sql.DB
	path string
}

func openLite(path string) (*lite, error) {
	db, err := sql.Open("sqlite3", path+"?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_cache_size=-200000")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(`PRAGMA mmap_size = 1073741824`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_master`).Scan(&n); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if n == 0 {
		if _, err := db.Exec(schema); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return &lite{db, path}, nil
}

func (l *lite) count() (n int, err error) {
	err = l.QueryRow(`SELECT coalesce(max(id), 0) FROM article`).Scan(&n)
	return n, err
}

// put writes articles in one transaction; one that is there is replaced.
func (l *lite) put(ctx context.Context, first int, xs []schemas.Extraction) (err error) {
	tx, err := l.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var stmts [5]*sql.Stmt
	for i, q := range []string{
		`INSERT OR REPLACE INTO article VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		`INSERT OR REPLACE INTO body VALUES (?, ?)`,
		`DELETE FROM vendor WHERE article = ?`,
		`INSERT OR IGNORE INTO vendor VALUES (?, ?)`,
		`INSERT OR REPLACE INTO fts (rowid, title, body) VALUES (?, ?, ?)`,
	} {
		if stmts[i], err = tx.PrepareContext(ctx, q); err != nil {
			return err
		}
		defer stmts[i].Close()
	}
	for i, x := range xs {
		id, a := first+i, x.Article
		has := "vendor"
		if len(x.Prices) > 0 {
			has = "price"
		}
		at := a.Published.Unix()
		if _, err := stmts[0].ExecContext(ctx, id, a.ID, at, at/(7*86400), a.Lang, a.Source, has, a.Title); err != nil {
			return err
		}
		if _, err := stmts[1].ExecContext(ctx, id, a.Text); err != nil {
			return err
		}
		if _, err := stmts[2].ExecContext(ctx, id); err != nil {
			return err
		}
		for _, v := range x.Vendors {
			if _, err := stmts[3].ExecContext(ctx, id, v.ID); err != nil {
				return err
			}
		}
		if _, err := stmts[4].ExecContext(ctx, id, a.Title, a.Text); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// rows runs a statement to its end and tells how many rows it had.
func rows(b *testing.B, on interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, q string, args ...any,
) (n int) {
	rs, err := on.QueryContext(b.Context(), q, args...)
	if err != nil {
		b.Fatal(err)
	}
	defer rs.Close()
	cols, err := rs.Columns()
	if err != nil {
		b.Fatal(err)
	}
	vals := make([]sql.RawBytes, len(cols))
	into := make([]any, len(cols))
	for i := range vals {
		into[i] = &vals[i]
	}
	for rs.Next() {
		if err := rs.Scan(into...); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rs.Err(); err != nil {
		b.Fatal(err)
	}
	return n
}

// shown is what a row of a list needs.
const shown = `a.key, a.published, a.source, a.title, substr(b.text, 1, 320)`

func (l *lite) page(b *testing.B, from string, args ...any) int {
	return rows(b, l, `SELECT `+shown+` FROM `+from, args...)
}

// dashboard is four facets, a histogram and the ten newest of one match, which is
// worked out once.
func (l *lite) dashboard(b *testing.B, match string) (hits int) {
	conn, err := l.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	exec := func(q string, args ...any) {
		if _, err := conn.ExecContext(b.Context(), q, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec(`CREATE TEMP TABLE IF NOT EXISTS hit (id INTEGER PRIMARY KEY)`)
	exec(`DELETE FROM hit`)
	if match == "" {
		exec(`INSERT INTO hit SELECT id FROM article`)
	} else {
		exec(`INSERT INTO hit SELECT rowid FROM fts WHERE fts MATCH ?`, match)
	}
	if err := conn.QueryRowContext(b.Context(), `SELECT count(*) FROM hit`).Scan(&hits); err != nil {
		b.Fatal(err)
	}
	rows(b, conn, `SELECT vendor, count(*) n FROM hit JOIN vendor ON article = id GROUP BY vendor ORDER BY n DESC LIMIT 100`)
	for _, col := range []string{"source", "lang", "has", "week"} {
		rows(b, conn, `SELECT `+col+`, count(*) n FROM hit JOIN article USING (id) GROUP BY `+col+` ORDER BY n DESC`)
	}
	rows(b, conn, `SELECT `+shown+` FROM (SELECT id FROM hit JOIN article USING (id) ORDER BY published DESC LIMIT 10) JOIN article a USING (id) JOIN body b USING (id)`)
	return hits
}

// question is one thing asked of both.
type question struct {
	name   string
	q      string // of veille
	req    index.Request
	fts5   func(b *testing.B, l *lite) int // nil where FTS5 has no such thing
	during bool                            // also while articles come in
}

func questions(c *corpusgen.Corpus) []question {
	common, mid, rare := c.Word("fr", 60), c.Word("fr", 400), c.Word("en", 5000)
	common2, mid2 := c.Word("fr", 70), c.Word("fr", 420)
	feb, mar := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC).Unix()
	ranked := func(match string) func(*testing.B, *lite) int {
		return func(b *testing.B, l *lite) int {
			return l.page(b, `(SELECT rowid, rank FROM fts WHERE fts MATCH ? ORDER BY rank LIMIT 10) f JOIN article a ON a.id = f.rowid JOIN body b ON b.id = a.id`, match)
		}
	}
	quoted := func(w string) string { return `"` + w + `"` }
	board := func(match string) func(*testing.B, *lite) int {
		return func(b *testing.B, l *lite) int { return l.dashboard(b, match) }
	}
	facets := []string{"vendor", "source", "lang", "has"}
	rel := index.Request{Sort: index.Relevance}
	dash := index.Request{Facets: facets, Weeks: true}
	return []question{
		{"term", "vendor:vendor-040", index.Request{}, func(b *testing.B, l *lite) int {
			return l.page(b, `(SELECT a.id FROM vendor v JOIN article a ON a.id = v.article WHERE v.vendor = 'vendor-040' ORDER BY a.published DESC LIMIT 10) f JOIN article a ON a.id = f.id JOIN body b ON b.id = a.id`)
		}, true},
		{"match-rare", rare, rel, ranked(quoted(rare)), false},
		{"match-mid", mid, rel, ranked(quoted(mid)), true},
		{"match-common", common, rel, ranked(quoted(common)), true},
		{"boolean", mid + " -" + common + " lang:fr", rel, func(b *testing.B, l *lite) int {
			return l.page(b, `fts f JOIN article a ON a.id = f.rowid JOIN body b ON b.id = a.id WHERE fts MATCH ? AND a.lang = 'fr' ORDER BY f.rank LIMIT 10`, quoted(mid)+" NOT "+quoted(common))
		}, true},
		{"two-words", mid + " OR " + mid2, rel, ranked(quoted(mid) + " OR " + quoted(mid2)), false},
		{"phrase-mid", quoted(mid + " " + mid2), rel, ranked(quoted(mid + " " + mid2)), true},
		{"phrase-common", quoted(common + " " + common2), rel, ranked(quoted(common + " " + common2)), true},
		{"fuzzy", mid + "~", index.Request{}, nil, true},
		{"range-30d", "date:2024-02-01..2024-02-29", index.Request{}, func(b *testing.B, l *lite) int {
			return l.page(b, `article a JOIN body b ON b.id = a.id WHERE a.published >= ? AND a.published < ? ORDER BY a.published DESC LIMIT 10`, feb, mar)
		}, true},
		{"range-and-mid", mid + " date:2024-02", index.Request{}, func(b *testing.B, l *lite) int {
			return l.page(b, `(SELECT a.id FROM fts f JOIN article a ON a.id = f.rowid WHERE fts MATCH ? AND a.published >= ? AND a.published < ? ORDER BY a.published DESC LIMIT 10) f JOIN article a ON a.id = f.id JOIN body b ON b.id = a.id`, quoted(mid), feb, mar)
		}, false},
		{"newest-mid", mid, index.Request{}, func(b *testing.B, l *lite) int {
			return l.page(b, `(SELECT a.id FROM fts f JOIN article a ON a.id = f.rowid WHERE fts MATCH ? ORDER BY a.published DESC LIMIT 10) f JOIN article a ON a.id = f.id JOIN body b ON b.id = a.id`, quoted(mid))
		}, true},
		{"newest-all", "", index.Request{}, func(b *testing.B, l *lite) int {
			return l.page(b, `article a JOIN body b ON b.id = a.id ORDER BY a.published DESC LIMIT 10`)
		}, true},
		{"deep-page", mid, index.Request{Limit: min(1000, docs()/100)}, func(b *testing.B, l *lite) int {
			return l.page(b, `(SELECT a.id FROM fts f JOIN article a ON a.id = f.rowid WHERE fts MATCH ? ORDER BY a.published DESC LIMIT 10 OFFSET ?) f JOIN article a ON a.id = f.id JOIN body b ON b.id = a.id`, quoted(mid), min(1000, docs()/100))
		}, false},
		{"dashboard-mid", mid, dash, board(quoted(mid)), true},
		{"dashboard-common", common, dash, board(quoted(common)), true},
		{"dashboard-all", "", dash, board(""), false},
	}
}

// both are the two indexes, filled.
type both struct {
	ix *index.Index
	l  *lite
	c  *corpusgen.Corpus
}

var dirOnce = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("VEILLE_BENCH_DIR"); dir != "" {
		return dir, nil
	}
	return os.MkdirTemp("", "veille-bench-")
})

func open(b *testing.B) both {
	dir, err := dirOnce()
	if err != nil {
		b.Fatal(err)
	}
	c := corpusgen.New(1)
	ix, err := index.Open(nil, dir, index.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ix.Close() })
	l, err := openLite(filepath.Join(dir, "fts5.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	have, _, _, err := ix.Counts()
	if err != nil {
		b.Fatal(err)
	}
	fill(b, c, have, func(_ int, xs []schemas.Extraction) error { return ix.PutExtractions(b.Context(), xs) })
	if have, err = l.count(); err != nil {
		b.Fatal(err)
	}
	fill(b, c, have, func(from int, xs []schemas.Extraction) error { return l.put(b.Context(), from+1, xs) })
	return both{ix, l, c}
}

func fill(b *testing.B, c *corpusgen.Corpus, from int, put func(from int, xs []schemas.Extraction) error) {
	for ; from < docs(); from += 1000 {
		if err := put(from, made(c, from, min(from+1000, docs()))); err != nil {
			b.Fatal(err)
		}
	}
}

func made(c *corpusgen.Corpus, from, to int) (xs []schemas.Extraction) {
	for n := from; n < to; n++ {
		xs = append(xs, c.Extraction(n))
	}
	return xs
}

// BenchmarkBuild writes 10,000 articles to each.
func BenchmarkBuild(b *testing.B) {
	c := corpusgen.New(1)
	n := min(docs(), 10_000)
	xs := made(c, 0, n)
	report := func(b *testing.B, cpu time.Duration, paths ...string) {
		size := int64(0)
		for _, p := range paths {
			st, err := os.Stat(p)
			if err != nil {
				b.Fatal(err)
			}
			size += st.Size()
		}
		b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/doc")
		b.ReportMetric(float64(size)/float64(n), "disk-B/doc")
	}
	b.Run("veille", func(b *testing.B) {
		for b.Loop() {
			dir := b.TempDir()
			ix, err := index.Open(nil, dir, index.Options{})
			if err != nil {
				b.Fatal(err)
			}
			cpu := cpuTime()
			for chunk := range slices.Chunk(xs, 1000) {
				if err := ix.PutExtractions(b.Context(), chunk); err != nil {
					b.Fatal(err)
				}
			}
			cpu = cpuTime() - cpu
			if err := ix.Close(); err != nil {
				b.Fatal(err)
			}
			segments, err := filepath.Glob(filepath.Join(dir, "g-*", "store", "*"))
			if err != nil {
				b.Fatal(err)
			}
			report(b, cpu, segments...)
		}
	})
	b.Run("fts5", func(b *testing.B) {
		for b.Loop() {
			l, err := openLite(filepath.Join(b.TempDir(), "fts5.db"))
			if err != nil {
				b.Fatal(err)
			}
			cpu := cpuTime()
			for i := 0; i < n; i += 1000 {
				if err := l.put(b.Context(), i+1, xs[i:min(i+1000, n)]); err != nil {
					b.Fatal(err)
				}
			}
			cpu = cpuTime() - cpu
			if err := l.Close(); err != nil { // moves the log into the file
				b.Fatal(err)
			}
			report(b, cpu, l.path)
		}
	})
}

// BenchmarkSearch asks both, alone.
func BenchmarkSearch(b *testing.B) {
	t := open(b)
	for _, q := range questions(t.c) {
		t.ask(b, q, "veille")
		t.ask(b, q, "fts5")
	}
}

// BenchmarkSearchWhileWriting asks while 100 articles a second come in, fifty at a
// time. The processor time of the writer is in that of the search.
func BenchmarkSearchWhileWriting(b *testing.B) {
	t := open(b)
	for _, engine := range []string{"veille", "fts5"} {
		put := func(ctx context.Context, from int, xs []schemas.Extraction) error {
			return t.ix.PutExtractions(ctx, xs)
		}
		if engine == "fts5" {
			put = func(ctx context.Context, from int, xs []schemas.Extraction) error { return t.l.put(ctx, from+1, xs) }
		}
		ctx, stop := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			tick := time.NewTicker(500 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i = (i + 50) % (docs() - 50) { // replaced, so that nothing grows
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if err := put(ctx, i, made(t.c, i, i+50)); err != nil && ctx.Err() == nil {
					b.Error(err)
					return
				}
			}
		})
		for _, q := range questions(t.c) {
			if q.during {
				t.ask(b, q, engine)
			}
		}
		stop()
		wg.Wait()
	}
}

func (t both) ask(b *testing.B, q question, engine string) {
	b.Run(fmt.Sprintf("%s/%s", q.name, engine), func(b *testing.B) {
		if engine == "fts5" {
			if q.fts5 == nil {
				b.Skip("FTS5 has none")
			}
			metered(b, func() int { return q.fts5(b, t.l) })
			return
		}
		parsed, err := query.Parse(q.q, query.Options{})
		if err != nil {
			b.Fatal(err)
		}
		req := q.req
		req.View, req.Query = index.Articles, parsed
		if req.Limit > 0 { // a deep page: its cursor
			res, err := t.ix.Search(b.Context(), req)
			if err != nil {
				b.Fatal(err)
			}
			req.Cursor = res.Next
		}
		req.Limit = 10
		metered(b, func() int {
			res, err := t.ix.Search(b.Context(), req)
			if err != nil {
				b.Fatal(err)
			}
			return res.Total
		})
	})
}
