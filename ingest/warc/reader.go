package warc

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits on what is read of one record. A longer header is damage; a longer block
// is cut.
const (
	MaxBlock  = 16 << 20
	maxHeader = 1 << 20
)

// Reader reads the records of one WARC file, in the order in which they stand.
//
// It goes on where others stop: damage between two records is skipped up to the
// next record that begins properly, and counted in Damaged. A file that ends
// within a record gives that record with Cut set, when its header is whole.
type Reader struct {
	Damaged int   // places where bytes had to be skipped
	Skipped int64 // bytes skipped there; compressed ones in a compressed file

	in     *input
	member *gzip.Reader  // of the current gzip member; nil in an uncompressed file
	body   *bufio.Reader // what records are read from
	plain  bool
	start  int64 // offset of the current member, or of the plain text's beginning
	text   *counting

	headers bool // records are read without their blocks; one only
}

// header reads the next record without its block, and nothing can be read after it.
func (r *Reader) header() (Record, error) {
	r.headers = true
	return r.Next()
}

// input is the file with its position. It is an io.ByteReader, so that gzip takes
// from it exactly what belongs to a member.
type input struct {
	r   *bufio.Reader
	pos int64
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.pos += int64(n)
	return n, err
}

func (in *input) ReadByte() (byte, error) {
	b, err := in.r.ReadByte()
	if err == nil {
		in.pos++
	}
	return b, err
}

func (in *input) discard(n int) {
	n, _ = in.r.Discard(n)
	in.pos += int64(n)
}

// counting knows how far the text has been read.
type counting struct {
	r   io.Reader
	pos int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.pos += int64(n)
	return n, err
}

// NewReader reads from r, compressed or not. base is added to every offset, for a
// reader that begins within a file.
func NewReader(r io.Reader, base int64) *Reader {
	return &Reader{in: &input{r: bufio.NewReaderSize(r, 64<<10), pos: base}}
}

var gzipMagic = []byte{0x1f, 0x8b, 0x08}

// Next returns the next record, io.EOF after the last one. Another error is the
// file's own, not the format's.
func (r *Reader) Next() (Record, error) {
	for {
		if r.body == nil {
			if err := r.open(); err != nil {
				return Record{}, err
			}
		}
		rec, err := r.record()
		switch {
		case err == nil:
			return rec, nil
		case err == io.EOF: // the end of this member, or of a plain file
			if r.plain {
				return Record{}, io.EOF
			}
			r.body = nil
		case errors.Is(err, errDamaged):
			r.Damaged++
			if r.plain {
				if err := r.resyncPlain(); err != nil {
					return Record{}, err
				}
				continue
			}
			r.body = nil // the next member is found by its magic
		default:
			return Record{}, err
		}
	}
}

// open goes to the next gzip member, or finds out that the file is not compressed.
func (r *Reader) open() error {
	skipped := int64(0)
	for {
		head, err := r.in.r.Peek(5)
		if len(head) == 0 {
			if skipped > 0 {
				r.Damaged++
				r.Skipped += skipped
			}
			if err == nil || err == io.EOF {
				return io.EOF
			}
			return err
		}
		switch {
		case bytes.HasPrefix(head, gzipMagic):
			if skipped > 0 {
				r.Damaged++
				r.Skipped += skipped
			}
			r.start = r.in.pos
			zr, err := gzip.NewReader(r.in)
			if err != nil {
				skipped = 1 // what looked like a member is none; go on after it
				continue
			}
			zr.Multistream(false)
			r.member, r.plain = zr, false
			r.text = &counting{r: zr}
			r.body = bufio.NewReaderSize(r.text, 16<<10)
			return nil
		case string(head) == "WARC/":
			if skipped > 0 {
				r.Damaged++
				r.Skipped += skipped
			}
			r.plain, r.start = true, r.in.pos
			r.text = &counting{r: r.in}
			r.body = bufio.NewReaderSize(r.text, 64<<10)
			return nil
		}
		// Padding or damage: look on. Whole buffers are skipped at once.
		buf, _ := r.in.r.Peek(max(r.in.r.Buffered(), 1))
		n := len(buf)
		for _, mark := range [][]byte{gzipMagic, []byte("WARC/")} {
			if i := bytes.Index(buf[1:], mark); i >= 0 {
				n = min(n, i+1)
			}
		}
		if n == len(buf) && n > 4 {
			n -= 4 // a mark may straddle the buffer's end
		}
		if len(bytes.Trim(buf[:n], "\x00\r\n\t ")) > 0 {
			skipped += int64(n)
		}
		r.in.discard(n)
	}
}

