package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

var columns = []Column{{"name", Text}, {"count", Integer}, {"ratio", Number}, {"at", Time}}

func sample(i int) []any {
	row := []any{fmt.Sprintf("accord n° %d", i), int64(-i), float64(i) / 3, time.UnixMilli(1_700_000_000_000 + int64(i)).UTC()}
	if i%7 == 3 {
		row[i%4] = nil
	}
	return row
}

// reader decodes Thrift's compact protocol into maps of field ids, to look at a file
// without the code that wrote it.
type reader struct{ b []byte }

func (r *reader) byte() byte { c := r.b[0]; r.b = r.b[1:]; return c }

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	r.b = r.b[size:]
	return n
}

func (r *reader) int() int64 { n := r.uvarint(); return int64(n>>1) ^ -int64(n&1) }

func (r *reader) value(typ byte) any {
	switch typ {
	case 1, 2:
		return typ == 1
	case 4, 5, 6:
		return r.int()
	case 8:
		n := r.uvarint()
		s := string(r.b[:n])
		r.b = r.b[n:]
		return s
	case 9:
		h := r.byte()
		n := uint64(h >> 4)
		if n == 15 {
			n = r.uvarint()
		}
		out := []any{}
		for range n {
			out = append(out, r.value(h&15))
		}
		return out
	case 12:
		out, id := map[int64]any{}, int64(0)
		for {
			h := r.byte()
			if h == 0 {
				return out
			}
			if d := int64(h >> 4); d > 0 {
				id += d
			} else {
				id = r.int()
			}
			out[id] = r.value(h & 15)
		}
	}
	panic(fmt.Sprintf("type %d", typ))
}

type fields = map[int64]any

// read gives back the columns and rows of a file.
func read(t *testing.T, file []byte) (names []string, rows [][]any) {
	t.Helper()
	if !bytes.HasPrefix(file, []byte("PAR1")) || !bytes.HasSuffix(file, []byte("PAR1")) {
		t.Fatal("no magic")
	}
	size := int(binary.LittleEndian.Uint32(file[len(file)-8:]))
	meta := (&reader{file[len(file)-8-size : len(file)-8]}).value(12).(fields)
	schema := meta[2].([]any)
	var types []fields
	for _, x := range schema[1:] {
		names, types = append(names, x.(fields)[4].(string)), append(types, x.(fields))
	}
	if schema[0].(fields)[5].(int64) != int64(len(names)) {
		t.Errorf("root says %v children", schema[0].(fields)[5])
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	for _, g := range meta[4].([]any) {
		g := g.(fields)
		n := int(g[3].(int64))
		from := len(rows)
		for range n {
			rows = append(rows, make([]any, len(names)))
		}
		for c, x := range g[1].([]any) {
			m := x.(fields)[3].(fields)
			start, packed := m[9].(int64), m[7].(int64)
			r := &reader{file[start : start+packed]}
			h := r.value(12).(fields)
			body, err := dec.DecodeAll(r.b, nil)
			if err != nil || len(body) != int(h[2].(int64)) || len(r.b) != int(h[3].(int64)) || h[5].(fields)[1].(int64) != int64(n) {
				t.Fatalf("page %v: %v", h, err)
			}
			levels := &reader{body[4 : 4+binary.LittleEndian.Uint32(body)]}
			body = body[4+len(levels.b):]
			for at := 0; at < n; {
				run := int(levels.uvarint() >> 1)
				bit := levels.byte()
				for range run {
					if bit == 1 {
						var v any
						switch types[c][1].(int64) {
						case 6:
							k := binary.LittleEndian.Uint32(body)
							v, body = string(body[4:4+k]), body[4+k:]
						case 5:
							v, body = math.Float64frombits(binary.LittleEndian.Uint64(body)), body[8:]
						case 2:
							k := int64(binary.LittleEndian.Uint64(body))
							if v, body = k, body[8:]; types[c][6] == int64(9) {
								v = time.UnixMilli(k).UTC()
							}
						}
						rows[from+at][c] = v
					}
					at++
				}
			}
			if len(body) != 0 {
				t.Errorf("%d bytes left in a page", len(body))
			}
		}
	}
	if int(meta[3].(int64)) != len(rows) {
		t.Errorf("footer says %v rows, the groups hold %d", meta[3], len(rows))
	}
	return names, rows
}

func TestWriter(t *testing.T) {
	for _, n := range []int{0, 1, 10, GroupRows, GroupRows + 1, 2*GroupRows + 77} {
		var file bytes.Buffer
		w, err := NewWriter(&file, columns)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := w.Write(sample(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		names, rows := read(t, file.Bytes())
		if !slices.Equal(names, []string{"name", "count", "ratio", "at"}) || len(rows) != n {
			t.Fatalf("%v, %d rows, want %d", names, len(rows), n)
		}
		for i, row := range rows {
			if !slices.Equal(row, sample(i)) {
				t.Fatalf("row %d: %v, want %v", i, row, sample(i))
			}
		}
	}
}

type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

func TestWriterFails(t *testing.T) {
	w, err := NewWriter(&full{100}, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := w.Write(sample(i)); err != nil {
			t.Fatal(err)
		}
	}
	if w.Close() == nil {
		t.Error("a footer on a full disk")
	}
	w, err = NewWriter(&bytes.Buffer{}, columns)
	if err != nil {
		t.Fatal(err)
	}
	if w.Write([]any{1, nil, nil, nil}) == nil || w.Write([]any{nil}) == nil {
		t.Error("wrong values are taken")
	}
}
