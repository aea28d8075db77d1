package page

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	readability "codeberg.org/readeck/go-readability"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

func TestFeeds(t *testing.T) {
	page := `<html><head><base href="/fr/"><link rel="alternate" type="application/rss+xml" title="Une" href="feed.xml">
<link rel="alternate" type="application/rss+xml" title="Site » Comments Feed" href="/comments/feed/">
<link rel="alternate" type="application/atom+xml" href="https://a.example/atom"><link rel="alternate" hreflang="en" href="/en/">
<link rel="alternate" type="application/json+oembed" href="/oembed"><link rel="ALTERNATE" type="application/feed+json" href="//b.example/f.json"></head>
<body><a href="/rss/news.xml">RSS</a> <a href="/rss/news.xml">encore</a> <a href="/about">x</a><a href="javascript:feed">y</a></body></html>`
	want := []Link{{"https://press.example/fr/feed.xml", "Une", "rss"}, {"https://a.example/atom", "", "atom"}, {"https://b.example/f.json", "", "json"}, {"https://press.example/rss/news.xml", "", ""}}
	if d := cmp.Diff(want, Feeds([]byte(page), "https://press.example/")); d != "" {
		t.Error(d)
	}
}

// The shipped rules compile, name their origin, and claim nothing that was not seen.
func TestShippedRules(t *testing.T) {
	r, err := ShippedRules()
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse("https://www.lemondeinformatique.fr/actualites/lire-x-1.html")
	if r.For(u) == nil {
		t.Error("a rule does not hold for www")
	}
	other, _ := url.Parse("https://notlemondeinformatique.fr/")
	if r.For(other) != nil {
		t.Error("a rule holds for another site")
	}
	for src, want := range map[string]string{
		"sites:\n  - hosts: [a.example]\n    bodies: [x]\n":                       "unknown field",
		"sites:\n  - hosts: [a.example]\n    body: [\"div[\"]\n":                  "a.example",
		"sites:\n  - hosts: [a.example]\n    body: [p]\n  - hosts: [a.example]\n": "stands twice",
	} {
		if _, err := ParseRules([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", src, err, want)
		}
	}
}

func TestRule(t *testing.T) {
	rules, err := ParseRules([]byte(`sites: [{hosts: [press.example], body: ["#texte"], strip: [".pub"], author: ["i.par"], date: [".quand"], title: ["b.titre"], verified: true}]`))
	if err != nil {
		t.Fatal(err)
	}
	para := "<p>" + strings.Repeat("Le grossiste a signé un contrat avec l'éditeur. ", 4) + "</p>"
	src := `<html lang="fr"><title>Autre</title><body><b class="titre">Le vrai titre</b><i class="par">Jeanne Moreau</i><span class="quand">12/11/2025 à 10h</span><div id="texte">` +
		para + `<p class="pub">` + strings.Repeat("Achetez nos serveurs, ils sont beaux et ils clignotent. ", 3) + `</p><p>Une seconde phrase, plus courte, mais du texte.</p></div>` + strings.Replace(para, "signé", "dénoncé", -1) + `</body></html>`
	p, err := Extract([]byte(src), Options{URL: "https://www.press.example/a", Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	if p.How != "rule" || p.Title != "Le vrai titre" || p.Byline != "Jeanne Moreau" || p.PublishedFrom != "rule" || p.Published.UTC().Format(time.RFC3339) != "2025-11-12T09:00:00Z" {
		t.Errorf("got %+v", p)
	}
	if strings.Contains(p.Text, "Achetez") || strings.Contains(p.Text, "dénoncé") || !strings.Contains(p.Text, "seconde phrase") {
		t.Errorf("text %q", p.Text)
	}
}

// A rule that nobody has seen at work gives way where it takes a part for the whole.
func TestStaleRule(t *testing.T) {
	rules, err := ParseRules([]byte(`sites: [{hosts: [press.example], body: ["div.chapo"]}]`))
	if err != nil {
		t.Fatal(err)
	}
	var paras strings.Builder
	for i := range 9 {
		fmt.Fprintf(&paras, "<p>Le grossiste numéro %d a signé un contrat avec l'éditeur, pour trois ans au moins et dans quatre pays.</p>", i)
	}
	src := `<html lang="fr"><title>Un contrat</title><body><main><h1>Un contrat</h1><div class="chapo"><p>` + strings.Repeat("Trois ans et quatre pays, dit le grossiste. ", 6) + `</p></div><div class="corps">` + paras.String() + `</div></main></body></html>`
	p, err := Extract([]byte(src), Options{URL: "https://press.example/a", Rules: rules})
	if err != nil || p.How != "own" || !strings.Contains(p.Text, "numéro 8") {
		t.Errorf("%v, %s: %.200s", err, p.How, p.Text)
	}
}

func TestMeta(t *testing.T) {
	body := "<p>" + strings.Repeat("Some words of an article that say something about a deal. ", 6) + "</p>"
	for _, c := range []struct {
		name, head string
		opt        Options
		check      func(Page) bool
	}{
		{"robots", `<meta name="robots" content="noindex, NOARCHIVE"><meta name="googlebot" content="nosnippet">`, Options{}, func(p Page) bool { return p.Robots == Robots{true, true, true} }},
		{"robots all", `<meta name="robots" content="max-snippet:-1, index">`, Options{}, func(p Page) bool { return p.Robots == Robots{} }},
		{"tdm", `<meta name="tdm-reservation" content="1"><meta name="tdm-policy" content="https://x.example/p">`, Options{}, func(p Page) bool { return p.TDM == TDM{true, "https://x.example/p"} }},
		{"canonical", `<link rel="canonical" href="/a?b=1">`, Options{}, func(p Page) bool { return p.Canonical == "https://press.example/a?b=1" }},
		{"canonical script", `<link rel="canonical" href="javascript:x">`, Options{}, func(p Page) bool { return p.Canonical == "" }},
		{"site off the title", `<title>A deal between two companies | The Site</title>`, Options{}, func(p Page) bool { return p.Title == "A deal between two companies" }},
		{"title with a dash of its own", `<meta property="og:site_name" content="The Site"><title>Dell - HPE: the price war goes on - The Site</title>`, Options{}, func(p Page) bool { return p.Title == "Dell - HPE: the price war goes on" }},
		{"author with role", `<meta name="author" content="By Ann Lee, Senior Editor">`, Options{}, func(p Page) bool { return p.Byline == "Ann Lee" }},
		{"two authors", `<meta name="author" content="Ann Lee and Bo Ek">`, Options{}, func(p Page) bool { return p.Byline == "Ann Lee, Bo Ek" }},
		{"author is an address", `<meta property="article:author" content="https://facebook.com/x">`, Options{Hint: Hint{Author: "Jo Ash"}}, func(p Page) bool { return p.Byline == "Jo Ash" }},
		{"feed's date", ``, Options{Hint: Hint{Published: time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC), Precision: "second"}}, func(p Page) bool { return p.PublishedFrom == "feed" && p.Precision == "second" }},
		{"json-ld over meta", `<meta name="date" content="2024-01-01"><script type="application/ld+json">{"@graph":[{"@type":"WebPage","datePublished":"2020-01-01"},{"@type":["NewsArticle"],"datePublished":"2025-03-04T05:06:07+01:00","dateModified":"2025-03-05","author":[{"name":"Ann Lee"},{"name":"Bo Ek"}]}]}</script>`, Options{}, func(p Page) bool {
			return p.PublishedFrom == "jsonld" && p.Published.Format(time.RFC3339) == "2025-03-04T05:06:07+01:00" && p.Byline == "Ann Lee, Bo Ek" && p.Updated.Day() == 5
		}},
		{"json-ld with raw line breaks", "<script type='application/ld+json'>/*<![CDATA[*/{\"@type\":\"Article\",\"datePublished\":\"2025-03-04\",\"description\":\"a\nb\"}/*]]>*/</script>", Options{}, func(p Page) bool { return p.PublishedFrom == "jsonld" && p.Precision == "day" }},
		{"zone of a French page", `<meta property="article:published_time" content="2025-07-12 10:00:00">`, Options{URL: "https://www.press.fr/a"}, func(p Page) bool { return p.Published.UTC().Hour() == 8 }},
		{"url date", ``, Options{URL: "https://press.example/2025/03/04/deal.html"}, func(p Page) bool { return p.PublishedFrom == "url" && p.Published.Day() == 4 }},
		{"url number is no date", ``, Options{URL: "https://press.example/news/20251/9912345678"}, func(p Page) bool { return p.Published.IsZero() }},
		{"subscribe button", `</head><header><a class="abo" href="/abo">S'abonner</a><p>Already a subscriber?</p></header>`, Options{}, func(p Page) bool { return !p.Paywalled }},
		{"stated as paid", `<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":"False"}</script>`, Options{}, func(p Page) bool { return p.Paywalled }},
		{"language", `<meta charset="utf-8">`, Options{}, func(p Page) bool { return p.Lang == "en" }},
	} {
		if c.opt.URL == "" {
			c.opt.URL = "https://press.example/x"
		}
		p, err := Extract([]byte("<html><head>"+c.head+"</head><body>"+body+"</body></html>"), c.opt)
		if err != nil || !c.check(p) {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
}

func TestSameArticle(t *testing.T) {
	for _, c := range []struct {
		from, href string
		ok         bool
	}{
		{"https://x.example/a", "?page=2", true}, {"https://x.example/a?page=2", "?page=3", true}, {"https://x.example/a", "/a/2", true}, {"https://x.example/a/", "page2.html", true},
		{"https://x.example/a/", "/a/page/2/", true}, {"https://x.example/a-1.html", "a-2.html", true}, {"https://x.example/a", "/b", false}, {"https://x.example/a", "?page=3", false},
		{"https://x.example/a?page=2", "?page=1", false}, {"https://x.example/a", "https://y.example/a/2", false}, {"https://x.example/a", "/", false}, {"https://x.example/news-2024", "/news-2025", false},
	} {
		base, _ := url.Parse(c.from)
		if got := sameArticle(base, c.href); (got != "") != c.ok {
			t.Errorf("%s -> %s: %q", c.from, c.href, got)
		}
	}
}

func testPages(b *testing.B) (pages [][]byte) {
	files, _ := filepath.Glob("testdata/pages/*.html")
	filler := bytes.Repeat([]byte(`<li class="menu__item menu__item--deep"><a href="/rubrique/sous-rubrique/page.html" title="Une page">Une page du site</a></li>`), 600)
	script := bytes.Repeat([]byte("window.dataLayer.push({event:'x'});\n"), 1500)
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		// pages of the size that sites serve: about 150 KB, of which the article is 2
		src = bytes.Replace(src, []byte("</body>"), append(append(append([]byte("<nav><ul>"), filler...), "</ul></nav><script>"...), append(script, "</script></body>"...)...), 1)
		pages = append(pages, src)
	}
	return pages
}

// The three benchmarks go over the same pages: parsing alone, our extractor, readability.
func BenchmarkParseAlone(b *testing.B) {
	pages := testPages(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		html.Parse(bytes.NewReader(pages[i%len(pages)]))
	}
}

func BenchmarkExtract(b *testing.B) {
	pages := testPages(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := Extract(pages[i%len(pages)], Options{URL: "https://press.example/a"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadability(b *testing.B) {
	pages := testPages(b)
	u, _ := url.Parse("https://press.example/a")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		readability.FromReader(bytes.NewReader(pages[i%len(pages)]), u)
	}
}

// Lines about the site, and honest sentences that begin with the same words.
func TestAside(t *testing.T) {
	for _, s := range []string{
		"Lire aussi : La pénurie de mémoire s'installe", "À lire : ce que gagnent les ingénieurs", "Photo : D.R.", "Crédit photo : Octet", "Image: Channel Wire", "Related: Four banks share one data centre",
		"Newsletter : recevez chaque mardi l'essentiel du canal.", "Tags : cloud, stockage", "Il vous reste 82 % de cet article à lire.", "Vos données personnelles sont traitées par l'éditeur.", "Publicité", "Loading…",
		"Copyright 2025 Channel Wire", "Tous droits réservés.", "Sign up for our weekly letter.", "Pour aller plus loin :", "Votre navigateur ne supporte pas la vidéo.", "Inscrivez-vous à notre lettre.", "© 2025",
		"Follow us on LinkedIn.", "This article originally appeared elsewhere.", "We use cookies to improve your visit.",
	} {
		if !aside(s) {
			t.Errorf("taken for text: %q", s)
		}
	}
	for _, s := range []string{
		"Image sensors remain scarce, the maker said.", "Photo labs are closing one after the other.", "Tags are read by every gate of the warehouse.", "Il vous reste trois mois pour migrer, prévient l'éditeur.",
		"À lire ces chiffres, le marché repart.", "Vos données sont-elles à l'abri chez un hébergeur américain ?", "Publicité en ligne et vente de licences font les deux tiers du chiffre d'affaires.",
		"Loading times fell by half after the move.", "Copyright law changes in May, and distributors have to follow.", "Pour aller plus loin, le grossiste ouvre une seconde agence à Metz.",
		"Related to each other: for example, a caching server and a web server", "Se connecter au réseau de l'hôpital exigeait jusqu'ici deux badges.", "Votre navigateur préféré n'y est pour rien.",
		"Log in to the console, choose the host, and wait until the light of the second disk has gone green again.", "The post was held by a former reseller.", "L'article 13 du règlement ne dit rien des revendeurs.",
	} {
		if aside(s) {
			t.Errorf("taken for an aside: %q", s)
		}
	}
}
