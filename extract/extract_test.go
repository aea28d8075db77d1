package extract

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/veille/schemas"
)

var load = sync.OnceValues(New)

func newExtractor(t testing.TB) *Extractor {
	t.Helper()
	x, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func article(lang, date, title, text string) schemas.Article {
	at, err := time.Parse("2006-01-02", date)
	if err != nil {
		panic(err) // unreachable: dates of the tables are literals
	}
	return schemas.Article{ID: "a_test", Version: "v", Source: "test", Lang: lang, Title: title, Text: text, Published: at}
}

// told writes signals as "type status role=Name role=Name", sorted, an unknown party with a question mark.
func told(sgs []schemas.Signal) []string {
	var out []string
	for _, s := range sgs {
		var ps []string
		for _, p := range s.Parties {
			n := p.Name
			if !p.Known {
				n = "?" + n
			}
			if p.Role != "" {
				n = p.Role + "=" + n
			}
			ps = append(ps, n)
		}
		slices.Sort(ps)
		out = append(out, fmt.Sprintf("%s %s: %s", s.Type, s.Status, strings.Join(ps, ", ")))
	}
	slices.Sort(out)
	return out
}

func TestSeparateParties(t *testing.T) {
	x := newExtractor(t)
	a := article("en", "2017-09-26", "", "For the record, IBM sold its PC business to Lenovo in 2004.")
	got := x.Extract(a)
	if err := got.Validate(); err != nil {
		t.Fatal(err)
	}
	want := "acquisition background: acquirer=Lenovo, seller=IBM"
	if g := told(got.Signals); len(g) != 1 || g[0] != want {
		t.Errorf("got %q, want %q", g, want)
	}
}
