// Package index is the searchable view of the log: articles, deals and prices in
// bleve, of which it is the only user.
//
// [Open] opens or creates it in a folder, [Index.PutExtractions] and
// [Index.PutDeals] bring it up to date, [Index.Search] asks it, [Index.Stats]
// counts. What is put is durable when the call returns; putting the same twice
// changes nothing.
//
// It is a view: everything in it comes from the log and can be dropped. Damage
// found when it is opened moves it aside and leaves an empty one, with
// [Index.NeedsRebuild] set; the caller replays the log. [Index.OpenNew] builds a
// successor beside the one that serves and [Index.Swap] exchanges them.
//
// It parses no queries (package query does), reads no log, knows no catalogue.
//
// What is stored, one bleve document each, under the document's own id: an article
// with the extraction it came in, a deal, a price, and a tombstone for a deal that
// is gone. Field names begin with the kind of the document (a. d. p.), so that two
// kinds never answer for one another and every kind keeps its own statistics.
//
//	DIR/LOCK                  one process at a time
//	DIR/CURRENT               format, name of the folder that serves
//	DIR/g-…/                  a bleve index
//	DIR/g-…/checked, opened   what Open goes by to find damage, see folder.go
//	DIR/aside-…/              a damaged one, kept until the next is moved aside
package index

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
	"github.com/klauspost/compress/zstd"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Format is raised when stored documents, fields or the analyser change: an index
// of an older format is rebuilt, one of a newer format is refused.
const Format = 5

var (
	// ErrLocked tells that another process has the folder open.
	ErrLocked = errors.New("index is in use by another process")
	// ErrNewer tells that a newer veille wrote the folder.
	ErrNewer = errors.New("index was written by a newer version")
	// ErrBusy tells that too many searches are waiting already.
	ErrBusy = errors.New("too many searches at once")
	// ErrClosed tells that the index has been closed.
	ErrClosed = errors.New("index is closed")
	// ErrNotFound tells that there is no such article or deal.
	ErrNotFound = errors.New("not found")
)

// Gone tells that a deal is there no more: merged into another, or retracted.
type Gone struct {
	ID   string
	Kind string // "merged" or "retracted"
	Into string // surviving deal, for "merged"
}

func (e *Gone) Error() string {
	if e.Into != "" {
		return "deal " + e.ID + " was merged into " + e.Into
	}
	return "deal " + e.ID + " was retracted"
}

// Options set what the caller may choose. The zero value is good.
type Options struct {
	// Zone is where days and weeks of facets and series begin: Europe/Paris if nil.
	Zone *time.Location
	// BatchSize is how many documents are written at once: 1,000 if zero. More is
	// faster and takes more memory, about 0.3 MB a document.
	BatchSize int
	// Searches is how many run at once, 2 per processor if zero. Others wait, up to
	// [MaxWaiting] of them.
	Searches int
	// Catalogue knows the trades of vendors, for the field kind; may be nil.
	Catalogue query.Catalogue
	// Now is the clock of relative dates; time.Now if nil.
	Now func() time.Time
}

// MaxWaiting is how many searches may wait for their turn; more get [ErrBusy].
const MaxWaiting = 64

// Index is open until [Index.Close]. All methods may be called concurrently.
type Index struct {
	lg   *slog.Logger
	dir  string
	opt  Options
	lock *os.File
	slot chan struct{} // one token per running search
	slow chan struct{} // one token per search in the slow lane, see turn.go
	wait atomic.Int64  // searches that wait for one

	mu      sync.Mutex // serialises writes and swaps
	cur     atomic.Pointer[shelf]
	rebuild atomic.Pointer[string]
	beside  bool // made by OpenNew: owns no lock, is not CURRENT
}

// shelf is one bleve index with its columns. It is closed when its last user has
// let go of it.
type shelf struct {
	folder string
	bl     bleve.Index
	adv    index.Index
	m      mapping.IndexMapping
	gen    atomic.Uint64
	at     atomic.Int64 // when it was committed, milliseconds since 1970
	cols   columns
	enc    *zstd.Encoder
	dec    *zstd.Decoder

	viewMu     sync.Mutex
	view       *snapshot // the newest; nil once closed
	viewed     time.Time // when it was made, or found to be the newest still
	refreshMu  sync.Mutex
	refreshing atomic.Bool
	background sync.WaitGroup

	lived func()      // drops the mark of this start; nil for a new index
	timer *time.Timer // calls it

	users atomic.Int64 // 1 for the owner, 1 per search under way
	done  chan struct{}
	err   error
}

