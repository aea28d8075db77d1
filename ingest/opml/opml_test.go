package opml

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/veille/schemas"
)

func parse(t testing.TB, s string) *Doc {
	t.Helper()
	d, err := Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t testing.TB, d *Doc) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const odd = `<?xml version="1.0" encoding="ISO-8859-1"?>
<opml version="1.0" xmlns:fl="urn:other" xmlns:veille="urn:veille:opml:1">
  <head><title>Ma veille</title><ownerName>Someone</ownerName><fl:thing a="1">x &amp; y</fl:thing></head>
  <body>
    <!-- first -->
    <outline text="Presse" veille:lang="fr" veille:kind="trade" fl:colour="red" custom="kept">
      <outline type="rss" text="Le Journal &quot;pro&quot;" xmlUrl="https://journal.example/rss?a=1&amp;b=2" htmlUrl="https://journal.example/" fl:stars="5" category="/a,/b"/>
      <outline text="Sous-dossier"><outline type="atom" title="Deux" text="deux" xmlUrl="https://deux.example/atom" veille:id="le-deux" veille:every="30m" veille:maxage="3d" veille:header="X-Key: a&#10;Accept-Language: fr" veille:country="be" veille:enabled="false"/></outline>
    </outline>
    <outline text="Note without feed" type="link" url="https://x.example/"/>
    <outline text="Le Journal &quot;pro&quot;" xmlUrl="https://journal.example/autre" language="fr-FR"/>
  </body>
</opml>`

func TestNothingIsLost(t *testing.T) {
	once := write(t, parse(t, odd))
	twice := write(t, parse(t, once))
	if once != twice {
		t.Errorf("written twice differs:\n%s\n%s", once, twice)
	}
	for _, want := range []string{`custom="kept"`, "red", `category="/a,/b"`, "Someone", "x &amp; y", "<!-- first -->", "https://journal.example/rss?a=1&amp;b=2", `xmlns:veille="urn:veille:opml:1"`, "Note without feed", "Sous-dossier"} {
		if !strings.Contains(once, want) {
			t.Errorf("%q is lost in\n%s", want, once)
		}
	}
	a, pa := parse(t, odd).Sources()
	b, pb := parse(t, once).Sources()
	if !reflect.DeepEqual(a, b) || len(pa)+len(pb) != 0 {
		t.Errorf("sources differ:\n%+v %v\n%+v %v", a, pa, b, pb)
	}
}

