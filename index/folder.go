package index

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2/util"
	"go.etcd.io/bbolt"
)

// What keeps damage from being served. bleve checks nothing when it opens: a
// flipped bit in a segment stays unseen, a snapshot that cannot be loaded silently
// becomes the one before it, and a truncated root.bolt ends the whole process with
// SIGBUS, again at every start. So all that matters is looked at before.
//
//	store/root.bolt  its meta pages are compared with its length, then the newest
//	                 snapshot is walked; after a clean close its SHA-256 is compared
//	                 with the one in the file "checked"
//	store/*.zap      end in the CRC-32 of all before, which is compared; after a
//	                 crash only those of the newest snapshot, others may be unfinished
//	index_meta.json  like root.bolt
//	opened           one byte per start that has not lasted: an index that ends the
//	                 process each time is given up
//
// The segments have their sum from the moment they are written, so no list of
// ours can lag behind them after a crash.

// maxOpened is how many starts in a row may end before the index has written
// anything or lived for [settled].
const (
	maxOpened = 8
	settled   = time.Second
)

// verify tells the first thing wrong with the index in folder.
func verify(folder string) error {
	if b, err := os.ReadFile(filepath.Join(folder, "opened")); err == nil && len(b) >= maxOpened {
		return fmt.Errorf("the last %d starts ended at once", len(b))
	}
	want, err := os.ReadFile(filepath.Join(folder, "checked"))
	closed := err == nil
	if closed {
		got, err := sum(folder)
		if err != nil {
			return err
		}
		if got != strings.TrimSpace(string(want)) {
			return errors.New("root.bolt or index_meta.json is not what was written")
		}
	} else if !errors.Is(err, os.ErrNotExist) { // else it was not closed: a crash, which bleve survives
		return err
	}
	root := filepath.Join(folder, "store", "root.bolt")
	if err := verifyRoot(root); err != nil {
		return err
	}
	segments, err := guard(func() ([]string, error) { return segmentsOf(root) })
	if err != nil {
		return fmt.Errorf("root.bolt is damaged: %w", err)
	}
	if closed {
		others, err := filepath.Glob(filepath.Join(folder, "store", "*.zap"))
		if err != nil {
			return err
		}
		for _, name := range others {
			if name = filepath.Base(name); !slices.Contains(segments, name) {
				segments = append(segments, name)
			}
		}
	}
	for _, name := range segments {
		if err := verifySegment(filepath.Join(folder, "store", name)); err != nil {
			return err
		}
	}
	return nil
}

// segmentsOf lists the segment files of the newest snapshot of a bleve root. It
// stays in one goroutine, so that guard catches every fault.
func segmentsOf(root string) (names []string, err error) {
	db, err := bbolt.Open(root, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(func(tx *bbolt.Tx) error {
		all := tx.Bucket(util.BoltSnapshotsBucket)
		if all == nil {
			return nil // nothing was ever written
		}
		newest, _ := all.Cursor().Last()
		if newest == nil {
			return nil
		}
		snapshot := all.Bucket(newest)
		if snapshot == nil {
			return errors.New("the newest snapshot is no bucket")
		}
		return snapshot.ForEachBucket(func(k []byte) error {
			b := snapshot.Bucket(k)
			if k[0] == util.BoltInternalKey[0] || k[0] == util.BoltMetaDataKey[0] {
				return b.ForEach(func(_, _ []byte) error { return nil })
			}
			name := string(b.Get(util.BoltPathKey))
			if name == "" || filepath.Base(name) != name {
				return fmt.Errorf("a segment is called %q", name)
			}
			names = append(names, name)
			return nil
		})
	})
	return names, err
}

// markOpened counts a start; the count is dropped by the function returned.
func markOpened(folder string) (lived func(), err error) {
	name := filepath.Join(folder, "opened")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("x")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	var once sync.Once
	return func() { once.Do(func() { os.Remove(name) }) }, nil
}

// seal writes what verify compares. The index has been closed.
func seal(folder string) error {
	// Files of older snapshots, and what a crash left unfinished, go: nothing reads
	// them again, and they must not look like damage next time.
	segments, err := segmentsOf(filepath.Join(folder, "store", "root.bolt"))
	if err != nil {
		return err
	}
	all, err := filepath.Glob(filepath.Join(folder, "store", "*.zap"))
	if err != nil {
		return err
	}
	for _, name := range all {
		if !slices.Contains(segments, filepath.Base(name)) {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	s, err := sum(folder)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, "checked"), []byte(s+"\n"))
}

func sum(folder string) (string, error) {
	h := sha256.New()
	for _, name := range []string{filepath.Join("store", "root.bolt"), "index_meta.json"} {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func verifySegment(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() < 44 { // shorter than its footer
		return fmt.Errorf("segment %s is cut short", filepath.Base(name))
	}
	h := crc32.NewIEEE()
	if _, err := io.Copy(h, io.LimitReader(f, st.Size()-4)); err != nil {
		return err
	}
	var end [4]byte
	if _, err := io.ReadFull(f, end[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(end[:]) != h.Sum32() {
		return fmt.Errorf("segment %s is damaged", filepath.Base(name))
	}
	return nil
}

// verifyRoot reads the two meta pages of a bolt file, in its layout of version 2:
// page header 16 bytes, then magic, version, page size, flags (4 bytes each), root
// bucket (16), freelist, high-water page, transaction, checksum (8 each).
func verifyRoot(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	valid := false
	for _, at := range []int64{0, int64(os.Getpagesize())} {
		var p [80]byte
		if _, err := f.ReadAt(p[:], at); err != nil {
			continue
		}
		m := p[16:]
		le := binary.NativeEndian
		sum := uint64(14695981039346656037) // FNV-1a
		for _, c := range m[:56] {
			sum = (sum ^ uint64(c)) * 1099511628211
		}
		if le.Uint32(m) != 0xED0CDAED || le.Uint32(m[4:]) != 2 || le.Uint64(m[56:]) != sum {
			continue
		}
		size, high := uint64(le.Uint32(m[8:])), le.Uint64(m[40:])
		if size == 0 || high > 1<<40 || high*size > uint64(st.Size()) {
			return errors.New("root.bolt is cut short")
		}
		valid = true
	}
	if !valid {
		return errors.New("root.bolt is damaged")
	}
	return nil
}

// guard runs open and turns a panic, and a fault on a mapped page, into an error.
func guard[T any](open func() (T, error)) (v T, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return open()
}

// aside moves a folder out of the way, and drops the one that was moved before.
func (ix *Index) aside(folder string) {
	old, _ := filepath.Glob(filepath.Join(ix.dir, "aside-*"))
	for _, f := range old {
		os.RemoveAll(f)
	}
	from := filepath.Join(ix.dir, folder)
	if err := os.Rename(from, filepath.Join(ix.dir, "aside-"+strings.TrimPrefix(folder, "g-"))); err != nil && !errors.Is(err, os.ErrNotExist) {
		ix.lg.Warn("damaged index not moved aside", "folder", from, "error", err)
	}
}

// sweep deletes folders that were being built or replaced when the process ended.
func (ix *Index) sweep(keep string) {
	found, _ := filepath.Glob(filepath.Join(ix.dir, "g-*"))
	for _, f := range found {
		if filepath.Base(f) != keep {
			os.RemoveAll(f)
		}
	}
}

// writeFile replaces a file durably and at once.
func writeFile(name string, body []byte) error {
	tmp := name + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
