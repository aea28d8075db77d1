package feed

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// The matrix: one document per oddity, each named for it. Columns that are empty are not looked at.
type row struct {
	name, doc          string
	ctype              string
	format             string
	feedTitle, siteURL string
	n                  int // items; -1 = not looked at
	title, link, id    string
	published          string // RFC 3339
	author             string
	summary            string // substring
	body               string // substring
	recovered          string // substring of one note
	err                error
}

func rssDoc(items string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Réseaux</title><link>https://press.example/</link>` + items + `</channel></rss>`
}

func atomDoc(entries string) string {
	return `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Cloud</title><link href="https://press.example/"/><id>urn:f</id>` + entries + `</feed>`
}

func latin(s string) string { out, _ := charmap.Windows1252.NewEncoder().String(s); return out }

func utf16Bytes(s string, order binary.AppendByteOrder, bom bool) string {
	var b []byte
	if bom {
		b = order.AppendUint16(b, 0xFEFF)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func utf32Bytes(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, r := range s {
		b = order.AppendUint32(b, uint32(r))
	}
	return string(b)
}

// laughs declares entities each of which names the one before ten times.
func laughs(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, `<!ENTITY e%d "%s">`, i, strings.Repeat(fmt.Sprintf("&e%d;", i-1), 10))
	}
	return b.String()
}

const itemEte = `<item><title>Été à Nîmes</title><link>https://press.example/a</link></item>`

