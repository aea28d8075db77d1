// Package parquet writes flat tables in the Apache Parquet format, for notebooks and
// databases that want typed columns.
//
// [NewWriter] begins a file, [Writer.Write] adds a row, [Writer.Close] writes the
// footer, without which no reader takes the file for complete. Rows are held in
// memory by groups of [GroupRows].
//
// It writes what the format asks for and no more: one data page per column and group,
// plain encoding, Zstandard, every column optional. It reads nothing, nests nothing
// and keeps no statistics. The layout follows the format's specification and its
// parquet.thrift (https://github.com/apache/parquet-format); numbers in comments are
// the field ids there.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Kind is what the values of a column are.
type Kind uint8

// Kinds of columns, with the Go type of their values.
const (
	Text    Kind = iota // string
	Integer             // int64
	Number              // float64
	Time                // time.Time, kept in milliseconds of UTC
)

// GroupRows is how many rows are kept together.
const GroupRows = 10_000

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
}

// Writer writes one file.
type Writer struct {
	w      io.Writer
	cols   []Column
	pages  []page
	rows   int // of the group under way
	total  int64
	offset int64
	groups []group
	enc    *zstd.Encoder
	err    error
}

// page is the column of a group, as it grows.
type page struct {
	defined []bool
	values  []byte
}

type group struct {
	rows, bytes int64
	chunks      []chunk
}

type chunk struct {
	offset, plain, packed int64 // place in the file; sizes with the page's header
	values                int64
}

// NewWriter begins a file with these columns.
func NewWriter(w io.Writer, cols []Column) (*Writer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("write parquet: %w", err)
	}
	out := &Writer{w: w, cols: cols, pages: make([]page, len(cols)), enc: enc}
	return out, out.put([]byte("PAR1"))
}

func (w *Writer) put(b []byte) error {
	if w.err != nil {
		return w.err
	}
	n, err := w.w.Write(b)
	w.offset += int64(n)
	if err != nil {
		w.err = fmt.Errorf("write parquet: %w", err)
	}
	return w.err
}

// Write adds a row: one value for each column, nil for none. A value of another type
// than its column's is an error.
func (w *Writer) Write(row []any) error {
	if w.err != nil {
		return w.err
	}
	if len(row) != len(w.cols) {
		return fmt.Errorf("write parquet: %d values for %d columns", len(row), len(w.cols))
	}
	for i, v := range row {
		p := &w.pages[i]
		ok := true
		switch w.cols[i].Kind {
		case Text:
			var s string
			if s, ok = v.(string); ok {
				p.values = binary.LittleEndian.AppendUint32(p.values, uint32(len(s)))
				p.values = append(p.values, s...)
			}
		case Integer:
			var n int64
			if n, ok = v.(int64); ok {
				p.values = binary.LittleEndian.AppendUint64(p.values, uint64(n))
			}
		case Number:
			var f float64
			if f, ok = v.(float64); ok {
				p.values = binary.LittleEndian.AppendUint64(p.values, math.Float64bits(f))
			}
		case Time:
			var t time.Time
			if t, ok = v.(time.Time); ok {
				p.values = binary.LittleEndian.AppendUint64(p.values, uint64(t.UnixMilli()))
			}
		}
		if !ok && v != nil {
			w.err = fmt.Errorf("write parquet: column %s: a %T", w.cols[i].Name, v)
			return w.err
		}
		p.defined = append(p.defined, ok)
	}
	if w.rows++; w.rows == GroupRows {
		return w.flush()
	}
	return nil
}

// flush writes the group under way.
func (w *Writer) flush() error {
	g := group{rows: int64(w.rows)}
	for i := range w.pages {
		p := &w.pages[i]
		levels := runs(p.defined)
		body := binary.LittleEndian.AppendUint32(nil, uint32(len(levels)))
		body = append(append(body, levels...), p.values...)
		packed := w.enc.EncodeAll(body, nil)
		var h thrift
		h.i32(1, 0) // DATA_PAGE
		h.i32(2, int32(len(body)))
		h.i32(3, int32(len(packed)))
		h.begin(5) // DataPageHeader
		h.i32(1, int32(w.rows))
		h.i32(2, 0) // PLAIN
		h.i32(3, 3) // definition levels: RLE
		h.i32(4, 3) // repetition levels: RLE, of which there are none
		h.end()
		h.stop()
		c := chunk{offset: w.offset, plain: int64(len(h.b) + len(body)), packed: int64(len(h.b) + len(packed)), values: int64(w.rows)}
		if err := errors.Join(w.put(h.b), w.put(packed)); err != nil {
			return err
		}
		g.bytes += c.plain
		g.chunks = append(g.chunks, c)
		*p = page{defined: p.defined[:0], values: p.values[:0]}
	}
	w.groups = append(w.groups, g)
	w.total += int64(w.rows)
	w.rows = 0
	return nil
}

