package feed

import (
	"bytes"
	"fmt"
	"strings"
)

// Limits of the entities that a document declares for itself. Honest ones name a few characters or a company; documents that
// blow up name each other.
const (
	maxEntities    = 256
	maxEntityValue = 4 << 10
	maxEntityDepth = 8
	maxExpansion   = 256 << 10 // bytes written for entities, in one document
)

// subset reads a DOCTYPE's internal subset, which begins after its '[', up to the ']' that ends it. It keeps what internal
// general entities stand for; external and parameter entities are stepped over: nothing is ever fetched for them, and a
// reference to one stays as it is written. It gives the number of bytes read, -1 when the subset does not end.
func (f *front) subset(b []byte) int {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == ']':
			return i + 1
		case bytes.HasPrefix(b[i:], []byte("<!--")):
			n := bytes.Index(b[i+4:], []byte("-->"))
			if n < 0 {
				return -1
			}
			i += 4 + n + 3
		case bytes.HasPrefix(b[i:], []byte("<?")):
			n := bytes.Index(b[i:], []byte("?>"))
			if n < 0 {
				return -1
			}
			i += n + 2
		case c == '<':
			n := declarationLen(b[i:])
			if n < 0 {
				return -1
			}
			f.declare(b[i : i+n])
			i += n
		default: // blanks, %parameter;
			i++
		}
	}
	return -1
}

// declarationLen is the length of the <!…> that b begins with, quoted values stepped over, -1 when it does not end.
func declarationLen(b []byte) int {
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return -1
}

// declare remembers <!ENTITY name "value">; the first declaration of a name counts, as in XML.
func (f *front) declare(d []byte) {
	const keyword = "<!ENTITY"
	if len(d) < len(keyword)+4 || !strings.EqualFold(string(d[:len(keyword)]), keyword) {
		return
	}
	rest := bytes.TrimLeft(d[len(keyword):], " \t\r\n")
	n := nameLen(rest)
	if n == 0 || n > 60 { // no name, or "%": a parameter entity
		return
	}
	name := string(rest[:n])
	rest = bytes.TrimLeft(rest[n:], " \t\r\n")
	if len(rest) < 2 || rest[0] != '"' && rest[0] != '\'' { // SYSTEM or PUBLIC
		return
	}
	end := bytes.IndexByte(rest[1:], rest[0])
	if end < 0 || end > maxEntityValue || len(f.entities) >= maxEntities {
		return
	}
	if f.entities == nil {
		f.entities = map[string]string{}
	}
	if _, twice := f.entities[name]; !twice {
		f.entities[name] = string(rest[1 : 1+end])
	}
}

// expand appends what a declared entity stands for, and gives false when there is none of that name. References within
// it are resolved too, up to the limits; beyond them the document is refused.
func (f *front) expand(dst []byte, name string) ([]byte, bool) {
	value, ok := f.entities[name]
	if !ok {
		return dst, false
	}
	if f.expanding >= maxEntityDepth || f.expanded > maxExpansion {
		f.blown = fmt.Errorf("%w: they expand without end", ErrEntity)
		return dst, true
	}
	f.note("entities declared by the document expanded")
	f.expanding++
	from := len(dst)
	dst = f.decode(dst, []byte(value))
	f.expanding--
	if f.expanding == 0 {
		f.expanded += len(dst) - from
	}
	if f.expanded > maxExpansion || len(dst)-from > maxExpansion {
		f.blown = fmt.Errorf("%w: they expand to more than %d KB", ErrEntity, maxExpansion>>10)
	}
	return dst, true
}
