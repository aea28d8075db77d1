package serve

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// names finds vendors by how any of their names begins or nearly reads.
type names struct {
	list []name // by key
}

type name struct {
	key string // folded
	ref schemas.VendorRef
	own bool // the canonical name or the id, not an alias
}

func newNames(cat *catalogue.Catalogue) *names {
	n := &names{}
	if cat == nil {
		return n
	}
	for _, v := range cat.All() {
		ref := schemas.VendorRef{ID: v.ID, Name: v.Name}
		n.list = append(n.list, name{catalogue.Fold(v.Name), ref, true}, name{catalogue.Fold(v.ID), ref, true})
		for _, a := range v.Aliases {
			n.list = append(n.list, name{catalogue.Fold(a.Text), ref, false})
		}
	}
	slices.SortFunc(n.list, func(a, b name) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ref.ID, b.ref.ID)) })
	return n
}

// begin gives the vendors with a name that begins with prefix, their own names
// before aliases, at most n; all when n is 0.
func (n *names) begin(prefix string, most int) []schemas.VendorRef {
	prefix = catalogue.Fold(prefix)
	i, _ := slices.BinarySearchFunc(n.list, prefix, func(e name, p string) int { return cmp.Compare(e.key, p) })
	var own, other []schemas.VendorRef
	for ; i < len(n.list) && strings.HasPrefix(n.list[i].key, prefix); i++ {
		if n.list[i].own {
			own = append(own, n.list[i].ref)
		} else {
			other = append(other, n.list[i].ref)
		}
	}
	var out []schemas.VendorRef
	seen := map[string]bool{}
	for _, ref := range append(own, other...) {
		if !seen[ref.ID] && (most == 0 || len(out) < most) {
			seen[ref.ID] = true
			out = append(out, ref)
		}
	}
	return out
}

// nearest gives up to most vendors with a name spelt like s, the nearest first.
func (n *names) nearest(s string, most int) []schemas.VendorRef {
	s = catalogue.Fold(s)
	size := utf8.RuneCountInString(s)
	if size < 3 || size > 40 {
		return nil
	}
	type hit struct {
		ref schemas.VendorRef
		d   int
	}
	var hits []hit
	for _, e := range n.list {
		d := typos(s, e.key, 2)
		if d > 2 || d == 2 && size < 5 {
			continue
		}
		if i := slices.IndexFunc(hits, func(h hit) bool { return h.ref.ID == e.ref.ID }); i >= 0 {
			hits[i].d = min(hits[i].d, d)
			continue
		}
		hits = append(hits, hit{e.ref, d})
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.d - b.d })
	var out []schemas.VendorRef
	for _, h := range hits[:min(len(hits), most)] {
		out = append(out, h.ref)
	}
	return out
}

// closest gives up to most words spelt like s, the nearest first.
func closest(s string, words []string, most int) []string {
	type hit struct {
		word string
		d    int
	}
	var hits []hit
	low := strings.ToLower(s)
	for _, w := range words {
		d := typos(low, strings.ToLower(w), 2)
		if d > 2 && len(low) >= 3 && strings.HasPrefix(w, low) {
			d = 2
		}
		if d <= 2 && d < utf8.RuneCountInString(w) {
			hits = append(hits, hit{w, d})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.d - b.d })
	var out []string
	for _, h := range hits[:min(len(hits), most)] {
		out = append(out, h.word)
	}
	return out
}

// typos is the number of letters to change, add or drop between two words
// (Levenshtein), and more than limit when it is more.
func typos(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		corner, least := row[0], i
		row[0] = i
		for j := 1; j <= len(y); j++ {
			d := corner
			if x[i-1] != y[j-1] {
				d++
			}
			corner = row[j]
			row[j] = min(d, row[j]+1, row[j-1]+1)
			least = min(least, row[j])
		}
		if least > limit {
			return limit + 1
		}
	}
	return row[len(y)]
}

// lists are the named lists of vendors, for vendor:@name: one for each trade of the
// catalogue, by its name and its plural, and one for each trade in France.
func lists(cat *catalogue.Catalogue) map[string][]schemas.VendorRef {
	out := map[string][]schemas.VendorRef{}
	if cat == nil {
		return out
	}
	for _, v := range cat.All() {
		ref := schemas.VendorRef{ID: v.ID, Name: v.Name}
		for _, k := range v.Kinds {
			out[plural(k)] = append(out[plural(k)], ref)
			if strings.EqualFold(v.Country, "fr") {
				out[plural(k)+"-fr"] = append(out[plural(k)+"-fr"], ref)
			}
		}
	}
	return out
}

func plural(kind string) string {
	if strings.HasSuffix(kind, "s") || len(kind) == 2 || kind == "security" || kind == "storage" {
		return kind
	}
	return kind + "s"
}

// suggestBody is what may be typed next.
type suggestBody struct {
	Data []suggestion `json:"data"`
}

type suggestion struct {
	Text  string `json:"text" jsonschema:"what to put in the place of the code points from to to"`
	From  int    `json:"from"`
	To    int    `json:"to"`
	Label string `json:"label"`
	Kind  string `json:"kind" jsonschema:"field, value, vendor or list"`
	Count int    `json:"count" jsonschema:"documents, where known"`
}

func (s *Server) suggest(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := v.Get("q")
	pos := utf8.RuneCountInString(q)
	if v.Get("pos") != "" {
		pos = number(v, param{Name: "pos"})
	}
	known := query.Known{
		Lang: lang(r), Limit: number(v, param{Name: "limit", Default: "8"}), Resolve: s.resolve,
		Vendors: s.names().begin, Lists: sortedKeys(s.lists), Sources: s.facts.sourceNames(r.Context(), s),
	}
	var counts map[string]map[string]int
	err := index.ErrClosed
	if s.opt.Index != nil { // a command line that completes has none
		counts, err = s.facts.values(r.Context(), s)
	}
	if err == nil {
		known.Count = func(field, value string) int { return counts[field][value] }
		known.Vendors = func(prefix string, n int) []schemas.VendorRef {
			refs := s.names().begin(prefix, 0)
			slices.SortStableFunc(refs, func(a, b schemas.VendorRef) int { return counts["party"][b.ID] - counts["party"][a.ID] })
			return refs[:min(len(refs), n)]
		}
	}
	out := suggestBody{Data: []suggestion{}}
	for _, c := range query.Complete(q, pos, known) {
		out.Data = append(out.Data, suggestion{c.Text, c.From, c.To, c.Label, c.Kind, c.Count})
	}
	s.json(w, http.StatusOK, out)
}
