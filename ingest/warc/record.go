// Package warc reads and writes WARC 1.0 and 1.1 files (ISO 28500), the archive
// format of the web: what was fetched, as it was fetched, with its digest.
//
// [Open] gives an [Archive], a folder of size-bounded segments to which records
// are appended. [Archive.Append] returns when the records are on disk: it syncs,
// and calls that come at the same time share one sync. [Archive.Read] takes one
// record back by where it stands. [NewReader] reads any WARC, whoever wrote it:
// compressed per record, compressed as a whole or not at all, cut at its end,
// with damage between records.
//
// The package knows nothing about articles. It does not fetch.
//
// A segment is a row of gzip members, one per record, the first a warcinfo. Each
// member carries its own length in the "sl" extra field, so that a segment can be
// walked without being decompressed, and the first of those appended together the
// length of all in "gr"; other tools ignore both.
package warc

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// Types of a record that veille writes or reads.
const (
	TypeInfo     = "warcinfo"
	TypeRequest  = "request"
	TypeResponse = "response"
	TypeResource = "resource"
	TypeMetadata = "metadata"
	TypeRevisit  = "revisit"
)

// Field is one line of a record's header. Names are compared without case.
type Field struct{ Name, Value string }

// Record is one record of a WARC file.
type Record struct {
	Version string // "WARC/1.1"
	Fields  []Field
	Block   []byte // the content block, at most [MaxBlock] bytes
	Cut     bool   // the block is not whole: too large, or the file ends within it
	Offset  int64  // where the record begins in the file: its gzip member, when it has its own
}

