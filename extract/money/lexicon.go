package money

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"example.org/veille/extract/lexicon"
)

//go:embed currencies.yaml
var currenciesYAML []byte

// The files' forms; the comments in them are the manual.
type (
	sheet struct {
		Language   string              `yaml:"language"`
		Decimal    string              `yaml:"decimal"`
		Function   []string            `yaml:"function"`
		Currencies map[string][]string `yaml:"currencies"`
		Subunits   []string            `yaml:"subunits"`
		Magnitudes map[string][]string `yaml:"magnitudes"`
		Numbers    map[string][]string `yaml:"numbers"`
		Halves     []string            `yaml:"halves"`
		Quarters   []string            `yaml:"quarters"`
		Bounds     []struct {
			Qualifier string   `yaml:"qualifier"`
			Side      string   `yaml:"side"`
			Needs     string   `yaml:"needs"`
			Words     []string `yaml:"words"`
		} `yaml:"bounds"`
		Fillers   []string `yaml:"fillers"`
		Negations []string `yaml:"negations"`
		Units     struct {
			Per          map[string][]string `yaml:"per"`
			Period       map[string][]string `yaml:"period"`
			Prepositions []string            `yaml:"prepositions"`
			Phrases      map[string][]string `yaml:"phrases"`
			Each         []string            `yaml:"each"`
			Tax          map[string][]string `yaml:"tax"`
			Joiners      []string            `yaml:"joiners"`
		} `yaml:"units"`
		Links      map[string][]string `yaml:"links"`
		Change     map[string][]string `yaml:"change"`
		Qualifiers map[string][]string `yaml:"qualifiers"`
		Kinds      []struct {
			Kind    string   `yaml:"kind"`
			Subkind string   `yaml:"subkind"`
			Side    string   `yaml:"side"`
			Weight  int      `yaml:"weight"`
			Words   []string `yaml:"words"`
		} `yaml:"kinds"`
	}
	sign struct {
		Signs []string `yaml:"signs"`
		Shop  []string `yaml:"shop"`
		Fused []string `yaml:"fused"`
		Three bool     `yaml:"three"`
	}
)

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
	roleTax    // name: excl or incl
	roleJoiner
	roleLink // name: between, and, from, …
	roleChange
	roleQualifier
	roleKind
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
}

// trie is a set of phrases over word ids.
type trie struct {
	next map[uint64]int32
	at   [][]phrase
}

