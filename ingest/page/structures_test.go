package page

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	readability "codeberg.org/readeck/go-readability"
	"github.com/google/go-cmp/cmp"
)

// TestStructures reads the annotated pages of testdata/pages: one structure each, modelled on what news systems and French
// and English trade sites serve, with invented texts. The figures may only rise. Readability reads the same pages beside us.
func TestStructures(t *testing.T) {
	files, err := filepath.Glob("testdata/pages/*.html")
	if err != nil || len(files) < 90 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	s := newScore()
	french, theirs, behind := 0, 0.0, 0
	for _, name := range files {
		p, w := readStructure(t, name)
		f := s.add(p, w)
		if f < 0.97 {
			t.Logf("%s (%s): body F1 %.3f\n%s", filepath.Base(name), p.How, f, cmp.Diff(w.Text, p.Text))
		}
		if w.Lang == "fr" {
			french++
		}
		r := readabilityF1(t, name, w)
		if theirs += r; r > f+0.005 {
			behind++
			t.Logf("%s: readability reads it better, %.3f against %.3f", filepath.Base(name), r, f)
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
	n := float64(len(files))
	t.Logf("%d of them French; readability's body F1 on the same pages %.4f, better than ours on %d", french, theirs/n, behind)
	if french < 40 || behind > 0 || s.f < theirs {
		t.Errorf("%d French pages, readability better on %d, %.4f against %.4f", french, behind, theirs/n, s.f/n)
	}
	s.floor(t, 0.999, 1, 1, 1, 1)
}

// readabilityF1 is the score of the library that stands behind ours, on the same page and by the same measure.
func readabilityF1(t *testing.T, name string, w want) float64 {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	a, err := readability.FromReader(bytes.NewReader(decode(src, "")), u)
	if err != nil || a.Node == nil {
		return 0
	}
	tree := plant(a.Node)
	all := make([]int32, len(tree.blocks))
	for i := range all {
		all[i] = int32(i)
	}
	_, _, f := shingleF1(tree.render(all), w.Text)
	return f
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
