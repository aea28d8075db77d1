package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
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

// encodeCursor makes the opaque form of a place: version, what it belongs to, the
// place, and a checksum over all.
func encodeCursor(p place, belongs [8]byte) string {
	b := make([]byte, 0, 37)
	b = append(b, 1)
	b = append(b, belongs[:]...)
	b = binary.BigEndian.AppendUint64(b, p.key)
	b = binary.BigEndian.AppendUint64(b, uint64(p.date))
	b = binary.BigEndian.AppendUint64(b, p.tie)
	s := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, s[:4]...))
}

func decodeCursor(c string, belongs [8]byte) (p place, err error) {
	if len(c) != 50 {
		return p, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(c)
	if err != nil || len(b) != 37 || b[0] != 1 || !bytes.Equal(b[1:9], belongs[:]) {
		return p, ErrCursor
	}
	if s := sha256.Sum256(b[:33]); !bytes.Equal(s[:4], b[33:]) {
		return p, ErrCursor
	}
	p.key = binary.BigEndian.Uint64(b[9:])
	p.date = int64(binary.BigEndian.Uint64(b[17:]))
	p.tie = binary.BigEndian.Uint64(b[25:])
	return p, nil
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
