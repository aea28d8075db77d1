package ingest

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/cespare/xxhash/v2"
)

// Near-copies are found by MinHash over the 5-word shingles of a text (Broder,
// "On the resemblance and containment of documents", 1997): 128 hash functions,
// of each of which the lowest 8 bits are kept (Li and König, "b-Bit Minwise
// Hashing", 2010), in 32 bands of 4, so that two texts that share half of their
// shingles meet in a band nearly always. What meets is compared in full.
const (
	shingle  = 5
	hashes   = 128
	bandRows = 4
	bands    = hashes / bandRows
	// jaccard is the share of common shingles from which two texts are near-copies.
	jaccard = 0.5
	// shortText is the number of words below which texts are not compared: agency
	// phrases alone would make copies of them.
	shortText = 40
	// meetings is how many candidates are compared in full for one text.
	meetings = 8
	// maxChain is how many articles of one band are looked at, the newest first.
	maxChain = 64
)

// leaf is one published article, as far as it can lead a fold.
type leaf struct {
	id, source string
	seq        uint64 // of its newest version
	key        uint64 // of its final address
	sig        []byte
	seen       time.Time
	host       string // registrable domain of its address
	fold       string // its leader, when it is a copy
	version    string

	slot int32        // its place in folds.slots
	next [bands]int32 // the slot after it in each band's chain, 0 at the end
}

// folds finds articles that repeat an earlier one. Its lock is held by the flush
// that looks up, publishes and enters.
type folds struct {
	mu    sync.Mutex
	leafs map[string]*leaf
	keys  map[uint64]string
	// Articles that agree in a band form a chain through their slots: a kilobyte an
	// article in all, where slices of names took three.
	bands [bands]map[uint32]int32
	slots []*leaf // slot 0 is nobody's
	free  []int32
	swept time.Time
}

func newFolds() *folds {
	f := &folds{leafs: map[string]*leaf{}, keys: map[uint64]string{}, slots: make([]*leaf, 1)}
	for i := range f.bands {
		f.bands[i] = map[uint32]int32{}
	}
	return f
}

// addressKey names a final address.
func addressKey(addr string) uint64 { return xxhash.Sum64String(canonical(addr)) }

// signature gives the MinHash of a text, nil for one that is too short.
func signature(text string) []byte {
	sh := shingles(text)
	if len(sh) < shortText-shingle+1 {
		return nil
	}
	var low [hashes]uint64
	for i := range low {
		low[i] = ^uint64(0)
	}
	for h := range sh {
		// 128 hashes from one: multiply by odd constants of a fixed sequence.
		a := h | 1
		for i := range low {
			hi, lo := bits.Mul64(h+uint64(i)*0x9e3779b97f4a7c15, a^mix[i])
			if v := hi ^ lo; v < low[i] {
				low[i] = v
			}
		}
	}
	sig := make([]byte, hashes)
	for i, v := range low {
		sig[i] = byte(v)
	}
	return sig
}

// mix is a fixed sequence of odd numbers (splitmix64 from 1).
var mix = func() (m [hashes]uint64) {
	x := uint64(1)
	for i := range m {
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		m[i] = (z ^ z>>31) &^ 1
	}
	return m
}()

// shingles is the set of the hashes of a text's 5-word sequences. Of a very long
// text the first 20,000 words count.
func shingles(text string) map[uint64]struct{} {
	out := map[uint64]struct{}{}
	var ring [shingle]uint64
	n := 0
	var buf [8 * shingle]byte
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		copy(ring[:], ring[1:])
		ring[shingle-1] = xxhash.Sum64String(strings.ToLower(w))
		if n++; n >= 20_000 {
			break
		}
		if n >= shingle {
			for i, h := range ring {
				binary.LittleEndian.PutUint64(buf[8*i:], h)
			}
			out[xxhash.Sum64(buf[:])] = struct{}{}
		}
	}
	return out
}

// resemblance is the Jaccard index of two sets of shingles.
func resemblance(a, b map[uint64]struct{}) float64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	both := 0
	for h := range a {
		if _, ok := b[h]; ok {
			both++
		}
	}
	all := len(a) + len(b) - both
	if all == 0 {
		return 0
	}
	return float64(both) / float64(all)
}

// enough is the resemblance from which two texts tell the same story. Headlines that
// differ ask for more, more still within one outlet, whose short pieces share their
// closing paragraphs; and few words prove little.
func enough(sameTitle, sameOutlet bool, shingles int) float64 {
	switch {
	case sameTitle:
		return jaccard
	case sameOutlet:
		return 0.9
	case shingles < 120:
		return 0.75
	}
	return 0.6
}

// estimate is the resemblance that two signatures suggest.
func estimate(a, b []byte) float64 {
	if len(a) != hashes || len(b) != hashes {
		return 0
	}
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	const chance = 1.0 / 256
	return max(0, (float64(same)/hashes-chance)/(1-chance))
}

