package warc

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var at = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string, opt Options) *Archive {
	t.Helper()
	opt.Now = func() time.Time { return at }
	a, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func resp(n int) Record {
	body := fmt.Sprintf("<html><title>%d</title>%s</html>", n, strings.Repeat("texte ", n%97))
	return Response(fmt.Sprintf("https://presse.example/%d", n), at, 200, http.Header{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}}, []byte(body))
}

func readAll(t testing.TB, r *Reader) []Record {
	t.Helper()
	var out []Record
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
	}
}

func file(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	a := open(t, t.TempDir(), Options{})
	locs, err := a.Append(resp(1), Metadata("https://presse.example/1", at, "", "application/json", []byte(`{"a":1}`)), resp(2))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"https://presse.example/1", "https://presse.example/1", "https://presse.example/2"} {
		rec, err := a.Read(locs[i])
		if err != nil {
			t.Fatal(err)
		}
		if rec.Target() != want || rec.Offset != locs[i].Offset || rec.Cut || !rec.Date().Equal(at) {
			t.Errorf("record %d: %+v", i, rec.Fields)
		}
		if got := rec.Get("WARC-Block-Digest"); got != Digest(rec.Block) {
			t.Errorf("record %d: block digest %s, want %s", i, got, Digest(rec.Block))
		}
	}
	rec, _ := a.Read(locs[2])
	p, err := rec.HTTP()
	if err != nil || p.Status != 200 || !bytes.Contains(p.Body, []byte("<title>2</title>")) || p.Header.Get("X-Crawler-Content-Encoding") != "gzip" {
		t.Errorf("payload %+v, %v", p, err)
	}
	if rec.Get("WARC-Payload-Digest") != Digest(p.Body) {
		t.Error("payload digest does not fit the body")
	}
	// Every gzip reader sees one file.
	zr, err := gzip.NewReader(bytes.NewReader(file(t, a.Path(locs[0].File))))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zr)
	if err != nil || bytes.Count(text, []byte("WARC/1.1\r\n")) != 4 {
		t.Errorf("%d records in the decompressed file, %v", bytes.Count(text, []byte("WARC/1.1\r\n")), err)
	}
	for _, bad := range []Loc{{"../x", 0}, {"", 0}, {locs[0].File, 5}, {locs[0].File, 1 << 40}, {"veille-000009-x.warc.gz", 0}} {
		if _, err := a.Read(bad); err == nil {
			t.Errorf("Read(%v) gave a record", bad)
		}
	}
}