type current struct {
	Format int    `json:"format"`
	Folder string `json:"folder"`
}

// Open opens the index in dir, and creates it there when there is none. A damaged
// or outdated index is moved aside and replaced by an empty one. The errors wrap
// [ErrLocked] or [ErrNewer], or come from the file system.
func Open(lg *slog.Logger, dir string, opt Options) (*Index, error) {
	if lg == nil {
		lg = slog.New(slog.DiscardHandler)
	}
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	lock, err := lockFolder(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("open index %s: %w", dir, err)
	}
	ix := &Index{lg: lg, dir: dir, opt: opt, lock: lock, slot: make(chan struct{}, opt.Searches), slow: make(chan struct{}, slowLane())}
	if err := ix.open(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open index %s: %w", dir, err)
	}
	return ix, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Zone == nil {
		z, err := time.LoadLocation("Europe/Paris")
		if err != nil {
			return o, fmt.Errorf("load time zone of the index: %w", err)
		}
		o.Zone = z
	}
	if o.BatchSize <= 0 {
		o.BatchSize = 1000
	}
	if o.Searches <= 0 {
		o.Searches = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

func (ix *Index) open() error {
	path := filepath.Join(ix.dir, "CURRENT")
	body, err := os.ReadFile(path)
	var cur current
	switch {
	case errors.Is(err, os.ErrNotExist):
		if left, _ := filepath.Glob(filepath.Join(ix.dir, "g-*")); len(left) > 0 {
			ix.sweep("")
			return ix.create("the file CURRENT is missing")
		}
		return ix.create("")
	case err != nil:
		return err
	}
	if err := json.Unmarshal(body, &cur); err != nil || cur.Format < 1 || !strings.HasPrefix(cur.Folder, "g-") || filepath.Base(cur.Folder) != cur.Folder {
		return ix.create("the file CURRENT is unreadable")
	}
	switch {
	case cur.Format > Format:
		return fmt.Errorf("%w: format %d, this one knows %d", ErrNewer, cur.Format, Format)
	case cur.Format < Format:
		ix.aside(cur.Folder)
		return ix.create(fmt.Sprintf("its format is %d, this version writes %d", cur.Format, Format))
	}
	ix.sweep(cur.Folder)
	folder := filepath.Join(ix.dir, cur.Folder)
	if err := verify(folder); err != nil {
		ix.aside(cur.Folder)
		return ix.create(err.Error())
	}
	sh, err := openShelf(folder, ix.opt)
	if err != nil {
		ix.aside(cur.Folder)
		return ix.create(err.Error())
	}
	ix.cur.Store(sh)
	return nil
}

// create makes an empty index the one that serves. why is not empty when it
// replaces one that was there.
func (ix *Index) create(why string) error {
	sh, err := newShelf(ix.freshFolder(), ix.opt)
	if err != nil {
		return err
	}
	if err := ix.publish(sh); err != nil {
		sh.release()
		return err
	}
	if why != "" {
		ix.rebuild.Store(&why)
		ix.lg.Warn("index moved aside, rebuild needed", "dir", ix.dir, "reason", why)
	}
	ix.cur.Store(sh)
	return nil
}

func (ix *Index) publish(sh *shelf) error {
	body, err := json.Marshal(current{Format: Format, Folder: filepath.Base(sh.folder)})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(ix.dir, "CURRENT"), append(body, '\n'))
}

// freshFolder names a folder that does not exist yet; names sort by age.
func (ix *Index) freshFolder() string {
	for n := time.Now().UnixMilli(); ; n++ {
		f := filepath.Join(ix.dir, "g-"+strconv.FormatInt(n, 36))
		if _, err := os.Lstat(f); errors.Is(err, os.ErrNotExist) {
			return f
		}
	}
}

// NeedsRebuild tells why the index was replaced by an empty one when it was
// opened, and whether it was. It stays set until [Index.Rebuilt] or [Index.Swap].
func (ix *Index) NeedsRebuild() (reason string, needed bool) {
	if p := ix.rebuild.Load(); p != nil {
		return *p, true
	}
	return "", false
}

// Rebuilt clears NeedsRebuild: the log has been replayed.
func (ix *Index) Rebuilt() { ix.rebuild.Store(nil) }

func newShelf(folder string, opt Options) (*shelf, error) {
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	m.ScoringModel = index.BM25Scoring
	bl, err := bleve.NewUsing(folder, m, scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", folder, err)
	}
	return newShelfOf(folder, bl, opt)
}

func openShelf(folder string, opt Options) (*shelf, error) {
	lived, err := markOpened(folder)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", folder, err)
	}
	// The lock of the folder is ours; bolt's own must never block.
	bl, err := guard(func() (bleve.Index, error) {
		return bleve.OpenUsing(folder, map[string]any{"bolt_timeout": "1s"})
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", folder, err)
	}
	sh, err := newShelfOf(folder, bl, opt)
	if err != nil {
		return nil, err
	}
	sh.lived = lived
	sh.timer = time.AfterFunc(settled, lived)
	return sh, nil
}

func newShelfOf(folder string, bl bleve.Index, opt Options) (*shelf, error) {
	adv, err := bl.Advanced()
	if err != nil {
		return nil, errors.Join(err, bl.Close())
	}
	sh := &shelf{folder: folder, bl: bl, adv: adv, m: bl.Mapping(), done: make(chan struct{})}
	sh.cols.zone = opt.Zone
	if sh.enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, errors.Join(err, bl.Close())
	}
	if sh.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxStored)); err != nil {
		return nil, errors.Join(err, bl.Close())
	}
	sh.users.Store(1)
	gen, err := bl.GetInternal(genKey)
	if err != nil {
		return nil, errors.Join(err, bl.Close())
	}
	if len(gen) == 16 {
		sh.gen.Store(binary.BigEndian.Uint64(gen))
		sh.at.Store(int64(binary.BigEndian.Uint64(gen[8:])))
	} else {
		// A new index must not repeat the numbers of the one it replaces.
		sh.gen.Store(uint64(time.Now().UnixMilli()) << 12)
	}
	if _, err := guard(func() (any, error) { return nil, sh.refresh() }); err != nil {
		return nil, errors.Join(err, bl.Close())
	}
	os.Remove(filepath.Join(folder, "checked")) // true again at the next clean close
	return sh, nil
}

