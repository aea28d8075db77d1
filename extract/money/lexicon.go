package money

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"example.org/veille/extract/lexicon"
)

//go:embed currencies.yaml
var currenciesYAML []byte

// role is what a phrase does in the grammar.
type role uint8

const (
	roleCurrency role = iota + 1
	roleSubunit
	roleMagnitude
	roleNumber
	roleHalf
	roleQuarter
	roleBound
	roleBoundAfter
	roleFiller
	roleNegation
	rolePer    // name: what it is counted by
	rolePeriod // name: hour, day, …
	rolePreposition
	rolePerNoun    // what is a unit after a preposition: "par utilisateur"
	rolePeriodNoun // "a month"
	roleTax        // name: excl or incl
	roleJoiner
	roleLink // name: between, and, from, …
	roleChange
	roleQualifier
	roleKind
	roleField
	roleFunction
)

// phrase is one line of the lexicon, compiled.
type phrase struct {
	role   role
	name   string // currency code, qualifier, unit, kind, …
	sub    string // subkind
	n      int    // power of ten, number or weight
	after  bool   // a cue that counts only where it touches the amount from behind
	tokens int
	kind   int16 // index into Reader.fieldNames
}

// trie is a set of phrases over word ids.
type trie struct {
	next map[uint64]int32
	at   [][]phrase
}

func newTrie(size int) *trie {
	return &trie{next: make(map[uint64]int32, size), at: make([][]phrase, 1, size)}
}

func (t *trie) step(node, id int32) (int32, bool) {
	n, ok := t.next[uint64(uint32(node))<<32|uint64(uint32(id))]
	return n, ok
}

func (t *trie) put(ids []int32, p phrase) {
	node := int32(0)
	for _, id := range ids {
		n, ok := t.step(node, id)
		if !ok {
			n = int32(len(t.at))
			t.next[uint64(uint32(node))<<32|uint64(uint32(id))] = n
			t.at = append(t.at, nil)
		}
		node = n
	}
	p.tokens = len(ids)
	for _, q := range t.at[node] {
		if q == p {
			return
		}
	}
	t.at[node] = append(t.at[node], p)
}

// language is one compiled sheet.
type language struct {
	code    string
	comma   bool
	phrases *trie
}

// words numbers the words of the lexicon, as written and as stems.
type words struct {
	folded  map[string]int32
	stems   map[string]int32
	stem    int // length of the shortest stem
	longest int // and of the longest
	exact   map[string]int32
	last    int32
}

// builder numbers phrases while the lexicon is compiled, with buffers to reuse.
type builder struct {
	toks []token
	nums []literal
	ids  []int32
}

func (w *words) intern(m map[string]int32, s string) int32 {
	if id, ok := m[s]; ok {
		return id
	}
	w.last++
	m[strings.Clone(s)] = w.last
	return w.last
}

// Reader finds amounts of money. It is immutable and safe for concurrent use.
type Reader struct {
	words  words
	langs  []*language
	signs  *trie             // currency signs and codes, over exact ids
	shop   *trie             // the same and what only a shop string may hold
	fused  map[string]string // what may follow an abbreviation: EUR, E
	known  map[string]bool
	thirds map[string]bool // currencies with thousandths
	pool   sync.Pool       // of *scan

	model      *model
	fieldNames []string
}

// fusion is a magnitude written together with a currency: MEUR, Mds, kE.
type fusion struct {
	power int
	code  string
}

// abbreviations are magnitudes as signs. Case counts: m and M are millions beside
// a currency only, and G is the French giga-euro.
var abbreviations = map[string]int{
	"k": 3, "K": 3, "m": 6, "M": 6, "mn": 6, "MM": 6, "mm": 6, "Mio": 6, "mio": 6, "mln": 6, "MN": 6, "Mn": 6,
	"b": 9, "B": 9, "bn": 9, "Bn": 9, "BN": 9, "bln": 9, "Md": 9, "Mds": 9, "md": 9, "mds": 9, "MD": 9, "Mrd": 9, "Mrds": 9, "mrd": 9, "Mia": 9, "Mld": 9, "G": 9,
	"T": 12, "tn": 12, "trn": 12, "Tn": 12,
}