// runs encodes which rows have a value: runs of the RLE hybrid, one bit wide.
func runs(defined []bool) (out []byte) {
	for i := 0; i < len(defined); {
		n := i
		for n < len(defined) && defined[n] == defined[i] {
			n++
		}
		out = binary.AppendUvarint(out, uint64(n-i)<<1)
		bit := byte(0)
		if defined[i] {
			bit = 1
		}
		out = append(out, bit)
		i = n
	}
	return out
}

// Close writes what is left and the footer. It does not close the writer below.
func (w *Writer) Close() error {
	if w.rows > 0 && w.err == nil {
		w.err = w.flush()
	}
	if w.err != nil {
		return w.err
	}
	var t thrift
	t.i32(1, 1) // version
	t.list(2, typeStruct, len(w.cols)+1)
	t.begin(0)
	t.text(4, "table")
	t.i32(5, int32(len(w.cols)))
	t.end()
	for _, c := range w.cols {
		t.begin(0)
		t.i32(1, physical(c.Kind))
		t.i32(3, 1) // OPTIONAL
		t.text(4, c.Name)
		switch c.Kind {
		case Text:
			t.i32(6, 0) // UTF8
			t.begin(10) // LogicalType
			t.begin(1)  // STRING
			t.end()
			t.end()
		case Time:
			t.i32(6, 9) // TIMESTAMP_MILLIS
			t.begin(10)
			t.begin(8) // TIMESTAMP
			t.yes(1)   // is in UTC
			t.begin(2) // unit
			t.begin(1) // MILLIS
			t.end()
			t.end()
			t.end()
			t.end()
		}
		t.end()
	}
	t.i64(3, w.total)
	t.list(4, typeStruct, len(w.groups))
	for _, g := range w.groups {
		t.begin(0)
		t.list(1, typeStruct, len(g.chunks))
		for i, c := range g.chunks {
			t.begin(0)
			t.i64(2, c.offset)
			t.begin(3) // ColumnMetaData
			t.i32(1, physical(w.cols[i].Kind))
			t.list(2, typeI32, 2)
			t.zigzag(0) // PLAIN
			t.zigzag(3) // RLE
			t.list(3, typeBinary, 1)
			t.raw(w.cols[i].Name)
			t.i32(4, 6) // ZSTD
			t.i64(5, c.values)
			t.i64(6, c.plain)
			t.i64(7, c.packed)
			t.i64(9, c.offset)
			t.end()
			t.end()
		}
		t.i64(2, g.bytes)
		t.i64(3, g.rows)
		t.end()
	}
	t.text(6, "veille")
	t.stop()
	foot := binary.LittleEndian.AppendUint32(t.b, uint32(len(t.b)))
	return w.put(append(foot, "PAR1"...))
}

// physical is the number of the type in which a kind is stored.
func physical(k Kind) int32 {
	switch k {
	case Text:
		return 6 // BYTE_ARRAY
	case Number:
		return 5 // DOUBLE
	}
	return 2 // INT64
}

// Types of Thrift's compact protocol.
const (
	typeTrue   = 1
	typeI32    = 5
	typeI64    = 6
	typeBinary = 8
	typeList   = 9
	typeStruct = 12
)

// thrift writes Thrift's compact protocol.
type thrift struct {
	b    []byte
	last []int16 // id of the last field of each open struct
	id   int16
}

func (t *thrift) field(id int16, typ byte) {
	if d := id - t.id; d > 0 && d <= 15 {
		t.b = append(t.b, byte(d)<<4|typ)
	} else {
		t.b = append(t.b, typ)
		t.zigzag(int64(id))
	}
	t.id = id
}

func (t *thrift) zigzag(n int64) { t.b = binary.AppendUvarint(t.b, uint64(n<<1)^uint64(n>>63)) }

func (t *thrift) i32(id int16, n int32) { t.field(id, typeI32); t.zigzag(int64(n)) }
func (t *thrift) i64(id int16, n int64) { t.field(id, typeI64); t.zigzag(n) }
func (t *thrift) yes(id int16)          { t.field(id, typeTrue) }

func (t *thrift) text(id int16, s string) {
	t.field(id, typeBinary)
	t.raw(s)
}

func (t *thrift) raw(s string) {
	t.b = binary.AppendUvarint(t.b, uint64(len(s)))
	t.b = append(t.b, s...)
}

func (t *thrift) list(id int16, typ byte, n int) {
	t.field(id, typeList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|typ)
		return
	}
	t.b = append(t.b, 0xf0|typ)
	t.b = binary.AppendUvarint(t.b, uint64(n))
}

// begin opens a struct: a field, or with id 0 an element of a list.
func (t *thrift) begin(id int16) {
	if id > 0 {
		t.field(id, typeStruct)
	}
	t.last = append(t.last, t.id)
	t.id = 0
}

func (t *thrift) end() {
	t.stop()
	t.id = t.last[len(t.last)-1]
	t.last = t.last[:len(t.last)-1]
}

func (t *thrift) stop() { t.b = append(t.b, 0) }