var errDamaged = errors.New("damaged record")

// at is where the text is being read, for an uncompressed file.
func (r *Reader) at() int64 { return r.start + r.text.pos - int64(r.body.Buffered()) }

// record reads one record from the current member.
func (r *Reader) record() (Record, error) {
	var rec Record
	// Empty lines may stand before a record; some tools write too many or too few.
	for {
		b, err := r.body.Peek(1)
		if len(b) == 0 {
			return rec, r.ends(err)
		}
		if b[0] != '\r' && b[0] != '\n' {
			break
		}
		r.body.Discard(1)
	}
	rec.Offset = r.start
	if r.plain {
		rec.Offset = r.at()
	}
	line, err := r.line(maxHeader)
	if err != nil {
		return rec, err
	}
	if !strings.HasPrefix(line, "WARC/") {
		return rec, errDamaged
	}
	rec.Version = line
	size := len(line)
	for {
		line, err := r.line(maxHeader - size)
		if err != nil {
			return rec, err
		}
		if line == "" {
			break
		}
		size += len(line) + 2
		if (line[0] == ' ' || line[0] == '\t') && len(rec.Fields) > 0 {
			rec.Fields[len(rec.Fields)-1].Value += " " + strings.TrimSpace(line)
			continue
		}
		k, v, ok := strings.Cut(line, ":")
		if !ok {
			return rec, errDamaged
		}
		rec.Fields = append(rec.Fields, Field{strings.TrimSpace(k), strings.TrimSpace(v)})
	}
	if r.headers {
		return rec, nil
	}
	n, err := strconv.ParseInt(rec.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return rec, errDamaged
	}
	keep := min(n, MaxBlock)
	var b bytes.Buffer
	got, err := io.CopyN(&b, r.body, keep)
	rec.Block = b.Bytes()
	if err == nil && n > keep {
		rec.Cut = true
		var more int64
		more, err = io.CopyN(io.Discard, r.body, n-keep)
		got += more
	}
	if err != nil {
		if got == 0 && n > 0 {
			return rec, errDamaged
		}
		r.Damaged++
		rec.Cut = true
		r.body = bufio.NewReader(strings.NewReader("")) // nothing follows in this member
		if r.plain {
			return rec, nil
		}
	}
	return rec, nil
}

// ends tells an end of the text from a broken one.
func (r *Reader) ends(err error) error {
	if err == io.EOF || err == nil {
		return io.EOF
	}
	return errDamaged
}

// line reads one header line of at most limit bytes, without its end.
func (r *Reader) line(limit int) (string, error) {
	var b []byte
	for {
		part, err := r.body.ReadSlice('\n')
		b = append(b, part...)
		if len(b) > limit {
			return "", errDamaged
		}
		switch err {
		case nil:
			return strings.TrimRight(string(b), "\r\n"), nil
		case bufio.ErrBufferFull:
			continue
		default:
			return "", errDamaged // the file ends within a header
		}
	}
}

// resyncPlain skips to the next line of an uncompressed file that begins a record.
func (r *Reader) resyncPlain() error {
	before := r.at()
	bol := true // the line that did not fit has been read
	for {
		if bol {
			if head, _ := r.body.Peek(5); string(head) == "WARC/" {
				r.Skipped += r.at() - before
				return nil
			}
		}
		_, err := r.body.ReadSlice('\n')
		switch err {
		case nil:
			bol = true
		case bufio.ErrBufferFull:
			bol = false
		case io.EOF:
			r.Skipped += r.at() - before
			return io.EOF
		default:
			return fmt.Errorf("read archive: %w", err)
		}
	}
}