// Get returns the value of a header field, "" when it is absent.
func (r Record) Get(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Set adds a header field, or changes it.
func (r *Record) Set(name, value string) {
	for i := range r.Fields {
		if strings.EqualFold(r.Fields[i].Name, name) {
			r.Fields[i].Value = value
			return
		}
	}
	r.Fields = append(r.Fields, Field{name, value})
}

// Type is the record's WARC-Type, in lower case.
func (r Record) Type() string { return strings.ToLower(r.Get("WARC-Type")) }

// ID is the record's WARC-Record-ID as written, with its angle brackets.
func (r Record) ID() string { return r.Get("WARC-Record-ID") }

// Target is the address the record is about. Some tools wrap it in angle brackets.
func (r Record) Target() string {
	return strings.TrimSuffix(strings.TrimPrefix(r.Get("WARC-Target-URI"), "<"), ">")
}

// Date is when the content was captured, zero when it cannot be read.
func (r Record) Date() time.Time {
	t, err := time.Parse(time.RFC3339, r.Get("WARC-Date"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Digest names bytes the way the digest fields do.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + base32.StdEncoding.EncodeToString(sum[:])
}

// newID makes a record id.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// hop-by-hop fields and codings that no longer describe a decoded body; they are
// kept under another name, as Common Crawl does.
var moved = map[string]string{
	"Content-Encoding":  "X-Crawler-Content-Encoding",
	"Transfer-Encoding": "X-Crawler-Transfer-Encoding",
	"Content-Length":    "X-Crawler-Content-Length",
}

// Response makes the record of an HTTP answer. body is decoded: the headers that
// described its coding are renamed. extra fields follow the standard ones.
func Response(target string, at time.Time, status int, header http.Header, body []byte, extra ...Field) Record {
	var b bytes.Buffer
	text := http.StatusText(status)
	if text == "" {
		text = "Status"
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, text)
	out := http.Header{}
	for k, v := range header {
		if to, ok := moved[k]; ok {
			k = to
		}
		out[k] = v
	}
	out.Set("Content-Length", strconv.Itoa(len(body)))
	out.Write(&b) // writing to memory does not fail; it also drops CR and LF from values
	b.WriteString("\r\n")
	b.Write(body)
	r := Record{Version: "WARC/1.1", Block: b.Bytes(), Fields: append([]Field{
		{"WARC-Type", TypeResponse},
		{"WARC-Record-ID", newID()},
		{"WARC-Date", stamp(at)},
		{"WARC-Target-URI", target},
		{"WARC-Payload-Digest", Digest(body)},
		{"Content-Type", "application/http; msgtype=response"},
	}, extra...)}
	return r
}

// Metadata makes a record of what is known about another one.
func Metadata(target string, at time.Time, concurrentTo, contentType string, block []byte, extra ...Field) Record {
	r := Record{Version: "WARC/1.1", Block: block, Fields: []Field{
		{"WARC-Type", TypeMetadata},
		{"WARC-Record-ID", newID()},
		{"WARC-Date", stamp(at)},
		{"WARC-Target-URI", target},
	}}
	if concurrentTo != "" {
		r.Set("WARC-Concurrent-To", concurrentTo)
	}
	r.Set("Content-Type", contentType)
	r.Fields = append(r.Fields, extra...)
	return r
}

// Payload is the HTTP message that a response or revisit record holds.
type Payload struct {
	Status int
	Header http.Header
	Body   []byte
	Cut    bool // the body is not whole
}

// ErrNoPayload is returned for a record that holds no HTTP response.
var ErrNoPayload = errors.New("record holds no HTTP response")

// HTTP reads the HTTP response in the record's block. Bodies that other tools
// kept as transferred (chunked, gzip, deflate) are decoded, and taken as they are
// when that fails, since many archives keep the header of a coding they undid.
// At most [MaxBlock] bytes of a decoded body are kept.
func (r Record) HTTP() (Payload, error) {
	if t := r.Type(); t != TypeResponse && t != TypeRevisit {
		return Payload{}, fmt.Errorf("%w: type %q", ErrNoPayload, t)
	}
	head, body, ok := splitHead(r.Block)
	if !ok && r.Type() == TypeResponse {
		return Payload{}, fmt.Errorf("%w: no header", ErrNoPayload)
	}
	line, rest, _ := bytes.Cut(head, []byte("\n"))
	proto, status, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	if !strings.HasPrefix(proto, "HTTP/") {
		return Payload{}, fmt.Errorf("%w: it begins with %.20q", ErrNoPayload, proto)
	}
	code, _ := strconv.Atoi(strings.TrimSpace(firstWord(status)))
	if code == 0 {
		return Payload{}, fmt.Errorf("%w: no status", ErrNoPayload)
	}
	p := Payload{Status: code, Header: http.Header{}, Body: body, Cut: r.Cut}
	for l := range bytes.Lines(rest) {
		k, v, ok := strings.Cut(strings.TrimRight(string(l), "\r\n"), ":")
		if ok && k != "" && len(p.Header) < 1000 {
			k = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(k))
			p.Header[k] = append(p.Header[k], strings.TrimSpace(v))
		}
	}
	if strings.Contains(strings.ToLower(p.Header.Get("Transfer-Encoding")), "chunked") {
		if b, err := dechunk(p.Body); err == nil {
			p.Body = b
		}
	}
	switch strings.ToLower(p.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
		if zr, err := gzip.NewReader(bytes.NewReader(p.Body)); err == nil {
			p.Body, p.Cut = inflate(zr, p.Cut)
		}
	case "deflate":
		if zr, err := zlib.NewReader(bytes.NewReader(p.Body)); err == nil {
			p.Body, p.Cut = inflate(zr, p.Cut)
		} else if b, cut := inflate(flate.NewReader(bytes.NewReader(p.Body)), p.Cut); len(b) > 0 {
			p.Body, p.Cut = b, cut
		}
	}
	return p, nil
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}

// splitHead cuts an HTTP message at its empty line.
func splitHead(b []byte) (head, body []byte, ok bool) {
	i, j := bytes.Index(b, []byte("\r\n\r\n")), bytes.Index(b, []byte("\n\n"))
	switch {
	case i >= 0 && (j < 0 || i < j):
		return b[:i+2], b[i+4:], true
	case j >= 0:
		return b[:j+1], b[j+2:], true
	}
	return b, nil, false
}

func inflate(r io.Reader, cut bool) ([]byte, bool) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBlock+1))
	if len(b) > MaxBlock {
		return b[:MaxBlock], true
	}
	return b, cut || err != nil
}

// dechunk undoes the chunked transfer coding.
func dechunk(b []byte) ([]byte, error) {
	br := bufio.NewReader(bytes.NewReader(b))
	var out []byte
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("chunk size: %w", err)
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(strings.TrimSpace(size), 16, 64)
		if err != nil || n < 0 || n > int64(len(b)) {
			return nil, fmt.Errorf("chunk size %.20q", size)
		}
		if n == 0 {
			return out, nil
		}
		at := len(out)
		out = append(out, make([]byte, n)...)
		if _, err := io.ReadFull(br, out[at:]); err != nil {
			return nil, fmt.Errorf("chunk: %w", err)
		}
		if _, err := br.ReadString('\n'); err != nil && err != io.EOF {
			return nil, fmt.Errorf("chunk end: %w", err)
		}
	}
}