func newTrie() *trie { return &trie{next: map[uint64]int32{}, at: make([][]phrase, 1)} }

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
	folded map[string]int32
	stems  map[string]int32
	stem   int // length of the shortest stem
	exact  map[string]int32
	last   int32
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
	signs  *trie // currency signs and codes, over exact ids
	shop   *trie // the same and what only a shop string may hold
	fused  map[string]fusion
	known  map[string]bool
	thirds map[string]bool // currencies with thousandths
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
		words: words{folded: map[string]int32{}, stems: map[string]int32{}, stem: 99, exact: map[string]int32{}},
		signs: newTrie(), shop: newTrie(),
		fused: map[string]fusion{}, known: map[string]bool{"%": true}, thirds: map[string]bool{},
	}
	var signs map[string]sign
	if err := yaml.Unmarshal(currenciesYAML, &signs); err != nil {
		return nil, fmt.Errorf("read currencies.yaml: %w", err)
	}
	for code, s := range signs {
		r.known[code] = true
		r.thirds[code] = s.Three
		for _, text := range s.Signs {
			p := phrase{role: roleCurrency, name: code, sub: tight(text)}
			r.signs.put(r.exactIDs(text), p)
			r.shop.put(r.exactIDs(text), p)
		}
		for _, text := range s.Shop {
			r.shop.put(r.exactIDs(text), phrase{role: roleCurrency, name: code, sub: tight(text)})
		}
		for abbr, power := range abbreviations {
			for _, text := range s.Fused {
				r.fused[abbr+text] = fusion{power, code}
			}
			if power >= 3 && len(code) == 3 && len(s.Signs) > 0 {
				r.fused[abbr+code] = fusion{power, code}
			}
		}
	}
	for abbr, power := range abbreviations {
		r.fused[abbr] = fusion{power, ""}
	}
	sheets := map[string]*sheet{}
	order := []string{"fr", "en"}
	for _, code := range order {
		b, err := lexicon.Prices.ReadFile(code + "/prices.yaml")
		if err != nil {
			return nil, fmt.Errorf("read price lexicon: %w", err)
		}
		s := new(sheet)
		if err := yaml.UnmarshalWithOptions(b, s, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("read %s/prices.yaml: %w", code, err)
		}
		if s.Language != code {
			return nil, fmt.Errorf("read %s/prices.yaml: language is %q", code, s.Language)
		}
		sheets[code] = s
	}
	for i, code := range order {
		l := &language{code: code, comma: sheets[code].Decimal == ",", phrases: newTrie()}
		if err := r.compile(l, sheets[code], true); err != nil {
			return nil, err
		}
		if err := r.compile(l, sheets[order[1-i]], false); err != nil {
			return nil, err
		}
		r.langs = append(r.langs, l)
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

// compile adds a sheet to a language; of the other language's sheet (own false)
// only what names money, where the own one has no such word.
func (r *Reader) compile(l *language, s *sheet, own bool) error {
	add := func(text string, p phrase) {
		ids := r.foldedIDs(text)
		if !own {
			node := int32(0)
			for _, id := range ids {
				n, ok := l.phrases.step(node, id)
				if !ok {
					node = -1
					break
				}
				node = n
			}
			if node > 0 && len(l.phrases.at[node]) > 0 {
				return
			}
		}
		l.phrases.put(ids, p)
	}
	list := func(texts []string, p phrase) {
		for _, text := range texts {
			add(text, p)
		}
	}
	for code, texts := range s.Currencies {
		r.known[code] = true
		list(texts, phrase{role: roleCurrency, name: code})
	}
	for power, texts := range s.Magnitudes {
		n, err := strconv.Atoi(power)
		if err != nil {
			return fmt.Errorf("%s/prices.yaml: magnitude %q is no power of ten", s.Language, power)
		}
		list(texts, phrase{role: roleMagnitude, n: n})
	}
	if !own {
		return nil
	}
	list(s.Subunits, phrase{role: roleSubunit})
	for value, texts := range s.Numbers {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%s/prices.yaml: number %q", s.Language, value)
		}
		list(texts, phrase{role: roleNumber, n: n})
	}
	list(s.Halves, phrase{role: roleHalf})
	list(s.Quarters, phrase{role: roleQuarter})
	for _, b := range s.Bounds {
		p := phrase{role: roleBound, name: b.Qualifier, sub: b.Needs}
		if b.Side == "after" {
			p.role = roleBoundAfter
		}
		list(b.Words, p)
	}
	list(s.Fillers, phrase{role: roleFiller})
	list(s.Negations, phrase{role: roleNegation})
	u := &s.Units
	for name, nouns := range u.Per {
		for _, noun := range nouns {
			for _, prep := range u.Prepositions {
				add(prep+" "+noun, phrase{role: rolePer, name: name})
			}
		}
	}
	for name, nouns := range u.Period {
		for _, noun := range nouns {
			for _, prep := range u.Prepositions {
				add(prep+" "+noun, phrase{role: rolePeriod, name: name})
			}
		}
	}
	for name, texts := range u.Phrases {
		list(texts, phrase{role: rolePeriod, name: name})
	}
	list(u.Each, phrase{role: rolePer, name: "unit"})
	for name, texts := range u.Tax {
		list(texts, phrase{role: roleTax, name: name})
	}
	list(u.Joiners, phrase{role: roleJoiner})
	for name, texts := range s.Links {
		list(texts, phrase{role: roleLink, name: name})
	}
	for name, texts := range s.Change {
		list(texts, phrase{role: roleChange, name: name})
	}
	for name, texts := range s.Qualifiers {
		list(texts, phrase{role: roleQualifier, name: name})
	}
	for _, k := range s.Kinds {
		list(k.Words, phrase{role: roleKind, name: k.Kind, sub: k.Subkind, n: k.Weight, after: k.Side == "after"})
	}
	list(s.Function, phrase{role: roleFunction})
	return nil
}

func (r *Reader) foldedIDs(text string) []int32 {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	toks, _ := tokenize(text, nil, nil, false)
	var ids []int32
	for i, t := range toks {
		w := text[t.start:t.end]
		if t.kind == symbol && w == "*" && i > 0 && !t.gap {
			prev := toks[i-1]
			stem := text[prev.start:prev.end]
			r.words.stem = min(r.words.stem, len(stem))
			ids[len(ids)-1] = r.words.intern(r.words.stems, stem)
			continue
		}
		ids = append(ids, r.words.intern(r.words.folded, w))
	}
	return ids
}

func (r *Reader) exactIDs(text string) []int32 {
	toks, _ := tokenize(text, nil, nil, false)
	var ids []int32
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
	b := buf[:0]
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
	t.id = w.folded[string(b)]
	if t.kind == word {
		for n := len(b); n >= w.stem; n-- {
			if id, ok := w.stems[string(b[:n])]; ok {
				t.stem = id
				break
			}
		}
	}
}
