package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// ErrCursor tells that a cursor is damaged, or belongs to another query, order or
// view.
var ErrCursor = errors.New("cursor does not belong to this query")

// place is where a row stands in an order: rows with a greater place come first.
// The last part is a hash of the row's id, so that no two rows share a place and a
// page begins exactly after the last one, whatever was added in between.
type place struct {
	key  uint64 // of the order
	date int64  // newest first within it
	tie  uint64
}

func (a place) before(b place) bool {
	switch {
	case a.key != b.key:
		return a.key > b.key
	case a.date != b.date:
		return a.date > b.date
	}
	return a.tie > b.tie
}

// census is what the scores of a query rest on: how many documents there are, and
// how many have each of its words. The cursor of a ranked page carries it, so that the
// next page scores as the last one did, whatever has come in: none of the documents
// that were there is shown twice or left out.
type census struct {
	total uint64
	with  map[uint32]uint64 // by the hash of a group of words, see wordGroup
	fixed bool              // from a cursor: nothing is counted anew
}

func newCensus() *census { return &census{with: map[uint32]uint64{}} }

// take notes what is counted now, or gives what was counted for the first page.
func (c *census) take(group uint32, n, total uint64) (uint64, uint64) {
	if c == nil {
		return n, total // one page only
	}
	if c.fixed {
		if was, ok := c.with[group]; ok {
			return was, c.total
		}
		return min(n, c.total), c.total // nobody had the word then
	}
	c.total, c.with[group] = total, n
	return n, total
}

// maxCensus is how many groups a cursor carries: all that a query of [query.MaxClauses]
// single words has. A search that has more, by lists of phrases, goes without.
const maxCensus = 256

// encodeCursor makes the opaque form of a place: version, what it belongs to, the
// place, the census of a ranked search, and a checksum over all.
func encodeCursor(p place, belongs [8]byte, c *census) string {
	b := make([]byte, 0, 64)
	b = append(b, 2)
	b = append(b, belongs[:]...)
	b = binary.BigEndian.AppendUint64(b, p.key)
	b = binary.BigEndian.AppendUint64(b, uint64(p.date))
	b = binary.BigEndian.AppendUint64(b, p.tie)
	if c != nil && len(c.with) > 0 && len(c.with) <= maxCensus {
		b = binary.AppendUvarint(b, c.total)
		for _, g := range slices.Sorted(maps.Keys(c.with)) {
			b = binary.BigEndian.AppendUint32(b, g)
			b = binary.AppendUvarint(b, c.with[g])
		}
	}
	s := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, s[:4]...))
}

const (
	cursorPlace = 33                              // bytes up to the end of the place
	maxCursor   = cursorPlace + 14 + maxCensus*14 // bytes
)

// decodeCursor gives the place, and the census where there is one.
func decodeCursor(s string, belongs [8]byte) (p place, c *census, err error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(maxCursor) {
		return p, nil, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < cursorPlace+4 || b[0] != 2 || !bytes.Equal(b[1:9], belongs[:]) {
		return p, nil, ErrCursor
	}
	b, check := b[:len(b)-4], b[len(b)-4:]
	if s := sha256.Sum256(b); !bytes.Equal(s[:4], check) {
		return p, nil, ErrCursor
	}
	p.key = binary.BigEndian.Uint64(b[9:])
	p.date = int64(binary.BigEndian.Uint64(b[17:]))
	p.tie = binary.BigEndian.Uint64(b[25:])
	if b = b[cursorPlace:]; len(b) == 0 {
		return p, nil, nil
	}
	number := func() (v uint64, ok bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 || n > 1 && b[n-1] == 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	c = &census{with: map[uint32]uint64{}, fixed: true}
	ok := false
	if c.total, ok = number(); !ok || len(b) == 0 {
		return p, nil, ErrCursor
	}
	for last := -1; len(b) > 0; {
		if len(b) < 5 || int(binary.BigEndian.Uint32(b)) <= last {
			return p, nil, ErrCursor
		}
		last = int(binary.BigEndian.Uint32(b))
		b = b[4:]
		n, ok := number()
		if !ok || n > c.total || len(c.with) == maxCensus {
			return p, nil, ErrCursor
		}
		c.with[uint32(last)] = n
	}
	return p, c, nil
}

// belongsTo names a query, its view and its order.
func belongsTo(parts ...string) (h [8]byte) {
	d := sha256.New()
	for _, p := range parts {
		d.Write([]byte(p))
		d.Write([]byte{0})
	}
	copy(h[:], d.Sum(nil))
	return h
}
