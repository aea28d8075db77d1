// Package corpusgen makes up a corpus of trade news for benchmarks: as many
// articles as wanted, half French and half English, each with vendors, signals and
// prices, the same ones at every run. The words are invented, with the letters and
// endings of their language, and as unevenly frequent as real ones (Zipf's law,
// exponent 1.06), so that sizes and times say something about real text.
//
// [New] makes the vocabulary, [Corpus.Extraction] and [Corpus.Deal] the documents.
// What they say means nothing: it is of no use to measure extraction or ranking.
package corpusgen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"time"

	"example.org/veille/schemas"
)

// Size of the vocabulary of one language, and of the catalogue of vendors.
const (
	Words   = 60_000
	Vendors = 500
)

// Corpus is a vocabulary and a seed. It is read-only and may be shared.
type Corpus struct {
	seed  uint64
	words map[string][]string // by language, most frequent first
	cum   []float64           // cumulative frequency by rank
	Start time.Time           // publication of the first article
	Every time.Duration       // from one article to the next
	Len   int                 // words per article, on average
}

// New makes a corpus. Two with one seed are equal.
func New(seed uint64) *Corpus {
	c := &Corpus{seed: seed, words: map[string][]string{}, Start: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Every: 10 * time.Minute, Len: 500}
	for _, lang := range []string{"fr", "en"} {
		c.words[lang] = vocabulary(lang, seed)
	}
	c.cum = make([]float64, Words)
	total := 0.0
	for i := range c.cum {
		total += math.Pow(float64(i+1), -1.06)
		c.cum[i] = total
	}
	for i := range c.cum {
		c.cum[i] /= total
	}
	return c
}

func vocabulary(lang string, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, uint64(lang[0])))
	onset := strings.Fields("b c d f g l m n p r s t v br ch cl cr dr fr gr pl pr tr st")
	vowel := strings.Fields("a e i o u a e i o u ai ou")
	end := strings.Fields("er ing ed s ly ness ment ion al ty")
	common := strings.Fields("the of and to in a for is on that with as by it from at this be are its has was an will said not which new their more")
	if lang == "fr" {
		vowel = strings.Fields("a e i o u é è ê a e i o u é eu ou oi œu à")
		end = strings.Fields("er e es é ée tion ment eur euse if al aux ique")
		common = strings.Fields("de la le et les des en un une du dans est que pour qui par sur plus avec pas au ce se sont son il aux ses cette mais")
	}
	seen := map[string]bool{}
	out := make([]string, 0, Words)
	for _, w := range common {
		seen[w] = true
		out = append(out, w)
	}
	for len(out) < Words {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			b.WriteString(onset[r.IntN(len(onset))])
			b.WriteString(vowel[r.IntN(len(vowel))])
		}
		b.WriteString(onset[r.IntN(18)])
		if r.IntN(3) > 0 {
			b.WriteString(end[r.IntN(len(end))])
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// Word returns the word of a rank, 0 the most frequent of a language.
func (c *Corpus) Word(lang string, rank int) string { return c.words[lang][rank] }

func (c *Corpus) draw(r *rand.Rand, lang string) string {
	return c.words[lang][sort.SearchFloat64s(c.cum, r.Float64())]
}

// Vendor returns the id and name of a vendor.
func Vendor(n int) (id, name string) {
	return fmt.Sprintf("vendor-%03d", n), fmt.Sprintf("Vendor %03d", n)
}

// Lang is the language of an article.
func Lang(i int) string { return []string{"fr", "en"}[i%2] }

func (c *Corpus) rand(i int, what uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.seed<<8|what, uint64(i)))
}

// party picks a vendor, some far more often than others.
func party(r *rand.Rand) int {
	return int(math.Floor(Vendors * math.Pow(r.Float64(), 2.5)))
}

