package feed

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds what every answer must be, whatever the input: bounded, valid text, usable links, sensible dates.
func FuzzParse(f *testing.F) {
	for _, r := range matrix() {
		if len(r.doc) < 4000 {
			f.Add([]byte(r.doc), r.ctype)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, ctype string) {
		feed, err := Parse(body, ctype, "https://feeds.example/rss")
		if len(feed.Items) > MaxItems || len(feed.Recovered) > maxNotes+1 {
			t.Fatalf("%d items, %d notes", len(feed.Items), len(feed.Recovered))
		}
		if err == nil && feed.Format == "" {
			t.Fatal("no format and no error")
		}
		for _, it := range feed.Items {
			if len(it.Title) > 1100 || len(it.ID) > maxURL || len(it.Summary) > 2100 {
				t.Fatalf("title of %d bytes, id of %d, summary of %d", len(it.Title), len(it.ID), len(it.Summary))
			}
			for _, s := range []string{it.Title, it.Summary, it.Author, it.ID, it.Body} {
				if !utf8.ValidString(s) {
					t.Fatalf("not UTF-8: %q", s)
				}
			}
			if u, err := url.Parse(it.Link); it.Link != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
				t.Fatalf("link %q", it.Link)
			}
			if y := it.Published.Time.Year(); !it.Published.Time.IsZero() && (y < 1989 || y > 2101) {
				t.Fatalf("published %s", it.Published.Time)
			}
		}
	})
}

// Whatever text goes through the front must come out of gofeed as it went in.
func TestTextSurvives(t *testing.T) {
	for _, want := range []string{`a & b`, `"quoted" 'single'`, `]]> and <![CDATA[`, `&amp; spelt out`, `1 < 2 > 0`, `é ü 日本 😀`, `a&b;c`, `&#x41;`} {
		var esc strings.Builder
		for _, r := range want {
			fmt.Fprintf(&esc, "&#%d;", r)
		}
		f, err := Parse([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>`+esc.String()+`</id><title>A</title></entry></feed>`), "", "")
		if err != nil || len(f.Items) != 1 || f.Items[0].ID != want {
			t.Errorf("%q came out as %+v, %v", want, f.Items, err)
		}
	}
}

// A feed that is as it should be has nothing to recover.
func TestNothingToRecover(t *testing.T) {
	for _, doc := range []string{rssDoc(itemEte), atomDoc(`<entry><title>A</title><id>urn:a</id></entry>`), latin(strings.Replace(rssDoc(itemEte), "UTF-8", "windows-1252", 1)),
		strings.Replace(rssDoc("<item><title>plain</title></item>"), "Réseaux", "R", 1), "\ufeff" + rssDoc(itemEte), `{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1"}]}`} {
		if f, err := Parse([]byte(doc), "", ""); err != nil || len(f.Recovered) > 0 {
			t.Errorf("%.80q: %q, %v", doc, f.Recovered, err)
		}
	}
}

// A feed cut anywhere keeps every item that was whole.
func TestCutAnywhere(t *testing.T) {
	var items strings.Builder
	for i := range 5 {
		fmt.Fprintf(&items, `<item><title>Titre é %d</title><link>https://x.example/%d</link><guid isPermaLink="false">g%d</guid><description><![CDATA[<p>Texte & <b>suite</b></p>]]></description></item>`, i, i, i)
	}
	doc := rssDoc(items.String())
	for cut := strings.Index(doc, "<item>"); cut < len(doc); cut++ {
		f, err := Parse([]byte(doc[:cut]), "", "")
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if whole := strings.Count(doc[:cut], "</item>"); len(f.Items) < whole {
			t.Fatalf("cut at %d: %d items, want %d", cut, len(f.Items), whole)
		}
		for i := range min(len(f.Items), strings.Count(doc[:cut], "</item>")) {
			if it := f.Items[i]; it.Title != fmt.Sprintf("Titre é %d", i) || it.Link != fmt.Sprintf("https://x.example/%d", i) || it.Summary != "Texte & suite" {
				t.Fatalf("cut at %d: item %d is %+v", cut, i, it)
			}
		}
	}
}

// What came before a limit is not lost.
func TestLimitKeepsItems(t *testing.T) {
	doc := `<rss><channel><title>T</title><item><title>A</title></item><item>` + strings.Repeat("<x>", 100)
	f, err := Parse([]byte(doc), "", "")
	if err == nil || len(f.Items) != 1 || f.Items[0].Title != "A" {
		t.Errorf("got %+v, %v", f.Items, err)
	}
}

// The two bodies of performance.md's row: summaries only, and full contents.
func bench(b *testing.B, content string) {
	var items strings.Builder
	for i := range 50 {
		fmt.Fprintf(&items, `<item><title>Titre &amp; suite %d</title><link>https://x.example/%d</link><guid>https://x.example/%d</guid><pubDate>Wed, 12 Nov 2025 10:15:%02d +0100</pubDate><dc:creator>Ann Lee</dc:creator><description><![CDATA[<p>%s</p>]]></description>%s</item>`, i, i, i, i, strings.Repeat("Un chapeau ", 20), content)
	}
	doc := []byte(rssDoc(items.String()))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if f, err := Parse(doc, "", ""); err != nil || len(f.Items) != 50 {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseSummaries(b *testing.B) { bench(b, "") }

func BenchmarkParseContent(b *testing.B) {
	bench(b, `<content:encoded><![CDATA[`+strings.Repeat("<p>Un paragraphe de l’article, <a href=\"/x\">avec un lien</a> et du texte.</p>\n", 60)+`]]></content:encoded>`)
}

// TestSamplePress reads the project's own feeds when they are there.
func TestSamplePress(t *testing.T) {
	files, _ := filepath.Glob("../../fixtures/feeds/*")
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil || strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".want.json") {
			continue
		}
		if _, err := Parse(body, "", "https://press.example/feed"); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
}
