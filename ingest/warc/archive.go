package warc

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of an archive. The zero value is the default.
type Options struct {
	MaxSegment int64  // bytes after which a new segment begins; 64 MiB
	Software   string // what the warcinfo record says wrote it
	Now        func() time.Time
}

// Loc tells where a record stands: the segment's name and the bytes from its start.
type Loc struct {
	File   string
	Offset int64
}

// Archive is a folder of segments, of which the newest is written to. It is safe
// for concurrent use by one process.
type Archive struct {
	dir string
	opt Options

	mu     sync.Mutex // guards the segment being written
	f      *os.File
	name   string
	size   int64
	seq    int
	gen    int           // counts segments opened by this process
	failed map[int]error // why a segment may not be relied on, by gen

	syncMu sync.Mutex
	synced struct {
		gen int
		off int64
	}
	Repaired int64 // bytes cut from a torn tail when the archive was opened
}

const pattern = "veille-*.warc.gz"

// Open opens the archive in dir, which is made when it is missing. A tail that a
// crash left torn is cut off the newest segment and kept beside it as .torn.
func Open(dir string, opt Options) (*Archive, error) {
	if opt.MaxSegment <= 0 {
		opt.MaxSegment = 64 << 20
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Software == "" {
		opt.Software = "veille"
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	a := &Archive{dir: dir, opt: opt, failed: map[int]error{}}
	names, err := a.Segments()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return a, nil
	}
	last := names[len(names)-1]
	a.seq = sequence(last)
	good, size, err := walk(filepath.Join(dir, last))
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if good < size {
		if err := a.cut(last, good, size); err != nil {
			return nil, fmt.Errorf("repair %s: %w", last, err)
		}
		a.Repaired = size - good
	}
	if good > 0 && good < opt.MaxSegment {
		f, err := os.OpenFile(filepath.Join(dir, last), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return nil, fmt.Errorf("open archive: %w", err)
		}
		a.f, a.name, a.size = f, last, good
	}
	return a, nil
}

// Segments lists the names of the archive's segments, oldest first.
func (a *Archive) Segments() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(a.dir, pattern))
	if err != nil {
		return nil, fmt.Errorf("list archive: %w", err)
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	slices.SortFunc(names, func(x, y string) int {
		if c := sequence(x) - sequence(y); c != 0 {
			return c
		}
		return strings.Compare(x, y)
	})
	return names, nil
}

// sequence is the running number in a segment's name: veille-<number>-<time>.warc.gz.
func sequence(name string) int {
	s := strings.TrimPrefix(name, "veille-")
	s, _, _ = strings.Cut(s, "-")
	n, _ := strconv.Atoi(s)
	return n
}

// cut moves what follows good into a file of its own.
func (a *Archive) cut(name string, good, size int64) error {
	path := filepath.Join(a.dir, name)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	torn, err := os.Create(fmt.Sprintf("%s.%d.torn", path, good))
	if err != nil {
		return err
	}
	defer torn.Close()
	if _, err := io.Copy(torn, io.NewSectionReader(f, good, size-good)); err != nil {
		return err
	}
	if err := torn.Sync(); err != nil {
		return err
	}
	if err := f.Truncate(good); err != nil {
		return err
	}
	return f.Sync()
}

// packers compress; one takes a megabyte to make.
var packers = sync.Pool{New: func() any {
	zw, _ := flate.NewWriter(nil, flate.DefaultCompression) // the level is valid
	return zw
}}

