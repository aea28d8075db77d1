// Package money reads amounts of money and price changes from French and
// English prose, and prices from the short strings of web shops.
//
// Make one [Reader] with [New] and keep it. [Reader.Article] applies the rules of
// press articles: what is no price is left out, and each amount is given a kind
// (what it is: a product's price, a deal's value, a fine…). [Reader.Read] returns
// every amount of a sentence, number words and cents too. [Reader.ReadShop]
// returns the first price of a shop string, with or without a currency sign.
//
// Amounts are exact decimals held as strings; no floating point is used. The
// package does not know vendors or products: it gives the clause, the sentence
// and the words left of the verb as spans, and the caller links them. It fetches
// no exchange rates and converts nothing.
//
//	text ─> tokens ─> sentences ─> amounts (number + currency, ranges, units)
//	                      │             │
//	                      └─> phrases ──┴─> kind, subkind, qualifier
//
// The kind is chosen by a small linear model over what the cues of the lexicon say,
// the fields of meaning and the words around the amount, its size and its units.
// Its whole-number weights are in weights.tsv; go generate learns them anew from the
// annotated articles (command train).
//
// Work is linear in the length of the text: a phrase lookup is a walk in a trie,
// a number has at most 40 digits, a sentence at most 400 tokens, a text at most
// [MaxAmounts] amounts.
package money

// MaxAmounts is the most amounts returned for one title or text.
const MaxAmounts = 200

// Span is a half-open range of byte offsets.
type Span struct{ Start, End int }

// Amount is one amount of money, or one price change, as it stands in a text.
type Amount struct {
	// Text is the surface, In[Start:End], with its bound and units:
	// "à partir de CHF 1'250 par mois".
	Text       string
	In         string // "title" or "text"
	Start, End int

	// Low and High are exact decimals; "" is an open end. An amount that is
	// exact or approximate has both alike.
	Low, High string
	Currency  string // ISO 4217, "%" for a price change in percent, "" for cents without a currency
	Symbol    string // the currency as written; "" when taken over from another amount

	Kind      string // product_price price_change deal_value funding revenue market_size fine salary other
	Subkind   string
	Qualifier string // from up_to approx range less_than more_than list street promo old new forecast target delta
	Per       string // user, device, TB, million tokens, …
	Period    string // hour day month quarter year
	Tax       string // excl or incl
	Alt       []Alt  // conversions given in parentheses or after "soit"

	Cue      string // the words that decided the kind; "" when nothing near did
	Score    int    // how strongly, for choosing between two readings
	Sentence Span
	Clause   Span
	Subject  Span // from the clause's start to its verb or cue; empty when not known
}

// Alt is an amount converted to another currency by the text itself.
type Alt struct {
	Low, High, Currency string
	Start, End          int
}

// options tell the grammar what sort of text it reads.
type options struct {
	words bool // number words, cents and currency words before the number count
	shop  bool // shop signs and thousands by the shop rule
}

// Read returns every amount of money in a sentence or short text, in order:
// number words and cents too, without the rules of articles. lang is "fr", "en"
// or "", and gives way to what the text shows.
func (r *Reader) Read(text, lang string) []Amount {
	s := r.scan()
	defer s.release()
	s.begin(r, text, lang, options{words: true})
	s.readAll()
	return s.amounts("text")
}

// Article returns the amounts and price changes of a title and its text: those
// of the title first, each in order of place.
func (r *Reader) Article(title, text, lang string) []Amount {
	t, b := r.scan(), r.scan()
	defer t.release()
	defer b.release()
	t.begin(r, title, lang, options{})
	b.begin(r, text, lang, options{})
	if len(b.toks) > len(t.toks) {
		t.adopt(b)
	}
	t.readAll()
	b.readAll()
	b.classify(t)
	t.body = b
	t.classify(nil)
	out := append(t.amounts("title"), b.amounts("text")...)
	agree(out)
	return out
}

// agree gives equal amounts of one article one kind: that of the surest reading.
func agree(all []Amount) {
	type key struct{ low, high, currency string }
	best := make(map[key]int, len(all))
	for i := range all {
		k := key{all[i].Low, all[i].High, all[i].Currency}
		if j, ok := best[k]; !ok || all[i].Score > all[j].Score {
			best[k] = i
		}
	}
	for i := range all {
		j := best[key{all[i].Low, all[i].High, all[i].Currency}]
		if all[i].Kind != all[j].Kind {
			all[i].Kind, all[i].Subkind, all[i].Cue = all[j].Kind, all[j].Subkind, all[j].Cue
		}
	}
}