// Extraction makes the i-th article and what was found in it.
func (c *Corpus) Extraction(i int) schemas.Extraction {
	r, lang := c.rand(i, 1), Lang(i)
	at := c.Start.Add(time.Duration(i) * c.Every)
	source := fmt.Sprintf("outlet-%02d", r.IntN(40))
	id := schemas.ArticleID(source, strconv.Itoa(i))
	sentence := func(b *strings.Builder, n int) {
		for k := range n {
			w := c.draw(r, lang)
			if k == 0 {
				w = strings.ToUpper(w[:1]) + w[1:]
			} else if lang == "fr" && r.IntN(12) == 0 && strings.ContainsRune("aeiouéè", []rune(w)[0]) {
				w = "l’" + w
			}
			if k > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(w)
		}
		b.WriteString(". ")
	}
	var title, text strings.Builder
	vendors := make([]int, 1+r.IntN(3))
	for k := range vendors {
		vendors[k] = party(r)
	}
	_, name := Vendor(vendors[0])
	title.WriteString(name + " ")
	sentence(&title, 7)
	for n := 0; n < c.Len; {
		k := 8 + r.IntN(20)
		sentence(&text, k)
		n += k
		if r.IntN(5) == 0 {
			_, name := Vendor(vendors[r.IntN(len(vendors))])
			text.WriteString(name + " ")
			n++
		}
		if r.IntN(6) == 0 {
			text.WriteString("\n\n")
		}
	}
	x := schemas.Extraction{By: "corpusgen/1", At: at, Article: schemas.Article{
		ID: id, Source: source, Outlet: source, URL: "https://" + source + ".example/" + strconv.Itoa(i), Lang: lang,
		Title: strings.TrimSuffix(title.String(), ". "), Text: strings.TrimSpace(text.String()), Published: at, Fetched: at, How: "feed",
	}}
	x.Article.Version = schemas.ContentVersion(x.Article.Title, x.Article.Text)
	x.ID = schemas.ExtractionID(id, x.Article.Version, 1, x.By)
	for _, v := range vendors {
		vid, name := Vendor(v)
		x.Vendors = append(x.Vendors, schemas.Mention{ID: vid, Name: name, Salience: "about", Mentions: []schemas.Span{{In: "title", Start: 0, End: len(name)}}})
	}
	if r.IntN(4) == 0 {
		low := strconv.Itoa(100 + r.IntN(1_000_000))
		at := schemas.Span{Start: r.IntN(200), End: 210}
		x.Prices = append(x.Prices, schemas.Price{ID: schemas.PriceID(id, at, "product_price"), Text: low + " EUR", Span: at,
			Amount: schemas.Amount{Low: &low, High: &low, Currency: "EUR"}, Kind: schemas.PriceKinds[r.IntN(len(schemas.PriceKinds))], Qualifier: "list",
			Vendor: &schemas.VendorRef{ID: x.Vendors[0].ID, Name: x.Vendors[0].Name}, Evidence: schemas.Quote{Text: x.Article.Title}})
	}
	return x
}

// Deal makes the i-th deal, told by the i-th article.
func (c *Corpus) Deal(i int) schemas.Deal {
	x, r := c.Extraction(i), c.rand(i, 2)
	a := x.Article
	typ, status := schemas.Types[r.IntN(len(schemas.Types))], schemas.Statuses[r.IntN(len(schemas.Statuses))]
	d := schemas.Deal{Type: typ, Status: status, First: a.Published, Updated: a.Published, Seen: a.Fetched, Outlets: 1 + r.IntN(4),
		Langs: []string{a.Lang}, Score: 0.9, Products: []string{}, Territory: []string{[]string{"fr", "de", "gb", "us", "emea"}[r.IntN(5)]}}
	for k, role := range []string{"vendor", "distributor"} {
		id, name := Vendor((party(r) + k) % Vendors)
		d.Parties = append(d.Parties, schemas.Party{ID: id, Name: name, Role: role, Known: true})
	}
	d.ID = schemas.DealID(schemas.Family(typ), schemas.PartyKey(d.Parties), a.ID)
	quote := a.Text[:strings.IndexByte(a.Text, '.')+1]
	d.Evidence = []schemas.Evidence{{Article: a.ID, Source: a.Source, Outlet: a.Outlet, URL: a.URL, Lang: a.Lang, Title: a.Title, Published: a.Published, Seen: a.Fetched,
		Signal: schemas.Signal{ID: schemas.SignalID(a.ID, typ, d.Parties), Type: typ, Status: status, Parties: d.Parties, Products: []string{}, Territory: d.Territory,
			Evidence: schemas.Quote{Text: quote, Span: schemas.Span{Start: 0, End: len(quote)}}, Confidence: 0.9, Rule: "corpusgen"}}}
	d.History = []schemas.Change{{Status: status, At: a.Published, Article: a.ID, Source: a.Source}}
	return d
}