// member makes one gzip member with its length in the extra field "sl", and room
// for the length of the group it begins in "gr".
func member(text []byte) ([]byte, error) {
	var b bytes.Buffer
	b.Write([]byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, memberHead - 12, 0, 's', 'l', 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'g', 'r', 8, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	zw := packers.Get().(*flate.Writer)
	defer packers.Put(zw)
	zw.Reset(&b)
	if _, err := zw.Write(text); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	var tail [8]byte
	binary.LittleEndian.PutUint32(tail[:], crc32.ChecksumIEEE(text))
	binary.LittleEndian.PutUint32(tail[4:], uint32(len(text)))
	b.Write(tail[:])
	out := b.Bytes()
	binary.LittleEndian.PutUint32(out[16:], uint32(len(out)))
	binary.LittleEndian.PutUint32(out[20:], uint32(len(text)))
	return out, nil
}

const memberHead = 36

// length reads a member's length from its first bytes, and that of the group of
// members which was written with it, 0 when it does not begin one. A length of 0 is
// that of a member that is none of ours.
func length(head []byte) (member, group int64) {
	if len(head) < memberHead || !bytes.HasPrefix(head, gzipMagic) || head[3] != 4 ||
		string(head[10:16]) != "\x18\x00sl\x08\x00" || string(head[24:28]) != "gr\x08\x00" {
		return 0, 0
	}
	member, group = int64(binary.LittleEndian.Uint32(head[16:])), int64(binary.LittleEndian.Uint64(head[28:]))
	if member <= memberHead+8 || group < 0 || group > 1<<40 {
		return 0, 0
	}
	return member, group
}

// verifyTail is how much of a segment's end is decompressed when it is opened: what
// lies before was synced long before the end was written.
const verifyTail = 4 << 20

// walk tells how far a segment is good: up to the end of the last group that is
// whole, since what was appended together stays or goes together.
func walk(path string) (good, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	size = st.Size()
	head := make([]byte, memberHead)
	at, until := int64(0), int64(0) // of the group being walked
	for at < size {
		if _, err := f.ReadAt(head, at); err != nil {
			if err == io.EOF {
				return good, size, nil
			}
			return good, size, err
		}
		n, group := length(head)
		if n == 0 || at+n > size || at+group > size {
			return good, size, nil
		}
		if group > 0 {
			until = at + group
		}
		if at+n > size-verifyTail {
			r := NewReader(io.NewSectionReader(f, at, n), at)
			if rec, err := r.Next(); err != nil || rec.Cut {
				return good, size, nil
			}
			if _, err := r.Next(); err != io.EOF || r.Damaged > 0 {
				return good, size, nil
			}
		}
		if at += n; at >= until {
			good = at // the group is whole
		}
	}
	return good, size, nil
}

// text renders a record for the file.
func (rec *Record) text() []byte {
	var b bytes.Buffer
	if rec.Version == "" {
		rec.Version = "WARC/1.1"
	}
	if rec.ID() == "" {
		rec.Set("WARC-Record-ID", newID())
	}
	rec.Set("WARC-Block-Digest", Digest(rec.Block))
	rec.Set("Content-Length", strconv.Itoa(len(rec.Block)))
	b.Grow(len(rec.Block) + 1024)
	b.WriteString(rec.Version + "\r\n")
	clean := strings.NewReplacer("\r", " ", "\n", " ")
	for _, f := range rec.Fields {
		b.WriteString(clean.Replace(f.Name) + ": " + clean.Replace(f.Value) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(rec.Block)
	b.WriteString("\r\n\r\n")
	return b.Bytes()
}

// Append writes the records one after the other into one segment and returns where
// they stand, once they are on disk. After an error, or a crash, either all of them
// are there or none.
func (a *Archive) Append(recs ...Record) ([]Loc, error) {
	var body []byte
	offs := make([]int64, len(recs))
	for i := range recs {
		m, err := member(recs[i].text())
		if err != nil {
			return nil, fmt.Errorf("compress record: %w", err)
		}
		offs[i] = int64(len(body))
		body = append(body, m...)
	}
	if len(recs) > 0 {
		binary.LittleEndian.PutUint64(body[28:], uint64(len(body)))
	}

	a.mu.Lock()
	if err := a.ready(); err != nil {
		a.mu.Unlock()
		return nil, err
	}
	f, name, gen, at := a.f, a.name, a.gen, a.size
	if _, err := f.Write(body); err != nil {
		// What was written of it is cut off; if that fails too, the segment is left.
		if f.Truncate(at) != nil {
			a.failed[gen] = err
		}
		a.mu.Unlock()
		return nil, fmt.Errorf("write archive %s: %w", name, err)
	}
	a.size += int64(len(body))
	end := a.size
	a.mu.Unlock()

	if err := a.sync(f, gen, end); err != nil {
		return nil, fmt.Errorf("sync archive %s: %w", name, err)
	}
	locs := make([]Loc, len(recs))
	for i := range locs {
		locs[i] = Loc{name, at + offs[i]}
	}
	return locs, nil
}

// sync waits until the segment is on disk up to end. Whoever holds the lock syncs
// for all who wrote before.
func (a *Archive) sync(f *os.File, gen int, end int64) error {
	a.syncMu.Lock()
	defer a.syncMu.Unlock()
	if a.synced.gen > gen || a.synced.gen == gen && a.synced.off >= end {
		return nil
	}
	a.mu.Lock()
	err, left, upto := a.failed[gen], a.gen != gen, a.size
	a.mu.Unlock()
	if err != nil || left { // a segment is synced when it is left
		return err
	}
	if err := f.Sync(); err != nil {
		// After a failed sync the kernel may have dropped the pages and calls the next
		// one a success: nothing of this segment can be relied on any more.
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.gen != gen { // it was left, and closed, meanwhile
			return a.failed[gen]
		}
		a.failed[gen] = err
		return err
	}
	a.synced.gen, a.synced.off = gen, upto
	return nil
}

// ready makes sure that there is a segment to write to. It is called with mu held.
func (a *Archive) ready() error {
	if a.f != nil && a.failed[a.gen] == nil && a.size < a.opt.MaxSegment {
		return nil
	}
	if a.f != nil {
		// Some who wrote to it may not have synced yet: it is done for them here.
		if a.failed[a.gen] == nil {
			if err := a.f.Sync(); err != nil {
				a.failed[a.gen] = err
				return fmt.Errorf("sync archive %s: %w", a.name, err)
			}
		}
		a.f.Close()
		a.f = nil
	}
	now := a.opt.Now().UTC()
	a.seq++
	name := fmt.Sprintf("veille-%06d-%s.warc.gz", a.seq, now.Format("20060102150405"))
	f, err := os.OpenFile(filepath.Join(a.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("new archive segment: %w", err)
	}
	info := Record{Fields: []Field{
		{"WARC-Type", TypeInfo}, {"WARC-Record-ID", newID()}, {"WARC-Date", stamp(now)},
		{"WARC-Filename", name}, {"Content-Type", "application/warc-fields"},
	}, Block: []byte("software: " + a.opt.Software + "\r\nformat: WARC File Format 1.1\r\nconformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n")}
	m, err := member(info.text())
	if err == nil {
		_, err = f.Write(m)
	}
	if err == nil {
		err = syncDir(a.dir) // the name must survive as well as the bytes
	}
	if err != nil {
		f.Close()
		os.Remove(filepath.Join(a.dir, name))
		return fmt.Errorf("new archive segment: %w", err)
	}
	a.f, a.name, a.size = f, name, int64(len(m))
	a.gen++
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Before orders places within one archive.
func (l Loc) Before(o Loc) bool {
	if a, b := sequence(l.File), sequence(o.File); a != b {
		return a < b
	}
	return l.Offset < o.Offset
}

// End is where the next record will stand, or before.
func (a *Archive) End() Loc {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.f == nil {
		return Loc{fmt.Sprintf("veille-%06d-", a.seq+1), 0}
	}
	return Loc{a.name, a.size}
}

// Scan gives the header of every record from a place on, in order: their Block is
// empty, [Archive.Read] gives it. A zero place is the beginning. Damaged places
// within a segment end it, and the next one is read.
func (a *Archive) Scan(from Loc, f func(rec Record, at Loc) error) error {
	names, err := a.Segments()
	if err != nil {
		return err
	}
	for _, name := range names {
		at := int64(0)
		switch s, o := sequence(name), sequence(from.File); {
		case s < o:
			continue
		case s == o:
			at = from.Offset
		}
		if err := a.scan(name, at, f); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) scan(name string, at int64, f func(rec Record, at Loc) error) error {
	file, err := os.Open(filepath.Join(a.dir, name))
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	end := st.Size()
	head := make([]byte, memberHead)
	for at < end {
		if _, err := file.ReadAt(head, at); err != nil {
			return nil // a tail that is being written
		}
		n, _ := length(head)
		if n == 0 || at+n > end {
			return nil
		}
		rec, err := NewReader(io.NewSectionReader(file, at, n), at).header()
		if err == nil {
			if err := f(rec, Loc{name, at}); err != nil {
				return err
			}
		}
		at += n
	}
	return nil
}

// Read takes one record back.
func (a *Archive) Read(at Loc) (Record, error) {
	if at.File != filepath.Base(at.File) || at.File == "" {
		return Record{}, fmt.Errorf("read archive: %q is not the name of a segment", at.File)
	}
	f, err := os.Open(filepath.Join(a.dir, at.File))
	if err != nil {
		return Record{}, fmt.Errorf("read archive: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(at.Offset, io.SeekStart); err != nil {
		return Record{}, fmt.Errorf("read archive: %w", err)
	}
	rec, err := NewReader(f, at.Offset).Next()
	switch {
	case errors.Is(err, io.EOF), err == nil && rec.Offset != at.Offset:
		return Record{}, fmt.Errorf("read archive %s: no record at %d", at.File, at.Offset)
	case err != nil:
		return Record{}, fmt.Errorf("read archive %s at %d: %w", at.File, at.Offset, err)
	}
	return rec, nil
}

// Size is the number of bytes of all segments.
func (a *Archive) Size() (int64, error) {
	names, err := a.Segments()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, n := range names {
		if st, err := os.Stat(filepath.Join(a.dir, n)); err == nil {
			sum += st.Size()
		}
	}
	return sum, nil
}

// Prune removes the oldest segments: those whose records were all written before a
// time, and more while the archive is larger than most bytes. A zero time or 0
// bytes set no limit. The segment that is being written to always stays.
func (a *Archive) Prune(before time.Time, most int64) (removed int, freed int64, err error) {
	names, err := a.Segments()
	if err != nil {
		return 0, 0, err
	}
	size, err := a.Size()
	if err != nil {
		return 0, 0, err
	}
	for i, n := range names[:max(len(names)-1, 0)] {
		// A segment ends where the next one begins.
		end := began(names[i+1])
		old := !before.IsZero() && !end.IsZero() && end.Before(before)
		if !old && (most <= 0 || size <= most) {
			break // nothing is removed from the middle
		}
		path := filepath.Join(a.dir, n)
		st, err := os.Stat(path)
		if err != nil {
			return removed, freed, fmt.Errorf("prune archive: %w", err)
		}
		if err := os.Remove(path); err != nil {
			return removed, freed, fmt.Errorf("prune archive: %w", err)
		}
		removed++
		freed += st.Size()
		size -= st.Size()
	}
	return removed, freed, nil
}

// began is the time in a segment's name.
func began(name string) time.Time {
	_, s, _ := strings.Cut(strings.TrimPrefix(name, "veille-"), "-")
	t, err := time.Parse("20060102150405", strings.TrimSuffix(s, ".warc.gz"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Path is where a segment lies.
func (a *Archive) Path(name string) string { return filepath.Join(a.dir, filepath.Base(name)) }

// Close ends writing.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.f == nil {
		return nil
	}
	err := a.f.Sync()
	if err2 := a.f.Close(); err == nil {
		err = err2
	}
	a.f = nil
	return err
}