func TestSources(t *testing.T) {
	got, _ := parse(t, odd).Sources()
	want := []schemas.Source{
		{ID: "le-journal-pro", Name: `Le Journal "pro"`, Feed: "https://journal.example/rss?a=1&b=2", Site: "https://journal.example/", Lang: "fr", Kind: "trade", Folder: []string{"Presse"}, Quirks: []string{}},
		{ID: "le-deux", Name: "Deux", Feed: "https://deux.example/atom", Lang: "fr", Country: "BE", Kind: "trade", Folder: []string{"Presse", "Sous-dossier"}, Quirks: []string{}, Off: true, Every: 30 * time.Minute, MaxAge: 72 * time.Hour, Headers: map[string]string{"X-Key": "a", "Accept-Language": "fr"}},
		{ID: "le-journal-pro-2", Name: `Le Journal "pro"`, Feed: "https://journal.example/autre", Lang: "fr", Quirks: []string{}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	for _, c := range []struct{ xml, want string }{
		{`<outline text="A" xmlUrl="file:///etc/passwd"/>`, "is not http or https"},
		{`<outline text="A" xmlUrl="https://a.example/"/><outline text="B" xmlUrl="https://a.example/"/>`, "listed already, as a"},
		{`<outline text="A" veille:id="x" xmlUrl="https://a.example/"/><outline text="B" veille:id="x" xmlUrl="https://b.example/"/>`, "given twice"},
		{`<outline text="A" veille:every="soon" xmlUrl="https://a.example/"/>`, "not a time"},
	} {
		_, problems := parse(t, "<opml><body>"+c.xml+"</body></opml>").Sources()
		if len(problems) != 1 || !strings.Contains(problems[0], c.want) {
			t.Errorf("%s: problems %q, want one with %q", c.xml, problems, c.want)
		}
	}
}

func TestAddRemove(t *testing.T) {
	d := parse(t, odd)
	s := schemas.Source{ID: "neuf", Name: "Neuf", Feed: "https://neuf.example/rss", Site: "https://neuf.example", Lang: "fr", Country: "FR", Kind: "trade", Folder: []string{"Presse", "Nouveau"}, Quirks: []string{"summary"}, Every: time.Hour, Agent: "veille/1", Headers: map[string]string{"A": "b"}, Body: "div.x", Content: "page", Rights: "reserved", MaxAge: 24 * time.Hour}
	d.Add(s)
	d.Add(s) // the same once more changes nothing
	d = parse(t, write(t, d))
	list, problems := d.Sources()
	if len(list) != 4 || len(problems) != 0 {
		t.Fatalf("%d sources, %v", len(list), problems)
	}
	var got schemas.Source
	for _, x := range list {
		if x.ID == "neuf" {
			got = x
		}
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v\nwant %+v", got, s)
	}
	if !d.Remove("neuf") || d.Remove("neuf") || !d.Remove("le-journal-pro") {
		t.Error("remove")
	}
	if list, _ = d.Sources(); len(list) != 2 {
		t.Errorf("%d sources after removing", len(list))
	}
	if n := New("Liste", list); len(parse(t, write(t, n)).Root.Kids) != 2 {
		t.Error("new document")
	}
}

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		want error
	}{
		"empty":       {"", ErrNotOPML},
		"html":        {"<!doctype html><html><body>x</body></html>", ErrNotOPML},
		"rss":         {"<rss></rss>", ErrNotOPML},
		"text":        {"hello", ErrNotOPML},
		"deep":        {"<opml><body>" + strings.Repeat("<outline>", 1000), ErrTooLarge},
		"many":        {"<opml><body>" + strings.Repeat(`<outline xmlUrl="https://a.example/"/>`, MaxFeeds+1), ErrTooLarge},
		"many tags":   {"<opml><body>" + strings.Repeat(`<a/>`, 100_000), ErrTooLarge},
		"entities":    {`<!DOCTYPE o [<!ENTITY a "b">]><opml><body><outline text="&a;" xmlUrl="https://a.example/"/></body></opml>`, nil},
		"unclosed":    {`<opml><body><outline text="A" xmlUrl="https://a.example/">`, nil},
		"bad amp":     {`<opml><body><outline text="A & B" xmlUrl="https://a.example/?a=1&b=2"/></body></opml>`, nil},
		"two roots":   {`<opml><body/></opml><opml><body/></opml>`, nil},
		"with a mark": {"\xef\xbb\xbf \n<opml><body/></opml>", nil},
	} {
		_, err := Parse(strings.NewReader(c.doc))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestShippedList keeps the list that the program starts with in order.
func TestShippedList(t *testing.T) {
	b, err := os.ReadFile("../sources.opml")
	if err != nil {
		t.Fatal(err)
	}
	list, problems := parse(t, string(b)).Sources()
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	lang, on := map[string]int{}, 0
	for _, s := range list {
		if s.Lang != "fr" && s.Lang != "en" || len(s.Country) != 2 || s.Kind == "" || s.Site == "" {
			t.Errorf("incomplete: %+v", s)
		}
		if !s.Off {
			on++
			lang[s.Lang]++
		}
	}
	t.Log(fmt.Sprint(len(list), " sources, ", on, " on: ", lang))
	if on < 175 || lang["fr"] < 50 || lang["en"] < 120 {
		t.Errorf("%d sources on, by language %v", on, lang)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(odd)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(strings.NewReader(s))
		if err != nil {
			return
		}
		var b bytes.Buffer
		d.Write(&b)
		a, _ := d.Sources()
		again, err := Parse(&b)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if c, _ := again.Sources(); len(a) != len(c) {
			t.Fatalf("%d sources, %d after writing", len(a), len(c))
		}
	})
}