func band(sig []byte, i int) uint32 { return binary.LittleEndian.Uint32(sig[i*bandRows:]) }

// enter makes an article findable, or changes what is known of it.
func (f *folds) enter(l leaf) {
	if old, ok := f.leafs[l.id]; ok {
		f.leave(old)
	}
	f.leafs[l.id] = &l
	if l.key != 0 {
		if _, taken := f.keys[l.key]; !taken || l.fold == "" {
			f.keys[l.key] = l.id
		}
	}
	l.slot, l.next = 0, [bands]int32{}
	if len(l.sig) != hashes {
		return
	}
	if n := len(f.free); n > 0 {
		l.slot, f.free = f.free[n-1], f.free[:n-1]
		f.slots[l.slot] = &l
	} else {
		l.slot = int32(len(f.slots))
		f.slots = append(f.slots, &l)
	}
	for i := range f.bands {
		k := band(l.sig, i)
		l.next[i] = f.bands[i][k]
		f.bands[i][k] = l.slot
	}
}

func (f *folds) leave(l *leaf) {
	if f.keys[l.key] == l.id {
		delete(f.keys, l.key)
	}
	if l.slot > 0 {
		for i := range f.bands {
			k := band(l.sig, i)
			if f.bands[i][k] == l.slot {
				if l.next[i] == 0 {
					delete(f.bands[i], k)
				} else {
					f.bands[i][k] = l.next[i]
				}
				continue
			}
			for o := f.slots[f.bands[i][k]]; o != nil; o = f.slots[o.next[i]] {
				if o.next[i] == l.slot {
					o.next[i] = l.next[i]
					break
				}
			}
		}
		f.slots[l.slot] = nil
		f.free = append(f.free, l.slot)
		l.slot = 0
	}
	delete(f.leafs, l.id)
}

// leader follows a copy to the article that leads its fold.
func (f *folds) leader(id string) *leaf {
	for range 4 {
		l := f.leafs[id]
		if l == nil || l.fold == "" {
			return l
		}
		id = l.fold
	}
	return nil
}

// candidates lists the leaders that a text may repeat, the likeliest first.
func (f *folds) candidates(id string, sig []byte) []*leaf {
	if len(sig) != hashes {
		return nil
	}
	type found struct {
		l *leaf
		e float64
	}
	var list []found
	seen := map[string]bool{id: true}
	for i := range f.bands {
		hops := 0
		for o := f.slots[f.bands[i][band(sig, i)]]; o != nil && hops < maxChain; o = f.slots[o.next[i]] {
			hops++
			if seen[o.id] {
				continue
			}
			seen[o.id] = true
			e := estimate(sig, o.sig)
			if e < jaccard-0.2 {
				continue
			}
			l := f.leader(o.id)
			if l == nil || seen[l.id] && l.id != o.id || l.id == id {
				continue
			}
			seen[l.id] = true
			list = append(list, found{l, e})
		}
	}
	out := make([]*leaf, 0, meetings)
	for len(list) > 0 && len(out) < meetings {
		best := 0
		for i := range list {
			if list[i].e > list[best].e {
				best = i
			}
		}
		out = append(out, list[best].l)
		list = append(list[:best], list[best+1:]...)
	}
	return out
}

// sweep forgets articles that are too old to be compared with.
func (f *folds) sweep(now time.Time, span time.Duration) {
	if now.Sub(f.swept) < time.Hour && now.After(f.swept) {
		return
	}
	f.swept = now
	for _, l := range f.leafs {
		if now.Sub(l.seen) > span {
			f.leave(l)
		}
	}
}

// agree tells whether two near-copies state the same facts: all numbers of the
// shorter stand in the longer, and so do the names that it repeats. A text that
// was copied to say something else with it is not a copy.
func agree(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	na, ca := facts(a)
	nb, cb := facts(b)
	for n := range na {
		if nb[n] == 0 {
			return false
		}
	}
	missing, all := 0, 0
	for c, times := range ca {
		all++
		if cb[c] == 0 {
			if missing++; times >= 2 {
				return false
			}
		}
	}
	return missing*10 <= all
}

// facts counts a text's numbers and capitalised words.
func facts(s string) (numbers, names map[string]int) {
	numbers, names = map[string]int{}, map[string]int{}
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != ',' && r != '%'
	}) {
		w = strings.Trim(w, ".,")
		if w == "" {
			continue
		}
		if strings.ContainsFunc(w, unicode.IsDigit) {
			numbers[w]++
			continue
		}
		for _, r := range w {
			if unicode.IsUpper(r) && len(w) > 2 {
				names[w]++
			}
			break
		}
	}
	return numbers, names
}
