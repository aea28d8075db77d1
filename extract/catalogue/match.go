package catalogue

import (
	"math/bits"
	"time"
	"unicode"
	"unicode/utf8"
)

// The matcher: the text is cut into words once; each word's folded hash is looked up in a table of first words; the few names that begin
// with it are compared word by word, longest first. Cost is linear in the text and does not depend on how many names there are, only on
// how many share a first word. Names are whole words by construction, so no "Capgemini" holds a "Gemini".

// By says what kind of name a [Match] is.
type By uint8

const (
	ByName     By = iota // the vendor's name or alias
	ByProduct            // a product or brand, resolved to its owner at the date
	ByPerson             // its head ("Satya Nadella"): not a mention of the vendor by itself
	ByNickname           // Virtzilla: for anaphora
	ByPlace              // Redmond: for anaphora
	ByPress              // a publisher or analyst, see [Catalogue.PressAt]
)

// Strength says how much a match proves by itself.
type Strength uint8

const (
	Strong    Strength = iota // the name is not a common word
	Ambiguous                 // the context must decide, see [Catalogue.Disambiguate]
	Weak                      // persons, places, nicknames: never enough alone
)

// Match is a name found in a text. Start and End are byte offsets, half-open; a possessive or an elided article is not part of it.
type Match struct {
	Start, End int
	VendorID   string // resolved at the date; "" for ByPress
	Product    string // canonical product name when By is ByProduct
	ProductID  string
	By         By
	Strength   Strength
	Accept     bool // for Ambiguous: what to do when the context decides nothing

	name int32
}

type sep uint8

const (
	sepNone sep = iota
	sepSpace
	sepHyphen
	sepDot
	sepAmp
	sepApos
	sepSlash
	sepPlus
	sepOther
)

type token struct {
	hash       uint64
	start, end int32
	sep        sep // what stands before it
	letters    uint8
	upper      bool // begins with a capital or a digit
	caps       bool // has letters, none of them lower case
	lower      bool // has a lower-case letter
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// maxText bounds the text that is searched, in bytes: positions are kept in 32 bits.
const maxText = 1 << 30

// asciiClass: 1 word character, 2 capital, 0 neither.
var asciiClass = [utf8.RuneSelf]uint8{
	'0': 1, '1': 1, '2': 1, '3': 1, '4': 1, '5': 1, '6': 1, '7': 1, '8': 1,
	'9': 1, 'A': 2, 'B': 2, 'C': 2, 'D': 2, 'E': 2, 'F': 2, 'G': 2, 'H': 2,
	'I': 2, 'J': 2, 'K': 2, 'L': 2, 'M': 2, 'N': 2, 'O': 2, 'P': 2, 'Q': 2,
	'R': 2, 'S': 2, 'T': 2, 'U': 2, 'V': 2, 'W': 2, 'X': 2, 'Y': 2, 'Z': 2,
	'_': 1, 'a': 1, 'b': 1, 'c': 1, 'd': 1, 'e': 1, 'f': 1, 'g': 1, 'h': 1,
	'i': 1, 'j': 1, 'k': 1, 'l': 1, 'm': 1, 'n': 1, 'o': 1, 'p': 1, 'q': 1,
	'r': 1, 's': 1, 't': 1, 'u': 1, 'v': 1, 'w': 1, 'x': 1, 'y': 1, 'z': 1,
}

// tokenize appends the words of text to toks. Letters, digits and underscores make words; accents are folded away, invisible characters
// inside a word are passed over. Web addresses are left out as a whole.
func tokenize(text string, toks []token) []token {
	if len(text) > maxText {
		text = text[:maxText]
	}
	i, gap := 0, 0 // gap: where the separator before the next word begins
	for i < len(text) {
		c := text[i]
		if c < utf8.RuneSelf && asciiClass[c] == 0 {
			if c == ':' && i+2 < len(text) && text[i+1] == '/' && text[i+2] == '/' {
				i = skipAddress(text, i)
				gap = i
				continue
			}
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(text[i:])
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				i += n
				continue
			}
		}
		var t token
		t, i = word(text, i)
		t.sep = sepOf(text[gap:t.start], len(toks) == 0 && gap == 0)
		gap = int(t.end)
		if t.end-t.start == 3 && i < len(text) && text[i] == '.' && text[t.start:t.end] == "www" {
			i = skipAddress(text, i)
			gap = i
			continue
		}
		toks = append(toks, t)
	}
	return toks
}