func TestSegmentsAndConcurrency(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir, Options{MaxSegment: 20 << 10})
	var wg sync.WaitGroup
	var mu sync.Mutex
	all := map[string]Loc{}
	for g := range 8 {
		wg.Go(func() {
			for i := range 25 {
				n := g*1000 + i
				locs, err := a.Append(resp(n), resp(n+500))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all[fmt.Sprint(n)], all[fmt.Sprint(n+500)] = locs[0], locs[1]
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	names, err := a.Segments()
	if err != nil || len(names) < 3 {
		t.Fatalf("%d segments, %v", len(names), err)
	}
	for n, l := range all {
		rec, err := a.Read(l)
		if err != nil || rec.Target() != "https://presse.example/"+n {
			t.Errorf("%s at %v: %q, %v", n, l, rec.Target(), err)
		}
	}
	b := open(t, dir, Options{MaxSegment: 20 << 10})
	if _, err := b.Append(resp(1)); err != nil {
		t.Fatal(err)
	}
	again, _ := b.Segments()
	if len(again) > len(names)+1 || b.Repaired != 0 {
		t.Errorf("%d segments after opening again, had %d; repaired %d", len(again), len(names), b.Repaired)
	}
}

// TestTornTail cuts the newest segment at every kind of place; what was synced
// before stays, and new records follow it.
func TestTornTail(t *testing.T) {
	for _, c := range []struct {
		name string
		hurt func(b []byte, last int64) []byte
	}{
		{"cut in the last record", func(b []byte, last int64) []byte { return b[:last+30] }},
		{"cut in its header", func(b []byte, last int64) []byte { return b[:last+7] }},
		{"zeros", func(b []byte, last int64) []byte { return append(b[:last+5], make([]byte, 4096)...) }},
		{"a page of zeros within", func(b []byte, last int64) []byte { clear(b[last+30 : last+60]); return b }},
		{"last byte", func(b []byte, _ int64) []byte { return b[:len(b)-1] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			a := open(t, dir, Options{})
			if _, err := a.Append(resp(90), resp(91)); err != nil {
				t.Fatal(err)
			}
			locs, err := a.Append(resp(92), resp(93)) // one group: both are lost
			if err != nil {
				t.Fatal(err)
			}
			a.Close()
			path := a.Path(locs[0].File)
			os.WriteFile(path, c.hurt(file(t, path), locs[1].Offset), 0o600)
			b := open(t, dir, Options{})
			if b.Repaired == 0 {
				t.Error("nothing was repaired")
			}
			more, err := b.Append(resp(94))
			if err != nil {
				t.Fatal(err)
			}
			r := NewReader(bytes.NewReader(file(t, path)), 0)
			recs := readAll(t, r)
			if len(recs) != 4 || r.Damaged != 0 { // warcinfo, 90, 91, 94
				t.Errorf("%d records, %d damaged", len(recs), r.Damaged)
			}
			if more[0].Offset != locs[0].Offset {
				t.Errorf("new record at %d, want %d", more[0].Offset, locs[0].Offset)
			}
			if torn, _ := filepath.Glob(filepath.Join(dir, "*.torn")); len(torn) != 1 {
				t.Errorf("torn bytes kept in %v", torn)
			}
		})
	}
}

// foreign makes a WARC file as other programs lay it out.
func foreign(recs []string, layout string) []byte {
	var b bytes.Buffer
	pack := func(s string) {
		zw := gzip.NewWriter(&b)
		zw.Write([]byte(s))
		zw.Close()
	}
	switch layout {
	case "plain":
		b.WriteString(strings.Join(recs, ""))
	case "members":
		for _, r := range recs {
			pack(r)
		}
	case "one member":
		pack(strings.Join(recs, ""))
	case "line feeds":
		for _, r := range recs {
			b.WriteString(strings.ReplaceAll(r, "\r\n", "\n"))
		}
	case "garbage between members":
		for _, r := range recs {
			b.WriteString("\x00\x01\x02 not a record \x1f\x8b")
			pack(r)
		}
	case "garbage between lines":
		for _, r := range recs {
			b.WriteString("\r\nrubbish\r\n" + r)
		}
		return b.Bytes()[2:]
	}
	return b.Bytes()
}

func raw(typ, uri, block string, fields ...string) string {
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: %s\r\nWARC-Record-ID: <urn:uuid:%x>\r\nWARC-Date: 2026-03-10T12:00:00Z\r\nWARC-Target-URI: <%s>\r\n%sContent-Length: %d\r\n\r\n%s\r\n\r\n",
		typ, rand.Uint64(), uri, strings.Join(fields, ""), len(block), block)
}

func TestForeignLayouts(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>a<\r\n4;x\r\n/p>\n\r\n0\r\n\r\n"
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	zw.Write([]byte("<p>b</p>"))
	zw.Close()
	recs := []string{
		raw("metadata", "https://x.example/1", "fetchTimeMs: 12\r\n"), // before its response
		raw("response", "https://x.example/1", chunked),
		raw("revisit", "https://x.example/1", "HTTP/1.1 304 Not Modified\r\n\r\n", "WARC-Profile: http://netpreserve.org/warc/1.0/revisit/server-not-modified\r\n"),
		raw("response", "https://x.example/2", "HTTP/1.1 200 OK\nContent-Encoding: gzip\n\n"+z.String()),
		raw("request", "https://x.example/2", "GET /2 HTTP/1.1\r\n\r\n"),
		raw("warcinfo", "", "software: other\r\n"),
		raw("response", "https://x.example/3", "HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\nnot packed"),
	}
	for _, layout := range []string{"plain", "members", "one member", "line feeds", "garbage between members", "garbage between lines"} {
		t.Run(layout, func(t *testing.T) {
			list := recs
			if layout == "line feeds" { // lengths count the carriage returns of a block
				list = []string{raw("metadata", "https://x.example/1", "a: b"), raw("resource", "https://x.example/2", "text")}
			}
			b := foreign(list, layout)
			r := NewReader(bytes.NewReader(b), 0)
			got := readAll(t, r)
			if len(got) != len(list) {
				t.Fatalf("%d records, want %d (damaged %d)", len(got), len(list), r.Damaged)
			}
			if layout == "line feeds" {
				return
			}
			for i, want := range map[int]string{1: "<p>a</p>\n", 3: "<p>b</p>", 6: "not packed"} {
				p, err := got[i].HTTP()
				if err != nil || string(p.Body) != want {
					t.Errorf("record %d: body %q, %v, want %q", i, p.Body, err, want)
				}
			}
			if p, err := got[2].HTTP(); err != nil || p.Status != 304 {
				t.Errorf("revisit: %+v, %v", p, err)
			}
			if got[1].Target() != "https://x.example/1" {
				t.Errorf("target %q", got[1].Target())
			}
			// Reading may begin at any record.
			for _, g := range got {
				if layout == "one member" {
					break
				}
				one, err := NewReader(bytes.NewReader(b[g.Offset:]), g.Offset).Next()
				if err != nil || one.ID() != g.ID() || one.Offset != g.Offset {
					t.Errorf("at %d: %s at %d, want %s, %v", g.Offset, one.ID(), one.Offset, g.ID(), err)
				}
			}
		})
	}
	if p, err := (Record{Fields: []Field{{"WARC-Type", "metadata"}}}).HTTP(); !errors.Is(err, ErrNoPayload) {
		t.Errorf("payload of metadata: %+v, %v", p, err)
	}
}

func TestDamage(t *testing.T) {
	var recs []string
	for i := range 50 {
		recs = append(recs, raw("response", fmt.Sprintf("https://x.example/%d", i), "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat(fmt.Sprint(i, " "), 200)))
	}
	for _, layout := range []string{"plain", "members"} {
		whole := foreign(recs, layout)
		t.Run(layout+" cut", func(t *testing.T) {
			r := NewReader(bytes.NewReader(whole[:len(whole)*3/4]), 0)
			got := readAll(t, r)
			if n := len(got); n < 36 || n > 39 || r.Damaged != 1 {
				t.Errorf("%d records, %d damaged", n, r.Damaged)
			}
			for i, g := range got[:len(got)-1] {
				if g.Cut {
					t.Errorf("record %d is cut", i)
				}
			}
		})
		t.Run(layout+" hurt within", func(t *testing.T) {
			b := bytes.Clone(whole)
			mid := len(b) / 2
			for i := range 40 {
				b[mid+i] = 0xee
			}
			r := NewReader(bytes.NewReader(b), 0)
			got := readAll(t, r)
			whole := 0
			for _, g := range got {
				if !g.Cut {
					whole++
				}
			}
			if whole < 48 {
				t.Errorf("%d whole records of 50, %d damaged", whole, r.Damaged)
			}
		})
	}
}

func TestHugeBlockIsCut(t *testing.T) {
	big := raw("response", "https://x.example/big", "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", MaxBlock+100))
	r := NewReader(bytes.NewReader(foreign([]string{big, raw("response", "https://x.example/next", "HTTP/1.1 200 OK\r\n\r\n")}, "plain")), 0)
	got := readAll(t, r)
	if len(got) != 2 || !got[0].Cut || len(got[0].Block) != MaxBlock || got[1].Cut {
		t.Errorf("%d records, damaged %d", len(got), r.Damaged)
	}
}

func TestPrune(t *testing.T) {
	now := at
	dir := t.TempDir()
	a, err := Open(dir, Options{MaxSegment: 1, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var locs []Loc
	for i := range 6 { // a segment a day
		l, err := a.Append(resp(i))
		if err != nil {
			t.Fatal(err)
		}
		locs = append(locs, l...)
		now = now.Add(24 * time.Hour)
	}
	if n, _, err := a.Prune(time.Time{}, 0); n != 0 || err != nil {
		t.Errorf("no limit: %d removed, %v", n, err)
	}
	if n, freed, err := a.Prune(at.Add(60*time.Hour), 0); n != 2 || freed == 0 || err != nil {
		t.Errorf("by age: %d removed, %v", n, err)
	}
	if _, err := a.Read(locs[1]); err == nil {
		t.Error("a pruned record is still there")
	}
	if _, err := a.Read(locs[2]); err != nil {
		t.Error(err)
	}
	if n, _, err := a.Prune(time.Time{}, 1); n != 3 || err != nil {
		t.Errorf("by size: %d removed, %v", n, err)
	}
	if l, err := a.Append(resp(9)); err != nil || l[0].File <= locs[5].File {
		t.Errorf("after pruning: %v, %v", l, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(raw("response", "https://x.example/1", "HTTP/1.1 200 OK\r\n\r\nx")))
	f.Add(foreign([]string{raw("response", "https://x.example/1", "HTTP/1.1 200 OK\r\n\r\nx")}, "members"))
	f.Add([]byte("WARC/1.0\r\nContent-Length: 99999999999\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b), 0)
		for range 1000 {
			rec, err := r.Next()
			if err != nil {
				return
			}
			rec.HTTP()
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	a := open(b, b.TempDir(), Options{})
	var recs []Record
	for i := range 20 {
		recs = append(recs, Response("https://presse.example/", at, 200, nil, []byte(strings.Repeat(fmt.Sprint("phrase ", i, " "), 8000))))
	}
	for b.Loop() {
		if _, err := a.Append(recs...); err != nil {
			b.Fatal(err)
		}
	}
}
