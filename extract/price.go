package extract

import (
	"slices"
	"strings"

	"example.org/veille/extract/money"
	"example.org/veille/schemas"
)

// prices reads the amounts of the article and links each to the vendor and product it belongs to.
func (d *doc) prices(a *schemas.Article, out *schemas.Extraction) {
	for _, m := range d.x.money.Article(d.title, d.text, d.l.lang) {
		if len(out.Prices) >= maxPrices {
			break
		}
		span := schemas.Span{In: m.In, Start: m.Start, End: m.End}
		if span.Of(d.title, d.text) != m.Text || m.Text == "" {
			continue
		}
		p := schemas.Price{
			Text: m.Text, Span: span, Amount: amount(m), Kind: m.Kind, Subkind: m.Subkind, Qualifier: m.Qualifier, Per: m.Per, Period: m.Period,
			Tax: m.Tax, Evidence: d.priceEvidence(m),
		}
		if !slices.Contains(schemas.PriceKinds, p.Kind) {
			continue
		}
		if n := d.priced(m, out); n != nil {
			p.Vendor = &schemas.VendorRef{ID: n.org.id, Name: n.org.name}
			p.Product = n.product
			if p.Kind == "product_price" {
				if sold := d.soldFor(m, n); sold != "" {
					p.Product = sold
				}
			}
		}
		p.ID = schemas.PriceID(a.ID, span, p.Kind)
		out.Prices = append(out.Prices, p)
	}
	d.dealValues(out)
}

func amount(m money.Amount) schemas.Amount {
	open := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return schemas.Amount{Low: open(m.Low), High: open(m.High), Currency: m.Currency}
}

// priceEvidence is the sentence of an amount when it is short, else its clause, else the amount itself.
func (d *doc) priceEvidence(m money.Amount) schemas.Quote {
	for _, sp := range []money.Span{m.Sentence, m.Clause} {
		if sp.Start <= m.Start && sp.End >= m.End && sp.End-sp.Start <= 280 {
			s := schemas.Span{In: m.In, Start: sp.Start, End: sp.End}
			if q := s.Of(d.title, d.text); q != "" {
				return schemas.Quote{Text: q, Span: s}
			}
		}
	}
	// a long sentence: some words either side, cut at spaces
	whole := d.text
	if m.In == "title" {
		whole = d.title
	}
	start, end := m.Start, m.End
	lo, hi := max(m.Sentence.Start, start-120, 0), min(m.Sentence.End, end+80, len(whole))
	for i := start - 1; i >= lo; i-- {
		if whole[i] == ' ' {
			start = i + 1
		}
	}
	if lo == m.Sentence.Start && lo < m.Start {
		start = lo
	}
	for i := end; i < hi; i++ {
		if whole[i] == ' ' {
			end = i
		}
	}
	if hi == m.Sentence.End && hi > m.End {
		end = hi
	}
	s := schemas.Span{In: m.In, Start: start, End: end}
	return schemas.Quote{Text: s.Of(d.title, d.text), Span: s}
}

// priced finds what an amount is the price of: a product in its clause, left of it; else the first vendor of the clause, the sentence, the
// last vendor of the paragraph before it, the title. In "A's box for B software" the seller is A, so the first name wins.
func (d *doc) priced(m money.Amount, out *schemas.Extraction) *name {
	pick := func(from, to int, first, productOnly bool) *name {
		var got *name
		for i := range d.names {
			n := &d.names[i]
			if n.in != m.In || n.start < from || n.end > to || n.end > m.Start && n.start < m.End {
				continue
			}
			if productOnly && n.product == "" || d.priceExcluded(n) {
				continue
			}
			if first && got != nil {
				break
			}
			got = n
		}
		return got
	}
	for _, sp := range []money.Span{m.Clause, m.Sentence} {
		if sp.End <= sp.Start {
			continue
		}
		// left of the amount: the first product, else the first vendor of the clause
		n := pick(sp.Start, m.Start, true, false)
		if n != nil {
			if p := pick(sp.Start, m.Start, true, true); p != nil && (p.org == n.org || n.product == "" && p.start-n.end < 3) {
				if p.org == n.org {
					return p
				}
			}
			return n
		}
		if n := pick(m.End, sp.End, true, false); n != nil {
			return n
		}
	}
	// the paragraph so far, nearest first
	whole := d.text
	if m.In == "text" {
		para := m.Start
		for para > 0 && !(whole[para-1] == '\n' && para > 1 && whole[para-2] == '\n') && m.Start-para < 2000 {
			para--
		}
		var near *name
		for i := range d.names {
			n := &d.names[i]
			if n.in == "text" && n.start >= para && n.end <= m.Start && !d.priceExcluded(n) {
				near = n
			}
		}
		// the subject of the paragraph's last sentences beats a name in passing
		if near != nil {
			return near
		}
	}
	for i := range d.names {
		if d.names[i].in == "title" && !d.priceExcluded(&d.names[i]) {
			return &d.names[i]
		}
	}
	if len(d.names) > 0 {
		return &d.names[0]
	}
	return nil
}

