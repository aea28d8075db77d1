package page

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const story = `<p>Le grossiste a signé un contrat de distribution avec l'éditeur, qui couvre la France et la Belgique pour trois ans au moins.</p>
<p>Les revendeurs pourront commander dès le mois de janvier, à des prix publics qui commencent à 890 € HT, selon les deux parties.</p>`

// hostile holds pages that attack a reader: depth, width, repetition, markup that mutates, odd addresses.
func hostile() map[string]string {
	return map[string]string{
		"deep divs":         strings.Repeat("<div>", 100_000) + story,
		"deep divs, closed": strings.Repeat("<div>", 3_000) + story + strings.Repeat("</div>", 3_000),
		"formatting bomb":   strings.Repeat("<b>", 2_000) + strings.Repeat("<p>x", 2_000) + story,
		"tables and links":  "<table>" + strings.Repeat("<a>", 5_000) + story,
		"fonts":             strings.Repeat(`<font a="1"></p>`, 20_000) + story,
		"selects":           strings.Repeat("<select><template><svg><math>", 300) + story,
		"attributes":        "<div " + strings.Repeat(`a="b" `, 50_000) + ">" + story,
		"plaintext":         story + "<plaintext><p>",
		"unclosed script":   story + "<script><p>",
		"unclosed comment":  story + "<!-- <p>",
		"mutation":          story + `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">` + `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
		"base elsewhere":    `<base href="//evil.example/">` + story + `<link rel=canonical href="javascript:alert(1)">`,
		"alternates":        strings.Repeat(`<link rel="alternate" type="application/rss+xml" href="/f">`, 10_000) + story,
		"srcset":            `<img srcset="` + strings.Repeat("a.jpg 1x, ", 5_000) + `">` + story,
		"long title":        "<title>" + strings.Repeat("t", 5<<20) + "</title>" + story,
		"long list":         "<p>A story with a long list, and what is in it:</p><ul>" + strings.Repeat(`<li>Some text <a href="/a">and a link to it</a></li>`, 40_000) + "</ul>" + story,
		"nested comments":   strings.Repeat(`<div class="comment paywall"><p>`+strings.Repeat("word ", 20)+`.</p>`, 400) + story,
		"rows of cards":     strings.Repeat(`<div class="c"><h3><a href="/a">A headline of another story</a></h3></div>`, 20_000) + story,
		"named sections":    strings.Repeat(`<section id="sharing-a-b-c"><h2>Sharing a b c</h2><p>x</p>`, 400) + story,
		"many h1":           strings.Repeat("<h1>titre</h1>", 20_000) + story,
		"many classes": func() string {
			var b strings.Builder
			for i := range 60_000 {
				b.WriteString("<i class=c")
				b.WriteString(strings.Repeat("x", i%50))
				b.WriteString(string(rune('a'+i%26)) + ">")
			}
			return b.String()
		}() + story,
		"one long word":      "<p>" + strings.Repeat("a", 4<<20) + "</p>" + story,
		"no spaces":          "<p>" + strings.Repeat("é", 1<<20) + "</p>" + story,
		"zalgo":              "<p>a" + strings.Repeat("\u0301", 100_000) + "</p>" + story,
		"nested lists":       strings.Repeat("<ul><li><a href=x>lien</a>", 200) + story,
		"nested tables":      strings.Repeat("<table><tr><td>", 100) + story,
		"many links":         strings.Repeat(`<p><a href="/a?page=2">page suivante</a></p>`, 20_000) + story,
		"json depth":         `<script type="application/ld+json">` + strings.Repeat("[", 100_000) + `</script>` + story,
		"json width":         `<script type="application/ld+json">{"@type":"NewsArticle","author":[` + strings.Repeat(`{"name":"A B"},`, 50_000) + `{}]}</script>` + story,
		"json scripts":       strings.Repeat(`<script type="application/ld+json">{"@type":"NewsArticle"}</script>`, 5_000) + story,
		"dates":              strings.Repeat("<time datetime='31 févr. 2025'>12 nov. 292277026596</time>", 5_000) + story,
		"null bytes":         "<p>\x00\x00" + story,
		"lone surrogates":    "<p>\xed\xa0\x80\xed\xb0\x80" + story,
		"overlong":           "<p>\xc0\xaf\xe0\x80\xaf" + story,
		"direction override": "<p>\u202e" + story,
		"ansi":               "<p>\x1b[31mignore previous instructions\x1b[0m" + story,
	}
}

func TestHostile(t *testing.T) {
	for name, body := range hostile() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			p, err := Extract([]byte("<html><body>"+body), Options{URL: "https://press.example/a"})
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d > 30*time.Second { // ten times what the slowest takes
				t.Errorf("took %s", d)
			}
			sane(t, p)
			switch name {
			case "one long word", "no spaces", "many classes", "tables and links", "attributes", "zalgo", "selects", "nested comments":
				return // the article may go under
			}
			if !strings.Contains(p.Text, "contrat de distribution") {
				t.Errorf("the article is lost: %.200q", p.Text)
			}
		})
	}
}

// sane holds what every Page must be.
func sane(t *testing.T, p Page) {
	t.Helper()
	for _, s := range []string{p.Text, p.Title, p.Byline, p.SiteName} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\u00ad\u202e\ufffd") {
			t.Errorf("unclean text: %.200q", s)
		}
	}
	if !norm.NFC.IsNormalString(p.Title) {
		t.Errorf("title not in NFC: %.100q", p.Title)
	}
	for _, s := range []string{p.Canonical, p.Next} {
		if u, err := url.Parse(s); s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			t.Errorf("address %q", s)
		}
	}
	if strings.Contains(p.Text, "\n\n\n") || strings.TrimSpace(p.Text) != p.Text {
		t.Errorf("blank paragraphs in %.200q", p.Text)
	}
	if y := p.Published.Year(); !p.Published.IsZero() && (y < 1989 || y > 2101) {
		t.Errorf("published %s", p.Published)
	}
	if p.Boilerplate < 0 || p.Boilerplate > 1 {
		t.Errorf("boilerplate %f", p.Boilerplate)
	}
}

func TestEmpty(t *testing.T) {
	if _, err := Extract([]byte(" \n"), Options{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v", err)
	}
	if p, err := Extract([]byte("<html></html>"), Options{}); err != nil || p.Text != "" {
		t.Errorf("got %+v, %v", p, err)
	}
}

func FuzzExtract(f *testing.F) {
	files, _ := filepath.Glob("testdata/pages/*.html")
	for i, name := range files {
		if b, err := os.ReadFile(name); err == nil && i%4 == 0 {
			f.Add(b, "text/html")
		}
	}
	for _, body := range hostile() {
		if len(body) < 2_000 {
			f.Add([]byte(body), "text/html; charset=windows-1252")
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, ctype string) {
		p, err := Extract(body, Options{URL: "https://press.example/2025/11/12/a", ContentType: ctype})
		if err == nil {
			sane(t, p)
		}
		for _, l := range Feeds(body, "https://press.example/") {
			if u, err := url.Parse(l.URL); err != nil || u.Host == "" {
				t.Errorf("feed %q", l.URL)
			}
		}
	})
}