// word reads one word that begins at i and gives the place where reading goes on.
func word(text string, i int) (token, int) {
	t := token{start: int32(i)}
	h := uint64(fnvOffset)
	letters := 0
	for i < len(text) {
		c := text[i]
		if c < utf8.RuneSelf {
			switch asciiClass[c] {
			case 2:
				if letters == 0 {
					t.upper = true
				}
				if !t.lower {
					t.caps = true
				}
				c += 'a' - 'A'
			case 1:
				if c >= 'a' {
					t.lower, t.caps = true, false
				} else if letters == 0 {
					t.upper = true
				}
			default:
				goto done
			}
			h = (h ^ uint64(c)) * fnvPrime
			letters++
			i++
			t.end = int32(i)
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if unicode.IsUpper(r) {
				if letters == 0 {
					t.upper = true
				}
				if !t.lower {
					t.caps = true
				}
			} else if unicode.IsLetter(r) {
				t.lower, t.caps = true, false
			}
			h = hashRune(h, r)
			letters++
			i += n
			t.end = int32(i)
		case unicode.Is(unicode.Mn, r):
			i += n
			t.end = int32(i)
		case invisible(r):
			i += n
		default:
			goto done
		}
	}
done:
	t.hash = h
	t.letters = uint8(min(letters, 255))
	return t, i
}

func hashRune(h uint64, r rune) uint64 {
	if r >= 0xC0 && r < 0x180 {
		if f := latinFold[r-0xC0]; f != "" {
			for k := range len(f) {
				h = (h ^ uint64(f[k])) * fnvPrime
			}
			return h
		}
	}
	r = unicode.ToLower(r)
	var buf [utf8.UTFMax]byte
	for _, b := range buf[:utf8.EncodeRune(buf[:], r)] {
		h = (h ^ uint64(b)) * fnvPrime
	}
	return h
}

// hashOf gives the hash of a folded single word.
func hashOf(w string) uint64 {
	if toks := tokenize(w, nil); len(toks) > 0 {
		return toks[0].hash
	}
	return 0
}

func hashSet(words []string) map[uint64]bool {
	set := make(map[uint64]bool, len(words))
	for _, w := range words {
		set[hashOf(w)] = true
	}
	return set
}

func skipAddress(text string, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r', '"', '<', '>', ')', ']', '}', '|':
			return i
		}
		i++
	}
	return i
}

// sepOf classifies what stands between two words. Invisible characters count for nothing; one line break is a space, an empty line is not.
func sepOf(s string, first bool) sep {
	if s == "" {
		if first {
			return sepOther
		}
		return sepNone
	}
	if s == " " {
		return sepSpace
	}
	spaces, breaks, marks := 0, 0, 0
	kind := sepOther
	for _, r := range s {
		switch {
		case r == '\n':
			breaks++
			spaces++
		case invisible(r):
		case unicode.IsSpace(r):
			spaces++
		default:
			marks++
			switch r {
			case '-', 0x2010, 0x2011:
				kind = sepHyphen
			case '.':
				kind = sepDot
			case '&':
				kind = sepAmp
			case '\'', '’', 'ʼ', '‘':
				kind = sepApos
			case '/':
				kind = sepSlash
			case '+':
				kind = sepPlus
			default:
				kind = sepOther
			}
		}
		if marks > 1 || breaks > 1 {
			return sepOther
		}
	}
	switch {
	case marks == 0 && spaces > 0:
		return sepSpace
	case marks == 0:
		return sepNone
	case spaces == 0, kind == sepAmp, kind == sepPlus && breaks == 0:
		return kind
	}
	return sepOther
}

// name is a compiled name.
type name struct {
	text        string
	words       []nameWord
	lang        string
	target      int32
	from, until Date
	guard       int32
	role        role
	lower       bool
	hyphens     bool
}

type nameWord struct {
	hash       uint64
	start, end uint16
	sep        sep
	letters    uint8
	flags      uint8
}

const (
	wordUpper = 1 << iota
	wordCaps
	wordLower
)

func newNameWord(text string, t token) nameWord {
	w := nameWord{hash: t.hash, start: uint16(t.start), end: uint16(t.end), sep: t.sep, letters: t.letters}
	if t.upper {
		w.flags |= wordUpper
	}
	if t.caps {
		w.flags |= wordCaps
	}
	if t.lower {
		w.flags |= wordLower
	}
	return w
}