func matrix() []row {
	noDecl := func(s string) string { return strings.Replace(s, ` encoding="UTF-8"`, "", 1) }
	declared := func(s, enc string) string { return strings.Replace(s, "UTF-8", enc, 1) }
	jp, _ := japanese.ISO2022JP.NewEncoder().String(strings.Replace(declared(rssDoc(`<item><title>日本</title></item>`), "iso-2022-jp"), "é", "e", 1))
	ebcdic, _ := charmap.CodePage037.NewEncoder().String(declared(rssDoc(itemEte), "cp037"))
	return []row{
		// formats
		{name: "rss 2.0", doc: rssDoc(itemEte), format: "rss", feedTitle: "Réseaux", siteURL: "https://press.example/", n: 1, title: "Été à Nîmes", link: "https://press.example/a"},
		{name: "rss 0.91 with its doctype", doc: `<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel><title>T</title><item><title>A</title></item></channel></rss>`, format: "rss", n: 1, title: "A"},
		{name: "rss 0.90", doc: `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://channel.netscape.com/rdf/simple/0.9/"><channel><title>T</title></channel><item><title>A</title><link>http://x.example/a</link></item></rdf:RDF>`, format: "rdf", feedTitle: "T", n: 1, title: "A", link: "http://x.example/a"},
		{name: "rss 1.0", doc: `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://x.example/"><title>T</title><link>http://x.example/</link><items><rdf:Seq><rdf:li resource="http://x.example/a"/></rdf:Seq></items></channel><item rdf:about="http://x.example/a"><title>A</title><dc:date>2025-11-12T10:00:00+01:00</dc:date><dc:creator>Jeanne Moreau</dc:creator></item></rdf:RDF>`, format: "rdf", n: 1, title: "A", link: "http://x.example/a", id: "http://x.example/a", published: "2025-11-12T09:00:00Z", author: "Jeanne Moreau"},
		{name: "rss 1.1", doc: `<Channel xmlns="http://purl.org/net/rss1.1#" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about="http://x.example/f"><title>T</title><link>http://x.example/</link><description>d</description><items rdf:parseType="Collection"><item rdf:about="http://x.example/a"><title>A</title><link>http://x.example/a</link></item></items></Channel>`, format: "rdf", feedTitle: "T", n: 1, title: "A", link: "http://x.example/a"},
		{name: "atom 1.0", doc: atomDoc(`<entry><title>A</title><id>urn:a</id><link href="https://press.example/a"/><published>2025-11-12T10:00:00Z</published><author><name>Ann Lee</name></author><summary>S</summary></entry>`), format: "atom", siteURL: "https://press.example/", n: 1, title: "A", id: "urn:a", link: "https://press.example/a", author: "Ann Lee", published: "2025-11-12T10:00:00Z", summary: "S"},
		{name: "atom 0.3", doc: `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>T</title><entry><title mode="escaped" type="text/html">A &lt;b&gt;b&lt;/b&gt;</title><issued>2025-11-12T10:00:00Z</issued><link rel="alternate" type="text/html" href="http://x.example/a"/></entry></feed>`, format: "atom", n: 1, title: "A b", link: "http://x.example/a", published: "2025-11-12T10:00:00Z"},
		{name: "atom entry document", doc: `<entry xmlns="http://www.w3.org/2005/Atom"><title>Alone</title><id>urn:a</id><updated>2025-11-12T10:00:00Z</updated></entry>`, format: "atom", n: 1, title: "Alone", published: "2025-11-12T10:00:00Z"},
		{name: "atom publishing service", doc: `<service xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"><workspace><atom:title>Main</atom:title><collection href="http://x.example/c"><atom:title>C</atom:title></collection></workspace></service>`, format: "app", n: 0},
		{name: "atom publishing categories", doc: `<app:categories xmlns:app="http://www.w3.org/2007/app" fixed="yes"/>`, format: "app", n: 0},
		{name: "cdf", doc: `<?xml version="1.0"?><CHANNEL HREF="http://x.example/" BASE="http://x.example/" LASTMOD="2025-11-12"><TITLE>T</TITLE><ABSTRACT>About</ABSTRACT><ITEM HREF="a.html" LASTMOD="2025-11-12T10:00"><TITLE>A</TITLE><ABSTRACT>First</ABSTRACT></ITEM></CHANNEL>`, format: "cdf", feedTitle: "T", siteURL: "http://x.example/", n: 1, title: "A", link: "http://x.example/a.html", published: "2025-11-12T10:00:00Z", summary: "First"},
		{name: "json feed 1.1", doc: `{"version":"https://jsonfeed.org/version/1.1","title":"T","home_page_url":"https://x.example/","language":"fr-FR","items":[{"id":7,"url":"/a","title":"A","content_text":"Le corps de l'article.","date_published":"2025-11-12T10:00:00+01:00","authors":[{"name":"Ann Lee"},{"name":"Bo Ek"}]}]}`, format: "json", n: 1, title: "A", id: "7", link: "https://x.example/a", author: "Ann Lee, Bo Ek", published: "2025-11-12T09:00:00Z", body: "Le corps"},
		{name: "bare channel", doc: `<channel><title>T</title><item><title>A</title></item></channel>`, format: "rss", n: 1, title: "A"},
		{name: "feed in a soap envelope", doc: `<soap:Envelope xmlns:soap="s"><soap:Body><rss version="2.0"><channel><title>T</title><item><title>A</title></item></channel></rss></soap:Body></soap:Envelope>`, format: "rss", n: 1, title: "A", recovered: "feed inside"},

		// charsets
		{name: "utf-8 with its mark", doc: "\ufeff" + rssDoc(itemEte), n: 1, title: "Été à Nîmes"},
		{name: "mark and blanks before the declaration", doc: "\ufeff \n" + rssDoc(itemEte), n: 1, title: "Été à Nîmes", recovered: "blanks before"},
		{name: "utf-16le with mark", doc: utf16Bytes(declared(rssDoc(itemEte), "utf-16"), binary.LittleEndian, true), n: 1, title: "Été à Nîmes"},
		{name: "utf-16be with mark", doc: utf16Bytes(declared(rssDoc(itemEte), "utf-16"), binary.BigEndian, true), n: 1, title: "Été à Nîmes"},
		{name: "utf-16le without mark", doc: utf16Bytes(rssDoc(itemEte), binary.LittleEndian, false), n: 1, title: "Été à Nîmes"},
		{name: "utf-16be without mark", doc: utf16Bytes(declared(rssDoc(itemEte), "utf-16be"), binary.BigEndian, false), n: 1, title: "Été à Nîmes"},
		{name: "utf-32le with mark", doc: utf32Bytes("\ufeff"+rssDoc(itemEte), binary.LittleEndian), n: 1, title: "Été à Nîmes"},
		{name: "utf-32be without mark", doc: utf32Bytes(rssDoc(itemEte), binary.BigEndian), n: 1, title: "Été à Nîmes"},
		{name: "utf-16 stated, bytes are utf-8", doc: declared(rssDoc(itemEte), "utf-16"), n: 1, title: "Été à Nîmes"},
		{name: "windows-1252 stated", doc: latin(declared(rssDoc(itemEte+`<item><title>L’offre à 5 €</title></item>`), "windows-1252")), n: 2, title: "Été à Nîmes"},
		{name: "iso-8859-1 stated, windows-1252 bytes", doc: latin(declared(rssDoc(`<item><title>L’offre à 5 €</title></item>`), "iso-8859-1")), n: 1, title: "L’offre à 5 €"},
		{name: "utf-8 stated, windows-1252 bytes", doc: latin(rssDoc(itemEte)), n: 1, title: "Été à Nîmes", recovered: "read as windows-1252"},
		{name: "nothing stated, windows-1252 bytes", doc: latin(noDecl(rssDoc(itemEte))), n: 1, title: "Été à Nîmes", recovered: "windows-1252"},
		{name: "iso-8859-1 stated, utf-8 bytes", doc: declared(rssDoc(itemEte), "iso-8859-1"), n: 1, title: "Été à Nîmes", recovered: "declared iso-8859-1, read as utf-8"},
		{name: "us-ascii stated, utf-8 bytes", doc: declared(rssDoc(itemEte), "us-ascii"), n: 1, title: "Été à Nîmes"},
		{name: "charset in the header only", doc: func() string {
			s, _ := charmap.KOI8R.NewEncoder().String(strings.Replace(noDecl(rssDoc(`<item><title>Привет</title></item>`)), "Réseaux", "Сети", 1))
			return s
		}(), ctype: "text/xml; charset=koi8-r", n: 1, title: "Привет"},
		{name: "header wrong, bytes are utf-8", doc: rssDoc(itemEte), ctype: `application/rss+xml; charset="iso-8859-15"`, n: 1, title: "Été à Nîmes"},
		{name: "bogus name", doc: latin(declared(rssDoc(itemEte), "x-unknown")), n: 1, title: "Été à Nîmes"},
		{name: "bogus name, utf-8 bytes", doc: declared(rssDoc(itemEte), "uft8"), n: 1, title: "Été à Nîmes"},
		{name: "iso-2022-jp", doc: jp, n: 1, title: "日本"},
		{name: "ebcdic", doc: ebcdic, n: 1, title: "Été à Nîmes"},
		{name: "macintosh", doc: func() string {
			s, _ := charmap.Macintosh.NewEncoder().String(declared(rssDoc(itemEte), "macintosh"))
			return s
		}(), n: 1, title: "Été à Nîmes"},
		{name: "cp850", doc: func() string {
			s, _ := charmap.CodePage850.NewEncoder().String(declared(rssDoc(itemEte), "cp850"))
			return s
		}(), n: 1, title: "Été à Nîmes"},
		{name: "one stray byte in utf-8", doc: strings.Replace(rssDoc(itemEte+itemEte+itemEte), "</link></item>", "\x92</link></item>", 1), n: 3, title: "Été à Nîmes"},
		{name: "cut within a character", doc: rssDoc(itemEte)[:strings.Index(rssDoc(itemEte), "î")+1], n: 1, title: "Été à N", recovered: "cut short"},

		// broken XML
		{name: "bare ampersand", doc: rssDoc(`<item><title>AT&T & Orange</title><link>https://x.example/?a=1&b=2&copy=3</link></item>`), n: 1, title: "AT&T & Orange", link: "https://x.example/?a=1&b=2&copy=3", recovered: "bare &"},
		{name: "stray less-than", doc: rssDoc(`<item><title>Coûts < 5 % et a <b</title></item>`), n: 1, title: "Coûts < 5 % et a <b", recovered: "stray <"},
		{name: "html entities", doc: rssDoc(`<item><title>&Eacute;t&eacute;&nbsp;: l&rsquo;offre &euro;</title></item>`), n: 1, title: "Été : l’offre €"},
		{name: "entities escaped twice", doc: rssDoc(`<item><title>L&amp;#8217;offre d&amp;eacute;marre</title></item>`), n: 1, title: "L’offre démarre"},
		{name: "windows-1252 references", doc: rssDoc(`<item><title>L&#146;offre &#x80;</title></item>`), n: 1, title: "L’offre €", recovered: "windows-1252 char"},
		{name: "control characters", doc: rssDoc("<item><title>A\x00B\x0bC\x1f&#11;D\uffff</title></item>"), n: 1, title: "ABCD", recovered: "forbids"},
		{name: "cut in a title", doc: rssDoc(itemEte + `<item><title>Deuxi`)[:len(rssDoc(itemEte+`<item><title>Deuxi`))-len(`</channel></rss>`)], n: 2, title: "Été à Nîmes", recovered: "cut short"},
		{name: "cut in a tag", doc: strings.TrimSuffix(rssDoc(itemEte+`<item><title>B</title><link hre`), `</channel></rss>`), n: 2, title: "Été à Nîmes", recovered: "cut short"},
		{name: "cut in CDATA", doc: strings.TrimSuffix(rssDoc(itemEte+`<item><description><![CDATA[Texte`), `</channel></rss>`), n: 2, title: "Été à Nîmes", recovered: "CDATA"},
		{name: "cut in a comment", doc: strings.TrimSuffix(rssDoc(itemEte+`<!-- fin`), `</channel></rss>`), n: 1, title: "Été à Nîmes"},
		{name: "unclosed title", doc: rssDoc(`<item><title>A<link>https://x.example/a</link></item>`), n: 1, title: "A", link: "https://x.example/a", recovered: "unclosed <title>"},
		{name: "misspelt end tag", doc: rssDoc(`<item><title>A</titel><link>https://x.example/a</link></item>`), n: 1, title: "A", link: "https://x.example/a"},
		{name: "items never closed", doc: rssDoc(`<item><title>A</title><item><title>B</title>`), n: 2, title: "A", recovered: "unclosed <item>"},
		{name: "stray end tags", doc: rssDoc(`</foo><item></bar><title>A</title></item></item>`), n: 1, title: "A", recovered: "stray </"},
		{name: "crossed tags", doc: rssDoc(`<item><title>A</title><description><b><i>x</b></i></description></item>`), n: 1, title: "A", summary: "x"},
		{name: "junk before", doc: "HTTP/1.1 200 OK\r\n\r\n" + rssDoc(itemEte), n: 1, title: "Été à Nîmes", recovered: "text before"},
		{name: "junk after", doc: rssDoc(itemEte) + `<script>x</script>`, n: 1, title: "Été à Nîmes", recovered: "after the end"},
		{name: "comment after", doc: rssDoc(itemEte) + "<!-- made in 0.2 s -->", n: 1, title: "Été à Nîmes"},
		{name: "two roots", doc: rssDoc(itemEte) + rssDoc(itemEte), n: 1, title: "Été à Nîmes"},
		{name: "attribute without quotes", doc: `<rss version=2.0><channel><item><guid isPermaLink=false>g1</guid><title>A</title></item></channel></rss>`, n: 1, title: "A", id: "g1", link: ""},
		{name: "quote never closed", doc: `<rss version="2.0><channel><item><title>A</title></item></channel></rss>`, n: 1, title: "A"},
		{name: "undeclared prefixes", doc: `<rss><channel><item><title>A</title><dc:creator>Ann Lee</dc:creator><dc:date>2025-11-12</dc:date><content:encoded>&lt;p&gt;Corps&lt;/p&gt;</content:encoded></item></channel></rss>`, n: 1, title: "A", author: "Ann Lee", published: "2025-11-12T00:00:00Z", body: "<p>Corps</p>"},
		{name: "odd prefixes", doc: `<rss xmlns:x="http://purl.org/dc/elements/1.1/" xmlns:y="http://purl.org/rss/1.0/modules/content/"><channel><item><title>A</title><x:creator>Ann Lee</x:creator><y:encoded>Corps entier</y:encoded></item></channel></rss>`, n: 1, title: "A", author: "Ann Lee", body: "Corps entier"},
		{name: "bogus default namespace", doc: `<rss xmlns="http://nowhere.example/ns"><channel><title>T</title><item><title>A</title></item></channel></rss>`, n: 1, feedTitle: "T", title: "A"},
		{name: "unescaped html in a description", doc: rssDoc(`<item><title>A</title><description><p>Un<br>deux & <a href="/x">trois</a></p></description><pubDate>2025-11-12</pubDate></item>`), n: 1, title: "A", summary: "Un\ndeux & trois", published: "2025-11-12T00:00:00Z"},
		{name: "upper case", doc: `<RSS VERSION="2.0"><CHANNEL><TITLE>T</TITLE><ITEM><TITLE>A</TITLE><PUBDATE>2025-11-12</PUBDATE></ITEM></CHANNEL></RSS>`, n: 1, feedTitle: "T", title: "A", published: "2025-11-12T00:00:00Z"},
		{name: "image and textinput have titles too", doc: rssDoc(`<image><title>Logo</title><link>https://x.example/logo</link></image><textInput><title>Chercher</title></textInput>` + itemEte), feedTitle: "Réseaux", siteURL: "https://press.example/", n: 1, title: "Été à Nîmes"},
		{name: "an entity spoken of in a text", doc: rssDoc(`<item><title>XXE</title><description><![CDATA[<!ENTITY x SYSTEM "y"> explained]]></description></item>`), n: 1, title: "XXE"},

		// dates
		{name: "French short date", doc: rssDoc(`<item><title>A</title><pubDate>mar., 12 nov. 2025 10:15:00 +0100</pubDate></item>`), n: 1, published: "2025-11-12T09:15:00Z"},
		{name: "French day, English month", doc: rssDoc(`<item><title>A</title><pubDate>Mer, 12 Nov 2025 10:15:00 +0100</pubDate></item>`), n: 1, published: "2025-11-12T09:15:00Z"},
		{name: "CEST", doc: rssDoc(`<item><title>A</title><pubDate>Sat, 12 Jul 2025 10:15:00 CEST</pubDate></item>`), n: 1, published: "2025-07-12T08:15:00Z"},
		{name: "day first", doc: rssDoc(`<item><title>A</title><pubDate>12/11/2025 10:00</pubDate></item>`), n: 1, published: "2025-11-12T10:00:00Z"},
		{name: "month first, shown by another item", doc: rssDoc(`<item><title>A</title><pubDate>11/12/2025</pubDate></item><item><title>B</title><pubDate>11/25/2025</pubDate></item>`), n: 2, published: "2025-11-12T00:00:00Z"},
		{name: "zone of a French feed", doc: rssDoc(`<language>fr-FR</language><item><title>A</title><pubDate>2025-07-12 10:00:00</pubDate></item>`), n: 1, published: "2025-07-12T08:00:00Z"},
		{name: "Unix time", doc: rssDoc(`<item><title>A</title><pubDate>1762942500</pubDate></item>`), n: 1, published: "2025-11-12T10:15:00Z"},
		{name: "dcterms", doc: rssDoc(`<item xmlns:t="http://purl.org/dc/terms/"><title>A</title><t:issued>2025-11-12T10:15:00Z</t:issued></item>`), n: 1, published: "2025-11-12T10:15:00Z"},
		{name: "only updated", doc: atomDoc(`<entry><title>A</title><updated>2025-11-12T10:15:00Z</updated></entry>`), n: 1, published: "2025-11-12T10:15:00Z"},
		{name: "nonsense date, then a good one", doc: rssDoc(`<item><title>A</title><pubDate>Mon, 32 Foo</pubDate><dc:date>2025-11-12</dc:date></item>`), n: 1, published: "2025-11-12T00:00:00Z"},

		// links and ids
		{name: "relative link", doc: rssDoc(`<item><title>A</title><link>/news/a</link></item>`), n: 1, link: "https://press.example/news/a"},
		{name: "relative everything", doc: `<rss><channel><link>/</link><item><title>A</title><link>a.html</link></item></channel></rss>`, n: 1, link: "https://feeds.example/a.html", siteURL: "https://feeds.example/"},
		{name: "xml:base", doc: `<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://b.example/x/"><entry xml:base="y/"><title>A</title><link href="a"/></entry></feed>`, n: 1, link: "https://b.example/x/y/a"},
		{name: "guid is the link", doc: rssDoc(`<item><title>A</title><guid>https://x.example/g</guid></item>`), n: 1, link: "https://x.example/g", id: "https://x.example/g"},
		{name: "guid is no link", doc: rssDoc(`<item><title>A</title><guid isPermaLink="false">https://x.example/g</guid></item>`), n: 1, link: "", id: "https://x.example/g"},
		{name: "link as in Atom", doc: rssDoc(`<item><title>A</title><link href="https://x.example/a"/></item>`), n: 1, link: "https://x.example/a"},
		{name: "atom:link in an item", doc: rssDoc(`<item><title>A</title><atom:link rel="alternate" href="https://x.example/a"/></item>`), n: 1, link: "https://x.example/a"},
		{name: "feedburner's original link", doc: rssDoc(`<item><title>A</title><link>https://feeds.feedburner.example/~r/1</link><feedburner:origLink>https://x.example/a</feedburner:origLink></item>`), n: 1, link: "https://x.example/a"},
		{name: "script link", doc: rssDoc(`<item><title>A</title><link>JaVaScRiPt:alert(1)</link><guid isPermaLink="false">1</guid></item>`), n: 1, link: "", id: "1"},
		{name: "link with blanks and lines", doc: rssDoc("<item><title>A</title><link>\n  https://x.example/a\n  </link></item>"), n: 1, link: "https://x.example/a"},
		{name: "credentials in a link", doc: rssDoc(`<item><title>A</title><link>https://u:p@x.example/a</link></item>`), n: 1, link: ""},
		{name: "links of many kinds", doc: atomDoc(`<entry><title>A</title><link rel="replies" href="https://x.example/r"/><link rel="alternate" type="application/json" href="https://x.example/j"/><link rel="alternate" type="text/html" href="https://x.example/h"/></entry>`), n: 1, link: "https://x.example/h"},

		// texts
		{name: "title in CDATA", doc: rssDoc(`<item><title><![CDATA[Prix < 5 € & plus]]></title></item>`), n: 1, title: "Prix < 5 € & plus"},
		{name: "title with markup", doc: rssDoc(`<item><title>Un &lt;b&gt;gros&lt;/b&gt; contrat</title></item>`), n: 1, title: "Un gros contrat"},
		{name: "title that is no markup", doc: rssDoc(`<item><title>Using List&lt;T&gt; well</title></item>`), n: 1, title: "Using List<T> well"},
		{name: "xhtml title", doc: atomDoc(`<entry><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Less <em>is</em> &lt; more</div></title></entry>`), n: 1, title: "Less is < more"},
		{name: "media:title only", doc: rssDoc(`<item xmlns:media="http://search.yahoo.com/mrss/"><media:group><media:title>Vidéo</media:title></media:group><link>https://x.example/v</link></item>`), n: 1, title: "Vidéo"},
		{name: "script in a summary", doc: rssDoc(`<item><title>A</title><description>&lt;script&gt;alert(1)&lt;/script&gt;&lt;p onclick="x"&gt;Sûr&lt;/p&gt;</description></item>`), n: 1, summary: "Sûr"},
		{name: "appeared first on", doc: rssDoc(`<item><title>A</title><description>&lt;p&gt;Chapeau&lt;/p&gt;&lt;p&gt;L’article &lt;a&gt;A&lt;/a&gt; est apparu en premier sur &lt;a&gt;X&lt;/a&gt;.&lt;/p&gt;</description></item>`), n: 1, summary: "Chapeau"},
		{name: "content in Atom", doc: atomDoc(`<entry><title>A</title><summary>Chapeau</summary><content type="html">&lt;p&gt;Le corps.&lt;/p&gt;</content></entry>`), n: 1, summary: "Chapeau", body: "<p>Le corps.</p>"},
		{name: "xhtml content", doc: atomDoc(`<entry><title>A</title><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b <a href="/l">l</a></p></div></content></entry>`), n: 1, body: `<p>a &lt; b <a href="/l">l</a></p>`},
		{name: "text content", doc: atomDoc(`<entry><title>A</title><content type="text">a &lt; b &amp; c</content></entry>`), n: 1, body: "a &lt; b &amp; c"},
		{name: "base64 content", doc: atomDoc(`<entry><title>A</title><content type="application/octet-stream" mode="base64">` + base64.StdEncoding.EncodeToString([]byte("<p>Décodé</p>")) + `</content></entry>`), n: 1, body: "Décodé"},
		{name: "xhtml:body", doc: rssDoc(`<item><title>A</title><body xmlns="http://www.w3.org/1999/xhtml"><p>Tout le corps</p></body></item>`), n: 1, body: "Tout le corps"},
		{name: "teaser is no body", doc: rssDoc(`<item><title>A</title><content:encoded>&lt;p&gt;Début [&amp;#8230;]&lt;/p&gt;</content:encoded></item>`), n: 1, body: "", summary: "Début"},
		{name: "author with address first", doc: rssDoc(`<item><title>A</title><author>ann@x.example (Ann Lee)</author></item>`), n: 1, author: "Ann Lee"},
		{name: "author with address last", doc: rssDoc(`<item><title>A</title><author>Ann Lee &lt;ann@x.example&gt;</author></item>`), n: 1, author: "Ann Lee"},
		{name: "two creators", doc: rssDoc(`<item><title>A</title><dc:creator>Ann Lee</dc:creator><dc:creator><![CDATA[Bo Ek]]></dc:creator></item>`), n: 1, author: "Ann Lee, Bo Ek"},
		{name: "author of the feed", doc: rssDoc(`<managingEditor>red@x.example (La rédaction)</managingEditor><item><title>A</title></item>`), n: 1, author: "La rédaction"},

		// JSON
		{name: "json: null items", doc: `{"version":"https://jsonfeed.org/version/1","title":"T","items":null}`, format: "json", n: 0},
		{name: "json: wrong types", doc: `{"version":1,"title":5,"author":"Ann","items":[3,null,{"id":{"a":1},"title":["x"],"url":"https://x.example/a","tags":"t","date_published":7}]}`, format: "json", n: 1, link: "https://x.example/a", id: "https://x.example/a", author: "Ann"},
		{name: "json: cut", doc: `{"version":"https://jsonfeed.org/version/1","items":[{"id":"1","title":"A"},{"id":"2","tit`, format: "json", n: 1, title: "A", recovered: "cut short"},
		{name: "json: raw line break and trailing comma", doc: "{\"items\":[{\"id\":\"1\",\"title\":\"A\nB\",},]}", n: 1, title: "A B", recovered: "trailing comma"},
		{name: "json: utf-16", doc: utf16Bytes(`{"items":[{"id":"1","title":"Été"}]}`, binary.LittleEndian, true), n: 1, title: "Été"},
		{name: "json: huge number", doc: `{"items":[{"id":1e400,"title":"A"}]}`, n: 1, title: "A"},
		{name: "json: null", doc: `null`, err: ErrNotFeed},
		{name: "json: list", doc: `[]`, err: ErrNotFeed},
		{name: "json: something else", doc: `{"error":"forbidden"}`, err: ErrNotFeed},
		{name: "json: deep", doc: `{"items":` + strings.Repeat("[", 20_000), err: ErrTooDeep},

		// refused
		{name: "empty", doc: "", err: ErrNotFeed},
		{name: "blank", doc: " \n\t", err: ErrNotFeed},
		{name: "text", doc: "Service Unavailable", err: ErrNotFeed},
		{name: "html", doc: "<!DOCTYPE html><html><body>Hi</body></html>", err: ErrNotFeed},
		{name: "html without doctype", doc: `<html><head><title>x</title></head></html>`, err: ErrNotFeed},
		{name: "opml", doc: `<opml version="2.0"><body><outline/></body></opml>`, err: ErrNotFeed},
		{name: "sitemap", doc: `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url/></urlset>`, err: ErrNotFeed},
		{name: "entities of its own", doc: `<?xml version="1.0"?><!DOCTYPE rss [<!-- don't > --><!ELEMENT rss (channel)><!ENTITY firm "Quillon &amp; Fils"><!ENTITY long '&firm; ]> (Rennes)'>]><rss version="2.0"><channel><title>&firm;</title><item><title>&long; &eacute;tend</title><link>http://x.example/&firm;</link></item></channel></rss>`, feedTitle: "Quillon & Fils", n: 1, title: "Quillon & Fils ]> (Rennes) étend", recovered: "entities declared"},
		{name: "an entity of its own wins over HTML's", doc: `<!DOCTYPE rss [<!ENTITY eacute "E">]><rss version="2.0"><channel><title>T</title><item><title>&eacute;t&eacute;</title></item></channel></rss>`, n: 1, title: "EtE"},
		{name: "HTML's entities from outside", doc: `<!DOCTYPE rdf:RDF [<!ENTITY % HTMLlat1 PUBLIC "-//W3C//ENTITIES Latin 1 for XHTML//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml-lat1.ent"> %HTMLlat1;]>` + rssDoc(`<item><title>&Eacute;t&eacute;</title></item>`), n: 1, title: "Été"},
		{name: "billion laughs", doc: `<!DOCTYPE rss [<!ENTITY e0 "ha">` + laughs(9) + `]><rss version="2.0"><channel><title>T</title><item><title>&e9;</title></item></channel></rss>`, err: ErrEntity},
		{name: "quadratic blow-up", doc: `<!DOCTYPE rss [<!ENTITY a "` + strings.Repeat("a", 4000) + `">]><rss version="2.0"><channel><title>T</title><item><title>` + strings.Repeat("&a;", 10_000) + `</title></item></channel></rss>`, err: ErrEntity},
		{name: "an entity that names itself", doc: `<!DOCTYPE rss [<!ENTITY a "x&b;"><!ENTITY b "y&a;">]><rss version="2.0"><channel><title>&a;</title></channel></rss>`, err: ErrEntity},
		{name: "laughs that nobody tells", doc: `<!DOCTYPE rss [<!ENTITY e0 "ha">` + laughs(9) + `]>` + rssDoc(itemEte), n: 1, title: "Été à Nîmes"},
		{name: "external entity", doc: `<?xml version="1.0"?><!DOCTYPE rss [ <!ENTITY x SYSTEM "file:///etc/passwd"> ]><rss><channel><title>&x;</title><item><title>A</title></item></channel></rss>`, feedTitle: "&x;", n: 1, title: "A"},
		{name: "parameter entity", doc: `<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://169.254.169.254/"> %p;]><rss version="2.0"><channel><title>T</title><item><title>A</title></item></channel></rss>`, n: 1, title: "A"},
		{name: "stack bomb", doc: `<rss version="2.0"><channel><item><b xmlns="u">` + strings.Repeat("<b>", 1_000_000), err: ErrTooDeep},
		{name: "stack bomb with prefix", doc: `<rss version="2.0"><channel><item>` + strings.Repeat("<a:b>", 1_000_000), err: ErrTooDeep},
		{name: "stack bomb in a text", doc: `<rss version="2.0"><channel><item><description>` + strings.Repeat("<b>", 1_000_000), err: ErrTooDeep},
		{name: "closed bomb", doc: `<rss version="2.0"><channel><item>` + strings.Repeat("<a></a>", 1_000_000) + `</item></channel></rss>`, err: ErrTooMany},
		{name: "attribute bomb", doc: `<rss version="2.0"><channel><item ` + strings.Repeat(`a="b" `, 100_000) + `>`, err: ErrTooMany},
		{name: "namespace bomb", doc: `<rss version="2.0" ` + func() string {
			var b strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&b, `xmlns:a%d="u%d" `, i, i)
			}
			return b.String()
		}() + `>`, err: ErrTooMany},
		{name: "item bomb", doc: `<rss version="2.0"><channel>` + strings.Repeat("<item/>", 1_000_000), format: "rss", n: 0, recovered: "more than 2000 items"},
		{name: "too large", doc: strings.Repeat(" ", MaxBytes+1), err: ErrTooLarge},
		{name: "one 8 MB text", doc: rssDoc("<item><title>A</title><description>" + strings.Repeat("x", MaxBytes-1000) + "</description></item>"), n: 1, title: "A"},
		{name: "one 8 MB attribute", doc: rssDoc(`<item><title a="` + strings.Repeat("x", MaxBytes-1000) + `">A</title></item>`), n: 1, title: "A"},
		{name: "8 MB name", doc: `<rss><channel><item><` + strings.Repeat("x", MaxBytes-1000) + `></item></channel></rss>`, n: 0},
		{name: "declarations that do not end", doc: `<rss><channel>` + strings.Repeat(`<!">`, 500_000), n: 0},
		{name: "instructions that do not end", doc: `<rss><channel>` + strings.Repeat(`<?a>`, 500_000), n: 0},
		{name: "prose behind a less-than sign", doc: rssDoc(`<item><title>A</title><description>Si a <b ` + strings.Repeat("mot ", 100) + `.</description></item>`), n: 1, summary: "a <b mot mot"},
		{name: "title of 5 MB", doc: rssDoc("<item><title>" + strings.Repeat("titre ", 900_000) + "</title><guid>" + strings.Repeat("g", 100_000) + "</guid></item>"), n: 1},
		{name: "comments without end", doc: `<rss><channel>` + strings.Repeat("<!-- ", 100_000), n: 0},
		{name: "quotes without end", doc: `<rss><channel>` + strings.Repeat(`<item a="`+"'", 60_000), n: -1},
		{name: "ampersands", doc: rssDoc(`<item><title>A</title><description>` + strings.Repeat("&", 2_000_000) + `</description></item>`), n: 1, title: "A"},
		{name: "less-thans", doc: rssDoc(`<item><title>A</title><description>` + strings.Repeat("<", 2_000_000) + `</description></item>`), n: 1, title: "A"},
	}
}