// New compiles the embedded lexicon. It takes a few milliseconds; keep the Reader.
func New() (*Reader, error) {
	r := &Reader{
		words: words{folded: make(map[string]int32, 4000), stems: map[string]int32{}, stem: 99, exact: make(map[string]int32, 600)},
		signs: newTrie(600), shop: newTrie(700),
		fused: map[string]string{}, known: map[string]bool{"%": true}, thirds: map[string]bool{},
	}
	build := new(builder)
	signs, err := parseYAML(string(currenciesYAML))
	if err != nil {
		return nil, fmt.Errorf("read currencies.yaml: %w", err)
	}
	signs.each(func(code string, n *node) { r.addSigns(build, code, n) })
	sheets := map[string]*node{}
	order := []string{"fr", "en"}
	for _, code := range order {
		b, err := lexicon.Prices.ReadFile(code + "/prices.yaml")
		if err != nil {
			return nil, fmt.Errorf("read price lexicon: %w", err)
		}
		s, err := parseYAML(string(b))
		if err != nil {
			return nil, fmt.Errorf("read %s/prices.yaml: %w", code, err)
		}
		if got := s.get("language").text; got != code {
			return nil, fmt.Errorf("read %s/prices.yaml: language is %q", code, got)
		}
		sheets[code] = s
	}
	for i, code := range order {
		l := &language{code: code, comma: sheets[code].get("decimal").text == ",", phrases: newTrie(6000)}
		if err := r.compile(build, l, sheets[code], true); err != nil {
			return nil, err
		}
		if err := r.compile(build, l, sheets[order[1-i]], false); err != nil {
			return nil, err
		}
		r.langs = append(r.langs, l)
	}
	if r.model, err = newModel(weightsTSV); err != nil {
		return nil, err
	}
	return r, nil
}

// tight marks a sign of several pieces that is written without white space, so
// that "a $5 cable" is not in Australian dollars.
func tight(sign string) string {
	if strings.ContainsRune(sign, ' ') {
		return ""
	}
	return "tight"
}

// addSigns adds a currency's signs and codes.
func (r *Reader) addSigns(b *builder, code string, n *node) {
	r.known[code] = true
	r.thirds[code] = n.get("three").text == "true"
	signs := n.get("signs").strings()
	for _, text := range signs {
		p, ids := phrase{role: roleCurrency, name: code, sub: tight(text)}, r.exactIDs(b, text)
		r.signs.put(ids, p)
		r.shop.put(ids, p)
	}
	for _, text := range n.get("shop").strings() {
		r.shop.put(r.exactIDs(b, text), phrase{role: roleCurrency, name: code, sub: tight(text)})
	}
	for _, text := range n.get("fused").strings() {
		r.fused[text] = code
	}
	if len(signs) > 0 {
		r.fused[code] = code
	}
}

// fusion reads a magnitude alone or written together with a currency: k, MEUR, kE.
func (r *Reader) fusion(w string) (fusion, bool) {
	if len(w) > 8 {
		return fusion{}, false
	}
	if power, ok := abbreviations[w]; ok {
		return fusion{power, ""}, true
	}
	for _, size := range [2]int{3, 1} {
		if len(w) > size {
			if power, ok := abbreviations[w[:len(w)-size]]; ok {
				if code, ok := r.fused[w[len(w)-size:]]; ok {
					return fusion{power, code}, true
				}
			}
		}
	}
	return fusion{}, false
}

// compile adds a sheet to a language; of the other language's sheet (own false)
// only what names money, where the own one has no such word.
func (r *Reader) compile(b *builder, l *language, s *node, own bool) error {
	var failed error
	add := func(text string, p phrase) {
		ids := r.foldedIDs(b, text)
		if own || !l.phrases.holds(ids) {
			l.phrases.put(ids, p)
		}
	}
	list := func(n *node, p phrase) {
		for i := range n.list {
			add(n.list[i].text, p)
		}
	}
	// names adds a map from names to phrases; numbers one from numbers to phrases.
	names := func(n *node, as role) {
		n.each(func(name string, texts *node) { list(texts, phrase{role: as, name: name}) })
	}
	numbers := func(n *node, as role) {
		n.each(func(value string, texts *node) {
			k, err := strconv.Atoi(value)
			if err != nil {
				failed = fmt.Errorf("%s/prices.yaml: %q is no number", s.get("language").text, value)
			}
			list(texts, phrase{role: as, n: k})
		})
	}
	s.get("currencies").each(func(code string, texts *node) {
		r.known[code] = true
		list(texts, phrase{role: roleCurrency, name: code})
	})
	numbers(s.get("magnitudes"), roleMagnitude)
	if !own {
		return failed
	}
	numbers(s.get("numbers"), roleNumber)
	list(s.get("subunits"), phrase{role: roleSubunit})
	list(s.get("halves"), phrase{role: roleHalf})
	list(s.get("quarters"), phrase{role: roleQuarter})
	for i := range s.get("bounds").list {
		bound := &s.get("bounds").list[i]
		p := phrase{role: roleBound, name: bound.get("qualifier").text}
		if bound.get("side").text == "after" {
			p.role = roleBoundAfter
		}
		list(bound.get("words"), p)
	}
	list(s.get("fillers"), phrase{role: roleFiller})
	list(s.get("negations"), phrase{role: roleNegation})
	u := s.get("units")
	list(u.get("prepositions"), phrase{role: rolePreposition})
	names(u.get("per"), rolePerNoun)
	names(u.get("period"), rolePeriodNoun)
	names(u.get("phrases"), rolePeriod)
	list(u.get("each"), phrase{role: rolePer, name: "unit"})
	names(u.get("tax"), roleTax)
	list(u.get("joiners"), phrase{role: roleJoiner})
	names(s.get("links"), roleLink)
	names(s.get("change"), roleChange)
	names(s.get("qualifiers"), roleQualifier)
	for i := range s.get("kinds").list {
		k := &s.get("kinds").list[i]
		weight, err := strconv.Atoi(k.get("weight").text)
		if err != nil {
			return fmt.Errorf("%s/prices.yaml: weight of %s: %w", s.get("language").text, k.get("kind").text, err)
		}
		list(k.get("words"), phrase{role: roleKind, name: k.get("kind").text, sub: k.get("subkind").text, n: weight, after: k.get("side").text == "after"})
	}
	s.get("fields").each(func(name string, texts *node) {
		index, err := numberName(&r.fieldNames, name)
		if err != nil {
			failed = err
		}
		list(texts, phrase{role: roleField, name: name, kind: index})
	})
	list(s.get("function"), phrase{role: roleFunction})
	return failed
}

