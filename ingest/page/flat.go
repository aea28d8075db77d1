package page

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// flat reads a page whose tree cannot be built, as a stream of tags: paragraphs and headings by their own tags, meta from
// the head. It is the way out for pages nested deeper than the 512 open elements x/net/html allows.
func flat(src []byte, base *url.URL, opt Options) Page {
	m := &meta{named: map[string]string{}, url: base}
	var out []string
	var buf strings.Builder
	visible := 0
	skip := atom.Atom(0)
	inTitle, links, inA := false, 0, 0
	tag := atom.Atom(0)
	flush := func() {
		s := squeeze(buf.String())
		visible += len(s)
		if inTitle {
			m.title, inTitle = s, false
		} else if s != "" {
			if b := (&block{text: s, tag: tag, links: int32(links)}); tag == atom.H1 {
				m.h1 = append(m.h1, s)
			} else if b.prose() && !aside(s) && len(out) < maxBlocks {
				out = append(out, s)
			}
		}
		buf.Reset()
		links = 0
	}
	z := html.NewTokenizer(bytes.NewReader(src))
	for {
		tt := z.Next()
		if tt == html.ErrorToken {
			break
		}
		switch tt {
		case html.TextToken:
			if skip == 0 {
				text := html.UnescapeString(string(z.Raw()))
				buf.WriteString(text)
				if inA > 0 {
					links += len(text)
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			switch a {
			case atom.Meta, atom.Html:
				n := &html.Node{Type: html.ElementNode, DataAtom: a}
				for i := 0; more && i < 64; i++ {
					var k, v []byte
					k, v, more = z.TagAttr()
					n.Attr = append(n.Attr, html.Attribute{Key: string(k), Val: string(v)})
				}
				if a == atom.Meta {
					m.meta(n)
				} else {
					m.lang = strings.ToLower(attr(n, "lang"))
				}
			case atom.Title:
				flush()
				inTitle = m.title == ""
			case atom.Script, atom.Style, atom.Noscript, atom.Nav, atom.Aside, atom.Footer, atom.Iframe, atom.Select, atom.Textarea:
				if skip == 0 && tt == html.StartTagToken {
					flush()
					skip = a
				}
			case atom.A:
				inA++
			}
			if blockish(a) || a == atom.Br {
				flush()
				tag = a
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == skip {
				skip = 0
			}
			if a == atom.A && inA > 0 {
				inA--
			}
			if blockish(a) || a == atom.Title {
				flush()
				tag = 0
			}
		}
	}
	flush()
	p := m.page(opt)
	p.Title = shorten(p.Title, maxTitle)
	p.Text, p.How = strings.Join(out, "\n\n"), "own"
	m.visible(&p, &tree{}, nil, nil, opt)
	p.Lang = Language(p.Text, first(m.lang, opt.Hint.Lang))
	if visible > 0 {
		p.Boilerplate = max(0, 1-float64(len(p.Text))/float64(visible))
	}
	return p
}