func TestMatrix(t *testing.T) {
	rows := matrix()
	t.Logf("%d documents", len(rows))
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			f, err := Parse([]byte(c.doc), c.ctype, "https://feeds.example/rss")
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %s", d)
			}
			if c.err != nil {
				if !errors.Is(err, c.err) {
					t.Fatalf("error %v, want %v", err, c.err)
				}
				return
			}
			if err != nil {
				if c.n < 0 {
					return
				}
				t.Fatal(err)
			}
			if c.n >= 0 && len(f.Items) != c.n {
				t.Fatalf("%d items, want %d (%q)", len(f.Items), c.n, f.Recovered)
			}
			check := func(what, got, want string) {
				t.Helper()
				if want != "" && got != want {
					t.Errorf("%s: got %q, want %q (%q)", what, got, want, f.Recovered)
				}
			}
			check("format", f.Format, c.format)
			check("feed title", f.Title, c.feedTitle)
			check("site", f.Link, c.siteURL)
			if c.recovered != "" && !strings.Contains(strings.Join(f.Recovered, "\n"), c.recovered) {
				t.Errorf("recovered: got %q, want %q", f.Recovered, c.recovered)
			}
			if len(f.Items) == 0 {
				return
			}
			it := f.Items[0]
			check("title", it.Title, c.title)
			check("id", it.ID, c.id)
			check("author", it.Author, c.author)
			if c.link != "" || strings.Contains(c.name, "link") && c.name != "links of many kinds" {
				if it.Link != c.link {
					t.Errorf("link: got %q, want %q", it.Link, c.link)
				}
			}
			if c.published != "" {
				check("published", it.Published.Time.Format(time.RFC3339), c.published)
			}
			if !strings.Contains(it.Summary, c.summary) {
				t.Errorf("summary: got %q, want %q", it.Summary, c.summary)
			}
			if !strings.Contains(it.Body, c.body) || it.HasBody != (it.Body != "") || c.name == "teaser is no body" && it.HasBody {
				t.Errorf("body: got %q, want %q", it.Body, c.body)
			}
		})
	}
}
