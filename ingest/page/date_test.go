package page

import (
	"strings"
	"testing"
	"time"
)

// TestDates reads the publication date where pages state it, one way each. The text around it has dates of its own.
func TestDates(t *testing.T) {
	const story = `<p>The distributor signed the contract with its second supplier on Monday, and gave no figure for it at all.</p>
<p>Its partner will sell the whole range, with support at weekends and a price list of its own, from the first day.</p><p>Resellers are waiting to see the discounts; one of them reckons that margins will slip by a few points.</p>`
	const histoire = `<p>Le grossiste a signé le contrat avec son second fournisseur, sans donner le moindre chiffre sur son montant.</p>
<p>Son partenaire vendra toute la gamme, avec un support le week-end et un barème à lui, dès le premier jour.</p><p>Les revendeurs attendent de voir les remises ; l'un d'eux calcule que les marges perdront quelques points.</p>`
	fr := func(head, above string) string {
		return `<html lang="fr"><head><title>Le titre de l'article</title>` + head + `</head><body><nav><a href="/">Accueil</a></nav><main><h1>Le titre de l'article</h1>` + above + histoire + `</main></body></html>`
	}
	en := func(head, above string) string {
		return `<html lang="en-GB"><head><title>The title of the story</title>` + head + `</head><body><nav><a href="/">Home</a></nav><main><h1>The title of the story</h1>` + above + story + `</main></body></html>`
	}
	for _, c := range []struct {
		name, page, url, want, from string
	}{
		// meta
		{"article:published_time", en(`<meta property="article:published_time" content="2025-03-04T05:06:07+01:00">`, ""), "", "2025-03-04", "meta"},
		{"og:published_time", en(`<meta property="og:published_time" content="2025-03-04">`, ""), "", "2025-03-04", "meta"},
		{"name in place of property", en(`<meta name="article:published_time" content="2025-03-04T05:06:07Z">`, ""), "", "2025-03-04", "meta"},
		{"DC.date.issued", fr(`<meta name="DC.date.issued" content="2025-03-04">`, ""), "", "2025-03-04", "meta"},
		{"dcterms.created", fr(`<meta name="dcterms.created" content="2025-03-04T10:00">`, ""), "", "2025-03-04", "meta"},
		{"itemprop", fr(`<meta itemprop="datePublished" content="2025-03-04">`, ""), "", "2025-03-04", "meta"},
		{"parsely", en(`<meta name="parsely-pub-date" content="2025-03-04T05:06:07Z">`, ""), "", "2025-03-04", "meta"},
		{"sailthru", en(`<meta name="sailthru.date" content="Tue, 04 Mar 2025 05:06:07 +0000">`, ""), "", "2025-03-04", "meta"},
		{"pubdate in eight digits", en(`<meta name="pubdate" content="20250304">`, ""), "", "2025-03-04", "meta"},
		{"citation_date", en(`<meta name="citation_date" content="2025/03/04">`, ""), "", "2025-03-04", "meta"},
		{"date in French figures", fr(`<meta name="date" content="04/03/2025">`, ""), "", "2025-03-04", "meta"},
		{"date in French words", fr(`<meta name="date" content="mardi 4 mars 2025 - 10:15">`, ""), "", "2025-03-04", "meta"},
		{"http-equiv", en(`<meta http-equiv="date" content="4 March 2025">`, ""), "", "2025-03-04", "meta"},
		{"published before modified", en(`<meta property="article:modified_time" content="2025-06-01T00:00:00Z"><meta property="article:published_time" content="2025-03-04T00:00:00Z">`, ""), "", "2025-03-04", "meta"},
		{"only modified", en(`<meta property="article:modified_time" content="2025-03-04T00:00:00Z">`, ""), "", "2025-03-04", "meta"},
		{"meta that says nothing", en(`<meta property="article:published_time" content="null"><meta name="date" content="2025-03-04">`, ""), "", "2025-03-04", "meta"},
		{"an epoch of zero", en(`<meta property="article:published_time" content="1970-01-01T00:00:00Z"><meta name="date" content="2025-03-04">`, ""), "", "2025-03-04", "meta"},
		// JSON-LD
		{"json-ld", fr(`<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2025-03-04T10:00:00+0100","dateModified":"2025-05-01"}</script>`, ""), "", "2025-03-04", "jsonld"},
		{"json-ld in a graph", fr(`<script type="application/ld+json">{"@graph":[{"@type":"WebSite"},{"@type":["Article","BlogPosting"],"datePublished":"2025-03-04"}]}</script>`, ""), "", "2025-03-04", "jsonld"},
		{"json-ld that is broken", en(`<script type="application/ld+json">{"@type":"NewsArticle","headline":"He said "no"","datePublished":"2025-03-04T10:00:00Z",}</script>`, ""), "", "2025-03-04", ""},
		{"json-ld in words", fr(`<script type="application/ld+json">{"@type":"Article","datePublished":"4 mars 2025"}</script>`, ""), "", "2025-03-04", "jsonld"},
		{"json-ld of a list beside it", en(`<script type="application/ld+json">{"@type":"ItemList","itemListElement":[{"@type":"NewsArticle","datePublished":"2024-01-01"}]}</script><meta property="article:published_time" content="2025-03-04">`, ""), "", "2025-03-04", "meta"},
		// elements
		{"time datetime", en("", `<time datetime="2025-03-04T05:06:07Z">4 March</time>`), "", "2025-03-04", "time"},
		{"time pubdate", en("", `<time datetime="2024-01-01">x</time><time pubdate datetime="2025-03-04">x</time>`), "", "2025-03-04", "time"},
		{"time in words", fr("", `<time>Publié le 4 mars 2025 à 10h15</time>`), "", "2025-03-04", "time"},
		{"time of an update beside", en("", `<time class="published" datetime="2025-03-04"></time> <time class="updated" datetime="2025-05-01"></time>`), "", "2025-03-04", "time"},
		{"abbr title", en("", `<abbr class="published" title="2025-03-04T05:06:07-0800">some days ago</abbr>`), "", "2025-03-04", "time"},
		{"data-utime", en("", `<span class="timestamp" data-utime="1741065600">x</span>`), "", "2025-03-04", "time"},
		{"title of a relative date", fr("", `<span class="date" title="4 mars 2025 10:15">il y a 3 jours</span>`), "", "2025-03-04", "time"},
		{"data-datetime", en("", `<span class="article-date" data-datetime="2025-03-04T05:06:07Z">2 hours ago</span>`), "", "2025-03-04", "time"},
		{"itemprop on a span", en("", `<span itemprop="datePublished" content="2025-03-04">x</span>`), "", "2025-03-04", "time"},
		{"relative-time", en("", `<relative-time datetime="2025-03-04T05:06:07Z">Mar 4</relative-time>`), "", "2025-03-04", "time"},
		// words
		{"entry-date", en("", `<span class="entry-date">March 4th, 2025</span>`), "", "2025-03-04", "text"},
		{"byline", en("", `<p>By Ann Lee, 4 March 2025</p>`), "", "2025-03-04", "text"},
		{"French line", fr("", `<p>Par Jeanne Moreau, publié le mardi 4 mars 2025 à 10 h 15, mis à jour le 9 avril 2025</p>`), "", "2025-03-04", "text"},
		{"French update alone before", fr("", `<p class="maj">Mis à jour le 9 avril 2025</p><p class="pub">Publié le 4 mars 2025</p>`), "", "2025-03-04", "text"},
		{"1er", fr("", `<p class="date">le 1er mars 2025</p>`), "", "2025-03-01", "text"},
		{"French figures", fr("", `<p class="date">04/03/2025</p>`), "", "2025-03-04", "text"},
		{"British figures", en("", `<p class="date">04/03/2025</p>`), "", "2025-03-04", "text"},
		{"American figures", strings.Replace(en("", `<p class="date">03/04/2025</p>`), "en-GB", "en-US", 1), "", "2025-03-04", "text"},
		{"figures that can mean one thing only", strings.Replace(en("", `<p class="date">13/04/2025</p>`), "en-GB", "en-US", 1), "", "2025-04-13", "text"},
		{"dots", fr("", `<div class="infos">4.3.2025 | Réseaux</div>`), "", "2025-03-04", "text"},
		{"two figures of a year", fr("", `<p class="date">04/03/25</p>`), "", "2025-03-04", "text"},
		{"abbreviated", fr("", `<p>Le 4 févr. 2025 par la rédaction</p>`), "", "2025-02-04", "text"},
		{"dateline of a release", fr("", `<p>PARIS, le 4 mars 2025 – Le grossiste annonce la signature d'un contrat de distribution pour la France et le Maghreb.</p>`), "", "2025-03-04", "text"},
		{"dateline in English", en("", `<p>LONDON, March 4, 2025 /Newsline/ -- The distributor today announced a contract for the Nordics and the Baltics.</p>`), "", "2025-03-04", "text"},
		{"above the title", `<html lang="fr"><title>Le titre de l'article</title><body><div class="col"><span>4 mars 2025</span><h1>Le titre de l'article</h1>` + histoire + `</div></body></html>`, "", "2025-03-04", "text"},
		{"below the text", fr("", "") + `<p class="publi">Article publié le 4 mars 2025.</p>`, "", "2025-03-04", "text"},
		// address
		{"address", en("", ""), "https://press.example/2025/03/04/deal", "2025-03-04", "url"},
		{"address with hyphens", en("", ""), "https://press.example/news/2025-03-04-deal.html", "2025-03-04", "url"},
		{"address in one", en("", ""), "https://press.example/news/20250304_deal.html", "2025-03-04", "url"},
		{"address with a month's name", en("", ""), "https://press.example/news/2025/mar/04/deal", "2025-03-04", "url"},
		{"the canonical address", en(`<link rel="canonical" href="https://press.example/2025/03/04/deal">`, ""), "https://press.example/?p=12", "2025-03-04", "url"},
		// scripts
		{"data layer", en(`<script>dataLayer=[{"publishedAt":"2025-03-04T05:06:07Z","userId":"20240101"}]</script>`, ""), "", "2025-03-04", "meta"},
		{"data layer in French", fr(`<script>var s={'datePublication':'2025-03-04'}</script>`, ""), "", "2025-03-04", "meta"},
		// traps
		{"side column", fr("", `<p class="infos">Par Jeanne Moreau le 4 mars 2025</p>`) + `<aside><ul><li><span class="date">9 avril 2025</span> <a href="/a">Une autre histoire</a></li><li><span class="date">8 avril 2025</span> <a href="/b">Encore une autre</a></li></ul></aside>`, "", "2025-03-04", "text"},
		{"today's date in the header", `<html lang="fr"><title>Le titre de l'article</title><body><header><p class="date">samedi 21 juin 2025</p></header><main><h1>Le titre de l'article</h1><p>Publié le 4 mars 2025</p>` + histoire + `</main></body></html>`, "", "2025-03-04", "text"},
		{"copyright", fr("", "") + `<footer>© 2012-2026 La Presse</footer>`, "", "", ""},
		{"a price is no date", fr("", `<p>Le prix passe à 12.11.25 selon la version 3.5.2019 du barème, dit-on.</p>`), "", "", ""},
		{"comments", fr("", `<time datetime="2025-03-04">x</time>`) + `<div class="comments"><div class="comment"><time class="comment-date" datetime="2025-06-01">x</time></div><div class="comment"><time class="comment-date" datetime="2025-06-02">x</time></div></div>`, "", "2025-03-04", "time"},
		{"related stories with times", en("", `<p class="byline">Ann Lee | 4 March 2025</p>`) + `<section class="related"><article><time datetime="2025-06-01">x</time><h3><a href="/a">Another story of the day</a></h3></article><article><time datetime="2025-06-02">x</time><h3><a href="/b">One more story of the day</a></h3></article><article><time datetime="2025-06-03">x</time><h3><a href="/c">The last story of the day</a></h3></article><article><time datetime="2025-06-03">x</time><h3><a href="/d">But this one is the last</a></h3></article></section>`, "", "2025-03-04", "text"},
		{"an event in the text", fr("", `<p>Le salon se tiendra le 4 mars 2025 à Paris, porte de Versailles, et réunira comme chaque année les grossistes.</p>`), "", "", ""},
	} {
		if c.url == "" {
			c.url = "https://press.example/a/deal"
		}
		p, err := Extract([]byte(c.page), Options{URL: c.url, Zone: time.UTC})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := ""
		if !p.Published.IsZero() {
			got = p.Published.Format(time.DateOnly)
		}
		if got != c.want || c.from != "" && p.PublishedFrom != c.from {
			t.Errorf("%s: %q from %q, want %q from %q", c.name, got, p.PublishedFrom, c.want, c.from)
		}
	}
}
