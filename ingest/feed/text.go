package feed

import (
	stdhtml "html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// textOf reduces HTML to its visible text: blocks on lines of their own, blanks collapsed.
func textOf(s string) string {
	if strings.IndexByte(s, '<') < 0 {
		return lines(stdhtml.UnescapeString(s))
	}
	var b strings.Builder
	b.Grow(len(s))
	z := html.NewTokenizer(strings.NewReader(s))
	skip := atom.Atom(0)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return lines(b.String())
		case html.TextToken:
			if skip == 0 {
				b.WriteString(stdhtml.UnescapeString(string(z.Raw())))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if skip == 0 && hidden(a) {
				skip = a
			}
			if breaks(a) {
				b.WriteByte('\n')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == skip {
				skip = 0
			}
			if breaks(a) {
				b.WriteByte('\n')
			}
		}
	}
}

func hidden(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Iframe, atom.Object, atom.Noscript, atom.Template, atom.Textarea, atom.Select, atom.Noembed, atom.Noframes:
		return true
	}
	return false
}

func breaks(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Br, atom.Li, atom.Ul, atom.Ol, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Table,
		atom.Tr, atom.Hr, atom.Pre, atom.Section, atom.Article, atom.Figure, atom.Figcaption, atom.Dt, atom.Dd, atom.Dl, atom.Header, atom.Footer, atom.Aside:
		return true
	}
	return false
}

// lines collapses blanks within lines and drops empty ones.
func lines(s string) string {
	var out []string
	for l := range strings.Lines(s) {
		if l = squeeze(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// squeeze collapses blanks and drops what cannot be seen: controls, soft hyphens, zero widths, direction overrides.
func squeeze(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		c := s[i]
		clean = c >= ' ' && c < 0x7f && (c != ' ' || i > 0 && s[i-1] != ' ')
	}
	if clean {
		return strings.TrimSuffix(s, " ")
	}
	var b strings.Builder
	b.Grow(len(s))
	blank := false
	for i := 0; i < len(s); {
		c := s[i]
		if c > ' ' && c < 0x7f {
			j := i + 1
			for j < len(s) && s[j] > ' ' && s[j] < 0x7f {
				j++
			}
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteString(s[i:j])
			i = j
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
		case unicode.IsControl(r) || r == '\u00ad' || r == '\ufeff' || r == '\u200b' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
		default:
			if blank {
				b.WriteByte(' ')
				blank = false
			}
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// line reduces HTML to one line of text.
func line(s string) string { return squeeze(textOf(s)) }

// titleText reads the title of a format that does not say whether its titles are HTML: only what is surely markup is
// taken for it, so that "a < b" and "List<T>" stay.
func titleText(s string) string {
	if hasMarkup(s) {
		return line(s)
	}
	return squeeze(unescapeTwice(s))
}

// unescapeTwice resolves the references of text that was escaped once too often.
func unescapeTwice(s string) string {
	if !hasEntity(s) {
		return s
	}
	return stdhtml.UnescapeString(s)
}

// hasEntity tells whether s holds a complete HTML reference, as in "l&#8217;offre" or "&eacute;".
func hasEntity(s string) bool {
	for i := strings.IndexByte(s, '&'); i >= 0; {
		end := strings.IndexByte(s[i:min(len(s), i+12)], ';')
		if end > 1 && strings.IndexFunc(s[i+1:i+end], func(r rune) bool { return r != '#' && (r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r)) }) < 0 {
			if ref := s[i : i+end+1]; stdhtml.UnescapeString(ref) != ref {
				return true
			}
		}
		n := strings.IndexByte(s[i+1:], '&')
		if n < 0 {
			return false
		}
		i += 1 + n
	}
	return false
}

// hasMarkup tells whether s holds a tag that HTML knows.
func hasMarkup(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 || i+2 >= len(s) {
			return false
		}
		s = s[i+1:]
		t := strings.TrimPrefix(s, "/")
		n := 0
		for n < len(t) && n < 12 && (t[n] >= 'a' && t[n] <= 'z' || t[n] >= 'A' && t[n] <= 'Z' || n > 0 && t[n] >= '0' && t[n] <= '9') {
			n++
		}
		if n > 0 && n < len(t) && strings.IndexByte(" \t\r\n/>", t[n]) >= 0 && known(strings.ToLower(t[:n])) && strings.IndexByte(t, '>') >= 0 {
			return true
		}
		if strings.HasPrefix(s, "!--") {
			return true
		}
	}
}

func known(tag string) bool {
	switch a := atom.Lookup([]byte(tag)); a {
	case atom.A, atom.B, atom.I, atom.U, atom.S, atom.Em, atom.Strong, atom.Span, atom.Br, atom.Sup, atom.Sub, atom.Small, atom.Big, atom.Font, atom.Code,
		atom.Cite, atom.Q, atom.Mark, atom.Abbr, atom.Img, atom.Strike, atom.Tt, atom.Del, atom.Ins, atom.Script, atom.Style, atom.Iframe, atom.Center,
		atom.Embed, atom.Object, atom.Video, atom.Audio, atom.Svg, atom.Input, atom.Form:
		return true
	default:
		return a != 0 && breaks(a)
	}
}

// paragraphs makes HTML of plain text.
func paragraphs(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if !strings.Contains(s, "\n") {
		return stdhtml.EscapeString(s)
	}
	var b strings.Builder
	for p := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(stdhtml.EscapeString(p), "\n", "<br>") + "</p>")
		}
	}
	return b.String()
}