// soldFor is the product in "A's box for B's software", as written, when A is who is priced: the nearest one before the amount, in its
// paragraph and at most three sentences away.
func (d *doc) soldFor(m money.Amount, seller *name) string {
	const reach = 400 // bytes
	if m.In != "text" {
		return ""
	}
	sold := ""
	for i := range d.names {
		a := &d.names[i]
		if a.in != "text" || a.org != seller.org || a.end > m.Start || m.Start-a.end > reach {
			continue
		}
		for j := i + 1; j < len(d.names); j++ {
			b := &d.names[j]
			if b.in != "text" || b.start-a.end > 40 || b.end > m.Start {
				break
			}
			if b.start < a.end || b.org == a.org || b.product == "" {
				continue
			}
			between := d.text[a.end:b.start]
			if strings.ContainsAny(between, ".;:\n") || !strings.Contains(between, " for ") && !strings.Contains(between, " pour ") {
				continue
			}
			end := b.end
			for range 3 { // "Azure Stack": a product's name goes on in capitals
				word := end + 1
				if word >= len(d.text) || d.text[end] != ' ' || d.text[word] < 'A' || d.text[word] > 'Z' {
					break
				}
				for end = word; end < len(d.text) && (d.text[end] >= 'a' && d.text[end] <= 'z' || d.text[end] >= 'A' && d.text[end] <= 'Z'); end++ {
				}
			}
			sold = d.text[a.start:end]
		}
	}
	return sold
}

// priceExcluded tells a name that the text only compares with.
func (d *doc) priceExcluded(n *name) bool { return d.shut[[2]int{inIndex(n.in), n.start}] }

func inIndex(in string) int {
	if in == "title" {
		return 0
	}
	return 1
}

// dealValues gives a signal the amount that its sentence states, and a price of a deal the vendor that pays or raises.
func (d *doc) dealValues(out *schemas.Extraction) {
	for i := range out.Prices {
		p := &out.Prices[i]
		want := ""
		switch p.Kind {
		case "deal_value":
			want = "deal"
		case "funding":
			want = "funding"
		default:
			continue
		}
		best := -1
		for k := range out.Signals {
			s := &out.Signals[k]
			if (s.Type == "investment") != (want == "funding") || s.Type == "partner_program" || s.Type == "litigation" {
				continue
			}
			// the same sentence, else the only deal of its kind
			near := s.Evidence.In == p.In && s.Evidence.Start <= p.End && p.Start <= s.Evidence.End
			if near {
				best = k
				break
			}
			if best < 0 {
				best = k
			}
		}
		if best < 0 {
			continue
		}
		s := &out.Signals[best]
		if s.Amount == nil {
			am := p.Amount
			s.Amount = &am
		}
		for _, pt := range s.Parties {
			if pt.Known && (pt.Role == "acquirer" || pt.Role == "investee" || pt.Role == "supplier") {
				p.Vendor = &schemas.VendorRef{ID: pt.ID, Name: pt.Name}
				p.Product = ""
			}
		}
	}
}
