package ingest

import (
	"strings"
	"testing"
	"time"

	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

// TestFirstSlice is the walk of two articles: polled, fetched, archived, published,
// and not again.
func TestFirstSlice(t *testing.T) {
	s := newSite(t,
		item{GUID: "1", Path: "/a", Title: "Distributor signs storage vendor", Summary: "A short summary.", At: noon.Add(-time.Hour), Text: prose(1, 20)},
		item{GUID: "2", Path: "/b", Title: "Reseller leaves programme", Summary: "Another.", At: noon.Add(-2 * time.Hour), Text: prose(2, 20)},
	)
	d := newDesk(t)
	p := d.open(source("presse", s))
	r := d.fetch(p, "presse")
	if r.New != 2 || r.Status != 200 || r.Conditional {
		t.Fatalf("first poll: %+v", r)
	}
	for id, a := range d.log.state() {
		if a.Raw == nil || a.Source != "presse" || a.URL == "" || !strings.Contains(a.Text, "months of talks") || strings.Contains(a.Text, "All rights reserved") {
			t.Errorf("article %s: %+v", id, a)
			continue
		}
		rec, err := p.opt.Archive.Read(warcLoc(a))
		if err != nil {
			t.Fatal(err)
		}
		h, err := rec.HTTP()
		if err != nil || !strings.Contains(string(h.Body), a.Title) {
			t.Errorf("archived page of %s: %v", id, err)
		}
	}
	d.clock.add(time.Hour)
	r = d.fetch(p, "presse")
	if !r.Conditional || r.Status != 304 || !r.Unchanged || len(d.log.list) != 2 {
		t.Errorf("second poll: %+v, %d published", r, len(d.log.list))
	}
	if n := s.count("/a"); n != 1 {
		t.Errorf("page fetched %d times", n)
	}
	// A restart knows what it knew.
	p = d.open(source("presse", s))
	r = d.fetch(p, "presse")
	if !r.Conditional || r.Status != 304 || len(d.log.list) != 2 {
		t.Errorf("after restart: %+v", r)
	}
}

func warcLoc(a schemas.Article) warc.Loc { return warc.Loc{File: a.Raw.File, Offset: a.Raw.Offset} }
