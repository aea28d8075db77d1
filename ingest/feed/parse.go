package feed

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"time"

	"example.org/veille/internal/charsets"
	"github.com/mmcdole/gofeed/atom"
	"github.com/mmcdole/gofeed/rss"
)

// Parse reads one feed document.
//
// contentType is the HTTP header (for its charset) and address is where the body came from (to resolve relative links);
// either may be empty. The error wraps [ErrNotFeed], [ErrTooLarge], [ErrTooDeep], [ErrTooMany] or [ErrEntity]; the Feed
// that comes with ErrTooDeep and ErrTooMany holds the items before the place that went too far.
//
// Times without zone are taken in the zone of the feed's language or country; use [ParseIn] to say which.
func Parse(body []byte, contentType, address string) (Feed, error) {
	return ParseIn(body, contentType, address, nil)
}

// ParseIn is [Parse] for a source whose zone is known.
func ParseIn(body []byte, contentType, address string, zone *time.Location) (Feed, error) {
	f, err := parse(body, contentType, address, zone)
	if err != nil {
		return f, fmt.Errorf("parse feed %s: %w", clip(address, 200), err)
	}
	return f, nil
}

func parse(body []byte, contentType, address string, zone *time.Location) (Feed, error) {
	if len(body) > MaxBytes {
		return Feed{}, ErrTooLarge
	}
	request, _ := url.Parse(address)
	if request != nil && request.Host == "" {
		request = nil
	}
	f := &front{request: request}
	header, decl := charsets.Stated(contentType), declared(body)
	src, used := charsets.Decode(body, header, decl)
	f.src = src
	if d := strings.ToLower(decl); d != "" && d != used && !sameCharset(d, used) && !ascii(src) {
		f.note("declared %s, read as %s", clip(d, 30), used)
	} else if d == "" && header == "" && used != "utf-8" {
		f.note("charset not stated, read as %s", used)
	}
	if bytes.ContainsRune(src, '\uFFFD') {
		f.note("bytes that are not %s", used)
	}
	trimmed := bytes.TrimLeft(f.src, " \t\r\n\x00\ufeff")
	if len(trimmed) == 0 {
		return Feed{}, fmt.Errorf("%w: empty document", ErrNotFeed)
	}
	if trimmed[0] == '{' || trimmed[0] == '[' || bytes.HasPrefix(trimmed, []byte("null")) {
		return parseJSON(f, trimmed, zone)
	}
	if i := bytes.IndexByte(f.src, '<'); i < 0 {
		return Feed{}, fmt.Errorf("%w: no markup", ErrNotFeed)
	} else if len(bytes.Trim(f.src[:i], " \t\r\n\ufeff")) > 0 {
		f.note("text before the feed")
	} else if i > 0 && bytes.HasPrefix(f.src[i:], []byte("<?xml")) {
		f.note("blanks before the XML declaration")
	}
	f.out = make([]byte, 0, len(f.src)+len(f.src)/8)

	scanErr := f.run()
	if !f.started {
		if scanErr == nil {
			scanErr = ErrNotFeed
		}
		return Feed{}, scanErr
	}
	a := adapter{front: f, zone: zone}
	if f.isAtom() {
		af, err := new(atom.Parser).Parse(bytes.NewReader(f.out))
		if err != nil {
			return Feed{}, err
		}
		return a.atom(af), scanErr
	}
	rf, err := new(rss.Parser).Parse(bytes.NewReader(f.out))
	if err != nil {
		return Feed{}, err
	}
	return a.rss(rf), scanErr
}

// declared returns the encoding of the XML declaration.
func declared(body []byte) string {
	head := body[:min(len(body), 1024)]
	i := bytes.Index(head, []byte("<?xml"))
	if i < 0 {
		return ""
	}
	head = head[i:]
	if e := bytes.Index(head, []byte("?>")); e >= 0 {
		head = head[:e]
	}
	i = bytes.Index(head, []byte("encoding"))
	if i < 0 {
		return ""
	}
	head = bytes.TrimLeft(head[i+len("encoding"):], " \t\r\n=")
	if len(head) < 2 || head[0] != '"' && head[0] != '\'' {
		return ""
	}
	if e := bytes.IndexByte(head[1:], head[0]); e >= 0 {
		return string(head[1 : 1+e])
	}
	return ""
}

// sameCharset forgives other spellings, and ASCII's and Latin-1's common superset where nothing else was in the bytes.
func sameCharset(decl, used string) bool {
	squash := func(s string) string { return strings.NewReplacer("-", "", "_", "", " ", "").Replace(s) }
	d, u := squash(decl), squash(used)
	switch {
	case d == u, strings.HasPrefix(u, d):
		return true
	case strings.HasPrefix(d, "utf") && strings.HasPrefix(u, d[:min(len(d), 5)]):
		return true
	case u == "utf8" && (d == "ascii" || d == "usascii"):
		return true
	case u == "windows1252" && (d == "iso88591" || d == "latin1" || d == "cp1252" || d == "ascii" || d == "usascii"):
		return true
	}
	return false
}

// ascii tells whether all charsets in question read src alike.
func ascii(src []byte) bool {
	for _, c := range src {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