// maxStored bounds one stored document once it is unpacked.
const maxStored = 64 << 20

// genKey holds the generation and the time of its commit, written with each batch.
var genKey = []byte("veille-generation")

// hold returns the shelf that serves; the caller releases it.
func (ix *Index) hold() (*shelf, error) {
	for {
		sh := ix.cur.Load()
		if sh == nil {
			return nil, ErrClosed
		}
		if n := sh.users.Load(); n > 0 && sh.users.CompareAndSwap(n, n+1) {
			return sh, nil
		}
	}
}

func (sh *shelf) release() {
	if sh.users.Add(-1) == 0 {
		sh.background.Wait()
		sh.viewMu.Lock()
		if sh.view != nil {
			sh.err = sh.view.close()
			sh.view = nil
		}
		sh.viewMu.Unlock()
		sh.err = errors.Join(sh.err, sh.bl.Close())
		if sh.lived != nil {
			sh.timer.Stop()
			sh.lived()
		}
		if sh.err == nil {
			sh.err = seal(sh.folder)
		}
		close(sh.done)
	}
}

// Close waits for what is under way and closes the index.
func (ix *Index) Close() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	sh := ix.cur.Swap(nil)
	if sh == nil {
		return nil
	}
	sh.release()
	<-sh.done
	err := sh.err
	if ix.lock != nil {
		err = errors.Join(err, ix.lock.Close())
	}
	if err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}

// Generation changes with every commit, also over restarts and rebuilds.
func (ix *Index) Generation() uint64 {
	if sh := ix.cur.Load(); sh != nil {
		return sh.gen.Load()
	}
	return 0
}

// Committed tells when something was last put into the index; the zero time for an
// index that nothing was put into.
func (ix *Index) Committed() time.Time {
	if sh := ix.cur.Load(); sh != nil && sh.at.Load() != 0 {
		return time.UnixMilli(sh.at.Load()).UTC()
	}
	return time.Time{}
}

