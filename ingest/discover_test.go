package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.org/veille/schemas"
)

const sitemap = `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>https://presse.example/1</loc><news:news><news:publication><news:name>Presse</news:name><news:language>fr</news:language></news:publication><news:publication_date>2026-03-09T10:00:00+01:00</news:publication_date><news:title>Un titre &amp; demi</news:title></news:news></url>
<url><loc>https://presse.example/about</loc></url></urlset>`

func TestDiscover(t *testing.T) {
	d := newDesk(t)
	c := d.open().opt.Client
	for _, x := range []struct {
		name  string
		setup func(s *site)
		path  string
		how   string
		n     int
	}{
		{"the address itself", func(*site) {}, "/feed", "itself", 1},
		{"a link", func(s *site) {
			s.extra["/"] = text(`<html><head><link rel="alternate" type="application/rss+xml" title="All" href="/feed"><link rel="alternate" type="application/rss+xml" href="/missing"></head></html>`)
		}, "/", "link", 1},
		{"a usual path", func(s *site) {
			s.extra["/"] = text("<html></html>")
			s.extra["/rss.xml"] = text(s.rss())
		}, "/", "path", 1},
		{"a news sitemap in an index", func(s *site) {
			s.extra["/"] = text("<html>nothing</html>")
			s.extra["/robots.txt"] = text("Sitemap: " + s.URL + "/sitemap.xml\n")
			s.extra["/sitemap.xml"] = text(`<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>` + s.URL + `/pages.xml</loc></sitemap><sitemap><loc>` + s.URL + `/news-1.xml</loc></sitemap></sitemapindex>`)
			s.extra["/news-1.xml"] = text(sitemap)
		}, "/", "sitemap", 1},
		{"a news sitemap", func(s *site) {
			s.extra["/"] = text("<html></html>")
			s.extra["/robots.txt"] = text("Sitemap: " + s.URL + "/sitemaps/news.xml\n")
			s.extra["/sitemaps/news.xml"] = text(sitemap)
		}, "/", "sitemap", 1},
		{"nothing", func(s *site) { s.extra["/"] = text("<html></html>") }, "/", "", 0},
		{"robots.txt denies", func(s *site) {
			s.extra["/"] = text("<html></html>")
			s.extra["/rss.xml"] = text(s.rss())
			s.extra["/robots.txt"] = text("User-agent: *\nDisallow: /rss\n")
		}, "/", "", 0},
	} {
		s := newSite(t, many(3, 0)...)
		x.setup(s)
		got, err := Discover(t.Context(), c, s.URL+x.path)
		if len(got) != x.n || x.n > 0 && got[0].How != x.how || x.n == 0 && !errors.Is(err, ErrNoFeed) {
			t.Errorf("%s: %+v, %v", x.name, got, err)
		}
		total := 0
		s.mu.Lock()
		for _, n := range s.hits {
			total += n
		}
		s.mu.Unlock()
		if total > 20 {
			t.Errorf("%s: %d requests", x.name, total)
		}
	}
	if _, err := Discover(t.Context(), c, "http://10.0.0.1/"); err == nil {
		t.Error("a private network was searched")
	}
}

// A site that has a news sitemap and no feed is polled by it.
func TestPollSitemap(t *testing.T) {
	s := newSite(t, many(3, 0)...)
	s.mu.Lock()
	var b strings.Builder
	b.WriteString(`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">`)
	for i, it := range s.items {
		fmt.Fprintf(&b, `<url><loc>%s%s</loc><news:news><news:publication_date>%s</news:publication_date><news:title>%s</news:title></news:news></url>`, s.URL, it.Path, noon.Add(-time.Duration(i)*time.Hour).Format(time.RFC3339), esc(it.Title))
	}
	b.WriteString(`</urlset>`)
	body := b.String()
	s.extra["/news-sitemap.xml"] = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
	s.mu.Unlock()
	d := newDesk(t)
	src := source("plan", s)
	src.Feed = s.URL + "/news-sitemap.xml"
	p := d.open(src)
	if r := d.fetch(p, "plan"); r.Error != "" || r.New != 3 {
		t.Errorf("%+v", r)
	}
	if l := d.balanced(p, "plan"); l.Indexed != 3 {
		t.Errorf("ledger %+v", l)
	}
	if st, err := p.State(t.Context(), "plan"); err != nil || st.Format != "news-sitemap" {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestNewsSitemap(t *testing.T) {
	got, err := NewsSitemap([]byte(sitemap))
	if err != nil || len(got) != 1 || got[0].Title != "Un titre & demi" || !got[0].Published.Time.Equal(time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC)) || got[0].Language != "fr" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = NewsSitemap([]byte(sitemap[:400])); err != nil && len(got) > 0 {
		t.Errorf("cut: %+v, %v", got, err)
	}
	if _, err = NewsSitemap([]byte("\x1f\x8bnot gzip")); err == nil {
		t.Error("no error for a broken gzip")
	}
}

// TestDrift: a source whose pages change so that less is read from them is seen.
func TestDrift(t *testing.T) {
	s := newSite(t, many(12, 0)...)
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	if st, _ := p.State(t.Context(), "presse"); len(st.Alarms) != 0 {
		t.Fatalf("alarms %q", st.Alarms)
	}
	after := many(12, 12)
	for i := range after {
		after[i].Text = "Only the lead is left of the story, since its page has been made anew. " + fmt.Sprint(i)
	}
	s.set(append(many(12, 0), after...)...)
	d.clock.add(time.Hour)
	d.fetch(p, "presse")
	st, _ := p.State(t.Context(), "presse")
	if len(st.Alarms) != 1 || st.State != schemas.SourceDegraded {
		t.Errorf("state %s, alarms %q", st.State, st.Alarms)
	}
	s.set(append(many(12, 0), many(12, 40)...)...)
	d.clock.add(time.Hour)
	d.fetch(p, "presse")
	if st, _ = p.State(t.Context(), "presse"); len(st.Alarms) != 0 || st.State != schemas.SourceUp {
		t.Errorf("after it was put right: %s, %q", st.State, st.Alarms)
	}
}
