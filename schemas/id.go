package schemas

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// digest is the first 80 bits of SHA-256 over the parts, in lower-case base32:
// 16 letters and digits. The parts are separated by NUL, which none contains.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:10]))
}

// ArticleID is scoped by feed: two feeds that use one guid never meet, so no
// feed can overwrite what another one said. ref is the guid, else the canonical
// link.
func ArticleID(source, ref string) string { return "a_" + digest(source, ref) }

// ContentVersion changes when the words of an article change.
func ContentVersion(title, text string) string { return digest(title, text) }

// ExtractionID identifies what one extractor version says of one article version.
// copies is how many places the article had been seen in.
func ExtractionID(article, version string, copies int, by string) string {
	return "x_" + digest(article, version, strconv.Itoa(copies), by)
}

// SignalID has no span in it: a better extractor that finds the same statement
// in other words corrects it instead of repeating it.
func SignalID(article, typ string, ps []Party) string {
	return "s_" + digest(article, typ, PartyKey(ps))
}

// PriceID identifies an amount by where it stands.
func PriceID(article string, at Span, kind string) string {
	in := at.In
	if in == "" {
		in = "text"
	}
	return "p_" + digest(article, in, strconv.Itoa(at.Start), strconv.Itoa(at.End), kind)
}

// DealID is fixed by the first article in which the deal was seen.
func DealID(family, partyKey, article string) string {
	return "d_" + digest(family, partyKey, article)
}

// EventID joins what makes an event unique.
func EventID(kind string, parts ...string) string { return kind + ":" + strings.Join(parts, ":") }

// Token makes s fit for a NATS subject: lower case, [a-z0-9_-], accents dropped
// to their letter where they have one, at most 60 bytes; "none" when nothing is
// left.
func Token(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		if b.Len() >= 60 {
			break
		}
		r = unicode.ToLower(r)
		if r >= utf8.RuneSelf {
			r = plain(r)
		}
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}

// plain maps the accented letters of Western European names to ASCII; the ground
// floor does without x/text.
func plain(r rune) rune {
	for _, m := range [...]struct {
		from string
		to   rune
	}{
		{"àáâãäåā", 'a'}, {"ç", 'c'}, {"èéêëē", 'e'}, {"ìíîï", 'i'}, {"ñ", 'n'}, {"òóôõöøœ", 'o'}, {"ùúûü", 'u'}, {"ýÿ", 'y'}, {"ß", 's'}, {"æ", 'a'}, {"š", 's'}, {"ž", 'z'}, {"ł", 'l'},
	} {
		if strings.ContainsRune(m.from, r) {
			return m.to
		}
	}
	return r
}
