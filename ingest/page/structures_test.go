package page

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStructures reads the annotated pages of testdata/pages: one structure each, modelled on what news systems and French
// and English trade sites serve, with invented texts. The figures may only rise.
func TestStructures(t *testing.T) {
	files, err := filepath.Glob("testdata/pages/*.html")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	s := newScore()
	for _, name := range files {
		p, w := readStructure(t, name)
		f := s.add(p, w)
		if f < 0.97 {
			t.Logf("%s (%s): body F1 %.3f\n%s", filepath.Base(name), p.How, f, cmp.Diff(w.Text, p.Text))
		}
		if p.Lang != w.Lang {
			t.Errorf("%s: lang %q, want %q", filepath.Base(name), p.Lang, w.Lang)
		}
		if p.Next != w.Next {
			t.Errorf("%s: next %q, want %q", filepath.Base(name), p.Next, w.Next)
		}
		if w.From != "" && p.PublishedFrom != w.From {
			t.Errorf("%s: date from %q, want %q", filepath.Base(name), p.PublishedFrom, w.From)
		}
	}
	for _, l := range s.misses {
		t.Log(l)
	}
	t.Log(s)
	s.floor(t, 0.997, 1, 1, 1, 1)
}

func readStructure(t testing.TB, name string) (Page, want) {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(strings.TrimSuffix(name, ".html") + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var w want
	if err := json.Unmarshal(raw, &w); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p, err := Extract(src, Options{URL: w.URL, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return p, w
}
