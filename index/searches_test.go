package index

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/schemas"
)

// What people type and what they find, in both languages: testdata/searches.json.
func TestSearches(t *testing.T) {
	body, err := os.ReadFile("testdata/searches.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Articles []struct {
			ID, Lang, Title, Text string
			Vendors               []string
		}
		Searches []struct {
			Q, Sort, Why string
			Finds        []string
			Ordered      bool
		}
	}
	if err := json.Unmarshal(body, &data); err != nil {
		t.Fatal(err)
	}
	ix := open(t, t.TempDir())
	var xs []schemas.Extraction
	for i, a := range data.Articles {
		x := extraction(i, a.Lang, a.Title, a.Text, a.Vendors...)
		x.Article.ID = a.ID
		xs = append(xs, x)
	}
	put(t, ix, xs...)
	if len(data.Searches) < 40 {
		t.Errorf("only %d searches", len(data.Searches))
	}
	for _, s := range data.Searches {
		got := find(t, ix, Request{View: Articles, Sort: s.Sort}, s.Q)
		if !s.Ordered {
			slices.Sort(got)
			slices.Sort(s.Finds)
		}
		if !slices.Equal(got, s.Finds) {
			t.Errorf("%s finds %v, want %v (%s)", s.Q, got, s.Finds, s.Why)
		}
	}
}

func TestAnalyze(t *testing.T) {
	terms := func(lang, text string) (out []string) {
		for _, tok := range Analyze(lang, text) {
			out = append(out, tok.Term)
		}
		return out
	}
	for _, tt := range []struct {
		lang, text string
		want       []string
	}{
		{"fr", "L’éditeur et l'offre", []string{"editeur", "offr"}},
		{"fr", "jusqu’aujourd’hui", []string{"aujourdhui"}},
		{"fr", "distribue distribuera distribuent distribué", []string{"distribu", "distribu", "distribu", "distribu"}},
		{"fr", "distribution distributeur distributrice", []string{"distribut", "distribut", "distribut"}},
		{"fr", "réseaux réseau", []string{"reseau", "reseau"}},
		{"fr", "régional régionale régionaux", []string{"region", "region", "region"}},
		{"fr", "annonce annoncé annoncer annoncent annoncera", []string{"annonc", "annonc", "annonc", "annonc", "annonc"}},
		{"fr", "rachat rachète racheteur", []string{"rach", "rach", "rach"}},
		{"fr", "maintenant maintenance", []string{"maintenant", "mainten"}},
		{"fr", "simulation simuler administratif administration", []string{"simul", "simul", "administr", "administr"}},
		{"fr", "français France francs", []string{"franc", "franc", "fran"}},
		{"en", "insurers insurance failure failed fined fine", []string{"insur", "insur", "fail", "fail", "fin", "fin"}},
		{"en", "rated rate fixed fix", []string{"rate", "rate", "fix", "fix"}},
		{"en", "announce announced announcing announces", []string{"announc", "announc", "announc", "announc"}},
		{"en", "company companies company's", []string{"compan", "compan", "compan"}},
		{"en", "ship shipped shipping", []string{"ship", "ship", "ship"}},
		{"en", "partner partners partnership partnerships", []string{"partner", "partner", "partner", "partner"}},
		{"en", "agree agreement agreed", []string{"agre", "agre", "agreed"}},
		{"und", "L’Éditeur à Œuvre", []string{"editeur", "a", "oeuvre"}},
		{"und", "dès", []string{"des"}},
		{"fr", "des dès", []string{"des"}},
		{"en", "AT&T R&D C++ C# S/4HANA", []string{"at&t", "r&d", "c++", "c#", "s4hana"}},
		{"en", "300,000 12.5 1\u202f500\u00a0000 v2.0", []string{"300000", "12", "5", "1500000", "v2", "0"}},
		{"fr", "e\u0301diteur co\u00adeur", []string{"editeur", "coeur"}},
		{"en", "", nil},
		{"en", "' ’ & + # / - \xff\xfe", nil},
	} {
		if d := cmp.Diff(tt.want, terms(tt.lang, tt.text)); d != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.lang, tt.text, d)
		}
	}
}

// A stem is the beginning of its word; the index relies on it.
func FuzzStem(f *testing.F) {
	for _, s := range []string{"régionaux", "distributrices", "shipping", "companies", "l’œuvre", "ẞtraße", "C++", "\xff", "aaaa", "eeed"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		scan(s, func(w word) {
			if w.start < last || w.end < w.start || w.end > len(s) {
				t.Errorf("%q: word at %d..%d after %d", s, w.start, w.end, last)
			}
			last = w.end
			for _, term := range []string{w.fr, w.en} {
				if len(term) > len(w.folded) || w.folded[:len(term)] != term {
					t.Errorf("stem %q does not begin %q", term, w.folded)
				}
			}
			if w.folded == "" || len(w.folded) > 4*maxTerm {
				t.Errorf("%q folds to %q", w.text, w.folded)
			}
			if again := formOf([]byte(w.text)); again.folded != w.folded || again.fr != w.fr || again.en != w.en {
				t.Errorf("%q: not the same twice", w.text)
			}
		})
	})
}