// numberName returns the place of a name in a list, adding it when it is new.
func numberName(list *[]string, name string) (int16, error) {
	i := slices.Index(*list, name)
	if i < 0 {
		if len(*list) == maxKinds {
			return 0, fmt.Errorf("more than %d kinds or fields", maxKinds)
		}
		i = len(*list)
		*list = append(*list, name)
	}
	return int16(i), nil
}

// holds reports whether the trie has a phrase of exactly these words.
func (t *trie) holds(ids []int32) bool {
	node := int32(0)
	for _, id := range ids {
		n, ok := t.step(node, id)
		if !ok {
			return false
		}
		node = n
	}
	return len(t.at[node]) > 0
}

func (r *Reader) foldedIDs(b *builder, text string) []int32 {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	b.toks, b.nums = tokenize(text, b.toks[:0], b.nums[:0], false)
	toks, ids := b.toks, b.ids[:0]
	defer func() { b.ids = ids }()
	for i, t := range toks {
		w := text[t.start:t.end]
		if t.kind == symbol && w == "*" && i > 0 && !t.gap {
			prev := toks[i-1]
			stem := text[prev.start:prev.end]
			r.words.stem = min(r.words.stem, len(stem))
			r.words.longest = max(r.words.longest, len(stem))
			ids[len(ids)-1] = r.words.intern(r.words.stems, stem)
			continue
		}
		ids = append(ids, r.words.intern(r.words.folded, w))
	}
	return ids
}

func (r *Reader) exactIDs(b *builder, text string) []int32 {
	b.toks, b.nums = tokenize(text, b.toks[:0], b.nums[:0], false)
	toks, ids := b.toks, b.ids[:0]
	defer func() { b.ids = ids }()
	for _, t := range toks {
		ids = append(ids, r.words.intern(r.words.exact, text[t.start:t.end]))
	}
	return ids
}

// maxWord bounds what is looked up: the longest word of the lexicon is shorter.
const maxWord = 40

// look fills in the ids of a token.
func (w *words) look(text string, t *token) {
	if t.looked {
		return
	}
	t.looked = true
	s := text[t.start:t.end]
	if len(s) > maxWord || t.kind == number {
		return
	}
	t.exact = w.exact[s]
	var buf [2 * maxWord]byte
	t.id = w.folded[string(fold(buf[:0], s))]
}

// lookStem fills in the longest known stem of a word.
func (w *words) lookStem(text string, t *token) {
	s := text[t.start:t.end]
	if t.stemmed || t.kind != word || len(s) > maxWord {
		return
	}
	t.stemmed = true
	var buf [2 * maxWord]byte
	b := fold(buf[:0], s)
	for n := min(len(b), w.longest); n >= w.stem; n-- {
		if id, ok := w.stems[string(b[:n])]; ok {
			t.stem = id
			return
		}
	}
}

// fold appends a word in lower case with plain apostrophes and hyphens.
func fold(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			b = append(b, c)
			i++
			continue
		}
		c2, n := utf8.DecodeRuneInString(s[i:])
		switch c2 {
		case '’', 'ʼ':
			c2 = '\''
		case '‐', '‑':
			c2 = '-'
		}
		b = utf8.AppendRune(b, unicode.ToLower(c2))
		i += n
	}
	return b
}