// OpenNew makes an empty index beside the one that serves, to be filled and given
// to [Index.Swap], or dropped by [Index.Discard]. One at a time.
func (ix *Index) OpenNew() (*Index, error) {
	if ix.cur.Load() == nil {
		return nil, ErrClosed
	}
	sh, err := newShelf(ix.freshFolder(), ix.opt)
	if err != nil {
		return nil, fmt.Errorf("open new index: %w", err)
	}
	nx := &Index{lg: ix.lg, dir: ix.dir, opt: ix.opt, slot: make(chan struct{}, ix.opt.Searches), slow: make(chan struct{}, slowLane()), beside: true}
	nx.cur.Store(sh)
	return nx, nil
}

// Swap makes nx, made by [Index.OpenNew], the one that serves. Searches under way
// end on the old one, which is then deleted. nx must not be used any more.
func (ix *Index) Swap(nx *Index) error {
	if !nx.beside || nx.dir != ix.dir {
		return errors.New("swap index: not made by OpenNew of this index")
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	nx.mu.Lock()
	defer nx.mu.Unlock()
	sh := nx.cur.Load()
	if sh == nil || ix.cur.Load() == nil {
		return fmt.Errorf("swap index: %w", ErrClosed)
	}
	if err := ix.publish(sh); err != nil {
		return fmt.Errorf("swap index: %w", err)
	}
	nx.cur.Store(nil)
	if old := ix.cur.Load().gen.Load(); sh.gen.Load() <= old {
		sh.gen.Store(old + 1)
	}
	old := ix.cur.Swap(sh)
	ix.rebuild.Store(nil)
	old.release()
	<-old.done
	if err := os.RemoveAll(old.folder); err != nil {
		ix.lg.Warn("old index not deleted", "folder", old.folder, "error", err)
	}
	return nil
}

// Discard closes and deletes an index made by [Index.OpenNew] that is not wanted.
func (ix *Index) Discard() error {
	if !ix.beside {
		return errors.New("discard index: it is the one that serves")
	}
	sh := ix.cur.Load()
	if err := ix.Close(); err != nil || sh == nil {
		return err
	}
	return os.RemoveAll(sh.folder)
}

// Compact merges what is there into few large segments: a smaller index that answers
// faster. It reads and writes all of it, so it is for the end of a rebuild, before
// [Index.Swap].
func (ix *Index) Compact(ctx context.Context) error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	sh, err := ix.hold()
	if err != nil {
		return err
	}
	defer sh.release()
	s, ok := sh.adv.(*scorch.Scorch)
	if !ok {
		return fmt.Errorf("compact index: it is a %T", sh.adv)
	}
	if err := s.ForceMerge(ctx, nil); err != nil {
		return fmt.Errorf("compact index: %w", err)
	}
	return sh.refresh()
}

// PutExtractions brings articles and their prices up to date. What was said of an
// article before is replaced, and prices that are no longer said are gone; an
// extraction of an older version of the article than the one held changes nothing.
// Durable when it returns.
func (ix *Index) PutExtractions(ctx context.Context, xs []schemas.Extraction) error {
	for i, x := range xs {
		if x.Article.ID == "" {
			return &BadDocument{i, "extraction " + x.ID + ": its article has no id"}
		}
		for _, p := range x.Prices {
			if p.ID == "" {
				return &BadDocument{i, "article " + x.Article.ID + ": a price without id"}
			}
		}
	}
	return ix.write(ctx, len(xs), func(w *writer, i int) error { return w.putExtraction(xs[i]) })
}

// PutDeals brings deals up to date; an event whose deal has a lower Rev than the
// state held changes nothing. A deal that was merged or retracted leaves a
// tombstone. Durable when it returns.
func (ix *Index) PutDeals(ctx context.Context, es []schemas.DealEvent) error {
	for i, e := range es {
		if e.Deal.ID == "" {
			return &BadDocument{i, e.Kind + " event of a deal without id"}
		}
	}
	return ix.write(ctx, len(es), func(w *writer, i int) error { return w.putDeal(es[i]) })
}

func (ix *Index) write(ctx context.Context, n int, put func(*writer, int) error) error {
	if n == 0 {
		return nil
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	sh, err := ix.hold()
	if err != nil {
		return err
	}
	defer sh.release()
	w, err := newWriter(sh, ix.opt)
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	defer func() { w.close() }()
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := put(w, i); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
		if w.batch.Size() < ix.opt.BatchSize && i < n-1 {
			continue
		}
		if err := w.commit(); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
		if i < n-1 {
			w.close()
			if w, err = newWriter(sh, ix.opt); err != nil {
				return fmt.Errorf("write index: %w", err)
			}
		}
	}
	return nil
}