// graceDays: the press often uses a vendor's future name between announcement and effective date. Products have no grace: an acquired
// brand belongs to its buyer only from the day on, and is a party of its own in the news of the purchase.
const graceDays = 366

// validity ranks the name on the day: 0 not valid, 1 valid within the grace before its beginning, 2 valid.
func (n *name) validity(c *Catalogue, day Date) int {
	if day == 0 {
		if n.until != 0 {
			return 1
		}
		return 2
	}
	if n.until != 0 && day >= n.until {
		return 0
	}
	if n.from == 0 || day >= n.from {
		return 2
	}
	if day >= n.from-graceDays && n.role != roleProduct {
		return 1
	}
	return 0
}

// index is an open-addressing table from the hash of a first word to a range of names.
type index struct {
	slots []slot
	shift uint
}

type slot struct {
	hash       uint64
	start, end int32
}

// newIndex expects names sorted by the hash of their first word.
func newIndex(names []name) index {
	distinct := 0
	for i := range names {
		if i == 0 || names[i].words[0].hash != names[i-1].words[0].hash {
			distinct++
		}
	}
	log := bits.Len(uint(distinct*2 + 1))
	x := index{slots: make([]slot, 1<<log), shift: uint(64 - log)}
	for i := 0; i < len(names); {
		h := names[i].words[0].hash
		j := i + 1
		for j < len(names) && names[j].words[0].hash == h {
			j++
		}
		k := int((h * 0x9E3779B97F4A7C15) >> x.shift)
		for x.slots[k].end != 0 {
			k = (k + 1) & (len(x.slots) - 1)
		}
		x.slots[k] = slot{h, int32(i), int32(j)}
		i = j
	}
	return x
}

func (x *index) lookup(h uint64) (start, end int32) {
	k := int((h * 0x9E3779B97F4A7C15) >> x.shift)
	for {
		s := &x.slots[k]
		if s.end == 0 {
			return 0, 0
		}
		if s.hash == h {
			return s.start, s.end
		}
		k = (k + 1) & (len(x.slots) - 1)
	}
}

// bucket lists the names that begin with the word.
func (x *index) bucket(h uint64) []int32 {
	start, end := x.lookup(h)
	out := make([]int32, 0, end-start)
	for i := start; i < end; i++ {
		out = append(out, i)
	}
	return out
}

// Find gives the vendors and products named in the text, as they are to be understood at the date, in order, without overlaps.
// Ambiguous names are in the result with their Strength: pass it to [Catalogue.Disambiguate].
func (c *Catalogue) Find(text string, at time.Time) []Match {
	return c.scan(text, DateOf(at), ByProduct)
}

// Scan is [Catalogue.Find] with everything else the catalogue knows: heads, nicknames, headquarters, publishers and analysts.
func (c *Catalogue) Scan(text string, at time.Time) []Match {
	return c.scan(text, DateOf(at), ByPress)
}

func (c *Catalogue) scan(text string, day Date, upTo By) []Match {
	return c.scanTokens(text, tokenize(text, make([]token, 0, len(text)/6+8)), day, upTo)
}

func (c *Catalogue) scanTokens(text string, toks []token, day Date, upTo By) []Match {
	var out []Match
	for i := 0; i < len(toks); {
		n, words := c.longest(text, toks, i, day)
		if n < 0 {
			i++
			continue
		}
		if m, ok := c.match(n, toks[i], toks[i+words-1], day); ok && m.By <= upTo {
			out = append(out, m)
		}
		i += words
	}
	return out
}

// longest gives the name that begins at token i and takes most words, or -1.
func (c *Catalogue) longest(text string, toks []token, i int, day Date) (int32, int) {
	start, end := c.index.lookup(toks[i].hash)
	best, bestWords, bestRank := int32(-1), 0, 0
	for k := start; k < end; k++ {
		n := &c.names[k]
		if len(n.words) < bestWords {
			break
		}
		if len(n.words) > len(toks)-i || !n.fits(text, toks[i:]) {
			continue
		}
		v := n.validity(c, day)
		if v == 0 {
			continue
		}
		// A name that holds today beats one in its year of grace; a vendor beats a product, and so on.
		rank := v*int(lastRole) + int(lastRole-n.role)
		if rank > bestRank {
			best, bestWords, bestRank = k, len(n.words), rank
		}
	}
	if best >= 0 && !bounded(text, toks, i, bestWords) {
		return -1, 0
	}
	return best, bestWords
}

func (c *Catalogue) match(i int32, first, last token, day Date) (Match, bool) {
	n := &c.names[i]
	m := Match{Start: int(first.start), End: int(last.end), name: i}
	switch n.role {
	case roleVendor:
		m.By, m.VendorID = ByName, c.vendors[n.target].ID
	case roleProduct:
		p := &c.products[n.target]
		prod := &c.vendors[p.vendor].Products[p.at]
		m.By, m.Product, m.ProductID = ByProduct, prod.Name, prod.ID
		m.VendorID = c.vendors[p.owner(day)].ID
	case rolePerson:
		m.By, m.VendorID, m.Strength = ByPerson, c.vendors[n.target].ID, Weak
	case roleNickname:
		m.By, m.VendorID, m.Strength = ByNickname, c.vendors[n.target].ID, Weak
	case rolePlace:
		m.By, m.VendorID, m.Strength = ByPlace, c.vendors[n.target].ID, Weak
	case rolePress:
		m.By = ByPress
	default:
		return Match{}, false
	}
	if n.guard >= 0 && m.Strength == Strong {
		m.Strength, m.Accept = Ambiguous, c.guards[n.guard].accept
	}
	return m, true
}

// fits compares the name with the words from toks[0] on: hashes, separators, then case.
func (n *name) fits(text string, toks []token) bool {
	for k := 1; k < len(n.words); k++ {
		w, t := &n.words[k], &toks[k]
		if w.hash != t.hash || !sepFits(w.sep, t.sep, n.hyphens) {
			return false
		}
	}
	for k := range n.words {
		w, t := &n.words[k], &toks[k]
		if w.letters != t.letters && t.letters < 255 && len(text[t.start:t.end]) == int(t.end-t.start) && isASCII(text[t.start:t.end]) && isASCII(n.text[w.start:w.end]) {
			return false // a collision of hashes
		}
		if !n.caseFits(w, t, text) {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func sepFits(want, got sep, hyphens bool) bool {
	switch {
	case want == got:
		return want != sepOther
	case want == sepSpace:
		return got == sepHyphen && hyphens
	case want == sepHyphen:
		return got == sepSpace
	}
	return false
}

// caseFits: the exact spelling always fits; otherwise a capitalised word needs a capital ("azure" is a colour), an acronym of up to three
// letters needs its capitals ("Sap" is not SAP), and capitals throughout are a heading and fit anything.
func (n *name) caseFits(w *nameWord, t *token, text string) bool {
	if n.text[w.start:w.end] == text[t.start:t.end] {
		return true
	}
	switch {
	case w.flags&wordUpper == 0: // the name itself is written small: iPhone, monday.com
		return true
	case t.caps:
		return true
	case t.upper:
		return w.flags&wordCaps == 0 || w.letters > 3
	}
	return n.lower
}

// bounded refuses names that are part of an address, a handle or a word with an apostrophe.
func bounded(text string, toks []token, i, words int) bool {
	first, last := toks[i], toks[i+words-1]
	if first.start > 0 {
		switch text[first.start-1] {
		case '@':
			return false
		case '.', '/':
			// "support.microsoft.com" is an address; "cloud.Microsoft annonce" is a lost space.
			if !first.upper && first.sep == sepDot {
				return false
			}
		}
	}
	if first.sep == sepApos && i > 0 && !elides(text[toks[i-1].start:toks[i-1].end]) && toks[i-1].end+1 >= first.start-2 {
		if b := text[toks[i-1].end:first.start]; !hasSpace(b) {
			return false
		}
	}
	if int(last.end)+1 < len(text) {
		switch text[last.end] {
		case '@':
			return false
		case '$':
			return false // CA$, US$, A$ are money
		case '.':
			if !first.upper && asciiClass[text[last.end+1]&0x7f] != 0 {
				return false
			}
		}
	}
	return true
}

func hasSpace(s string) bool {
	for _, r := range s {
		if unicode.IsSpace(r) {
			return true
		}
	}
	return false
}

// elides says whether the word is a French article or conjunction that loses its vowel before a name.
func elides(w string) bool {
	switch Fold(w) {
	case "l", "d", "c", "j", "m", "n", "s", "t", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu", "presqu":
		return true
	}
	return false
}
