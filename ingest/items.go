package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/veille/ingest/feed"
	"example.org/veille/ingest/page"
	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

const (
	maxPages  = 5                // of one article
	batchMost = 100              // articles published at a time
	batchSize = 4 << 20          // bytes of pages and texts held before they are written
	longPoll  = 10 * time.Minute // after which the pages that are left wait for the next poll
	maxTries  = 3                // fetches of a page before the feed's own words must do
	// wholeBody is the number of bytes from which the text in a feed counts as the
	// article, so that its page need not be fetched.
	wholeBody = 1500
	// smallFeed is how many items a feed may list and still be taken in whole at the
	// first poll, however old they are. Age bounds those that list their archive: a
	// thousand items and more are seen in the wild.
	smallFeed = 50
)

// draft is one article on its way out.
type draft struct {
	id    string
	item  feed.Item
	k     *known
	was   string // outcome before, "" for an item that is new
	out   string // outcome
	art   schemas.Article
	recs  []warc.Record
	main  int // index in recs of the record the text was read from
	deci  Decision
	size  int
	sig   []byte
	share float64 // of boilerplate in the page
	from  string  // where the date on the page stands, "" for none
	old   bool    // its page had been archived before a crash
}

// take deals with the items of a fetched feed.
func (p *Poller) take(ctx context.Context, src schemas.Source, st *schemas.SourceState, f feed.Feed, resp *guard.Response, res *Result) error {
	bk, err := p.book(ctx, src.ID)
	if err != nil {
		return err
	}
	now := p.now()
	day := now.Format(time.DateOnly)
	first := st.OK.IsZero()
	mine := map[string]bool{}
	shared, undated := 0, 0
	var todo []*draft
	torn := slices.ContainsFunc(f.Recovered, func(r string) bool { return strings.Contains(r, "cut short") })
	for i, it := range f.Items {
		if it.Title == "" && it.Link == "" && it.Summary == "" && it.Body == "" {
			continue
		}
		if torn && i == len(f.Items)-1 && it.Link == "" {
			continue // the document ends within it; it comes whole next time
		}
		it.Title = cut(it.Title, schemas.MaxTitle)
		id := bk.identify(src.ID, it, mine)
		if mine[id] {
			continue // the same entry twice in one document
		}
		k := bk.Items[id]
		mine[id] = true
		h := sum(it)
		if k != nil {
			shared++
			k.Listed = now
			if k.Out == "pending" {
				k.Item, k.Sum = slim(it), h // fresher than what was kept
				continue
			}
			if k.Sum == 0 { // known from the log only, see start
				k.Sum, bk.dirty = h, true
			}
			if k.Sum == h || strings.HasPrefix(k.Out, "refused:age") {
				continue
			}
			if k.Revs >= maxRevs {
				continue
			}
			if now.Before(k.Again) {
				k.Item, bk.dirty = slim(it), true // looked at when its time has come
				continue
			}
			todo = append(todo, &draft{id: id, item: it, k: k, was: k.Out})
			continue
		}
		k = &known{Link: canonical(it.Link), Title: it.Title, Sum: h, Day: day, Seen: now, Listed: now}
		if p.adopt(id, k) { // published before a crash, or before an error of ours
			bk.Items[id], bk.dirty = k, true
			tally(bk, day, "", k.Out)
			continue
		}
		if base := schemas.ArticleID(src.ID, ref(it)); base != id {
			k.Base = base
		}
		bk.Items[id] = k
		bk.dirty = true
		at := it.Published.Time
		if at.IsZero() {
			at = it.Updated.Time
		}
		limit := p.opt.MaxAge
		if src.MaxAge > 0 {
			limit = src.MaxAge
		}
		if !first {
			limit = max(limit, keepBook)
		}
		if at.IsZero() {
			undated++
		}
		if at.After(st.Newest) && !at.After(now.Add(time.Hour)) {
			st.Newest = at
		}
		if !at.IsZero() && now.Sub(at) > limit && len(f.Items) > smallFeed || at.IsZero() && first && undated > smallFeed {
			k.Out = "refused:age"
			tally(bk, day, "", k.Out)
			res.Refused++
			continue
		}
		k.Out = "pending"
		tally(bk, day, "", k.Out)
		todo = append(todo, &draft{id: id, item: it, k: k})
	}
	p.pace(st, f.Items, !first && len(f.Items) >= 5 && shared == 0 && len(bk.Items) > len(mine))
	// Oldest first, so that of two that tell the same the earlier one leads.
	slices.SortStableFunc(todo, func(a, b *draft) int { return a.item.Published.Time.Compare(b.item.Published.Time) })
	todo = append(todo, p.waiting(bk, todo)...)
	var doc *warc.Record
	if slices.ContainsFunc(todo, func(d *draft) bool { return d.was == "" }) {
		r := warc.Response(resp.URL, now, resp.Status, resp.Header, resp.Body, warc.Field{Name: "Veille-Source", Value: src.ID})
		doc = &r
	}
	return p.work(ctx, src, st, bk, todo, doc, first, res)
}

// again tries the items that are still to be fetched, after a poll without news.
func (p *Poller) again(ctx context.Context, src schemas.Source, st *schemas.SourceState, res *Result) error {
	bk, err := p.book(ctx, src.ID)
	if err != nil {
		return err
	}
	return p.work(ctx, src, st, bk, p.waiting(bk, nil), nil, false, res)
}

// waiting lists the items whose page is to be tried again now, or looked at for a
// change, oldest first.
func (p *Poller) waiting(bk *book, todo []*draft) []*draft {
	now := p.now()
	at := map[string]bool{}
	for _, d := range todo {
		at[d.id] = true
	}
	var out []*draft
	for id, k := range bk.Items {
		if k.Item != nil && !at[id] && !now.Before(k.Again) {
			out = append(out, &draft{id: id, item: *k.Item, k: k, was: k.Out})
		}
	}
	slices.SortFunc(out, func(a, b *draft) int {
		if c := a.item.Published.Time.Compare(b.item.Published.Time); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return out
}

// work reads the articles and sends them on, in batches.
func (p *Poller) work(ctx context.Context, src schemas.Source, st *schemas.SourceState, bk *book, todo []*draft, doc *warc.Record, first bool, res *Result) error {
	var batch []*draft
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := p.flush(ctx, src, st, bk, batch, &doc, first, res)
		batch, size = nil, 0
		return err
	}
	began := time.Now()
	for i, d := range todo {
		if time.Since(began) > longPoll { // the rest stays pending; other feeds of this host wait too
			for _, d := range todo[i:] {
				if d.k.Item == nil {
					d.k.Item = slim(d.item)
				}
			}
			break
		}
		if err := p.read(ctx, src, d, res); err != nil {
			return err
		}
		batch = append(batch, d)
		size += d.size
		if len(batch) >= batchMost || size >= batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	st.DelayP50, st.DelayP95 = delays(bk)
	st.Ledger = bk.Ledger
	bk.drift(st)
	for _, k := range bk.Items {
		if k.Item != nil && (res.retry.IsZero() || k.Again.Before(res.retry)) {
			res.retry = latest(k.Again, p.now().Add(time.Minute))
		}
	}
	for _, l := range st.Ledger {
		res.Pending += l.Pending
	}
	if bk.dirty || len(todo) > 0 {
		return p.saveBook(ctx, src.ID, bk)
	}
	return nil
}

func delays(bk *book) (p50, p95 float64) {
	v := slices.Clone(bk.Delays)
	slices.Sort(v)
	return quantile(v, 0.5), quantile(v, 0.95)
}

// read gets the text of one item. Its outcome is in the draft; the error is only
// the caller's own end.
func (p *Poller) read(ctx context.Context, src schemas.Source, d *draft, res *Result) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.lg.Error("article panicked", "source", src.ID, "id", d.id, "url", d.item.Link, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			p.stub(src, d, "failed:panic")
		}
	}()
	if o, ok := p.orphan(d.id, d.k); ok && p.fromArchive(src, d, o) {
		return nil
	}
	if src.Rights == "reserved" {
		d.deci.atLeast("reserved", "the list of sources says so")
		p.stub(src, d, "refused:rights")
		return nil
	}
	if p.fromFeed(src, d) {
		return nil
	}
	u, err := guard.ParseURL(d.item.Link)
	if err != nil {
		if !p.feedText(src, d) {
			p.stub(src, d, "failed:url")
		}
		return nil
	}
	return p.fromPage(ctx, src, d, u, res)
}

// retry puts an item off, or gives it up with the feed's own words after the last try.
func (p *Poller) retry(src schemas.Source, d *draft, reason string) {
	d.k.Tries++
	if d.k.Tries >= maxTries || d.was != "" && d.was != "pending" {
		p.stub(src, d, "failed:"+reason)
		return
	}
	d.out = "pending"
	d.k.Again = p.now().Add(10 * time.Minute << (2 * (d.k.Tries - 1)))
	d.k.Item = slim(d.item)
}

// slim is an item as it is kept while its page is to be fetched.
func slim(it feed.Item) *feed.Item {
	it.Summary = cut(it.Summary, 1<<10)
	if it.Summary != "" {
		it.Body, it.HasBody = "", false
	}
	it.Body = cut(it.Body, 2<<10)
	it.Categories = nil
	return &it
}

// fromPage fetches an article's page, and the pages that go on from it.
func (p *Poller) fromPage(ctx context.Context, src schemas.Source, d *draft, u *url.URL, res *Result) error {
	if err := p.rights.check(ctx, u, &d.deci); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errDenied) {
			if strings.Contains(d.deci.Robots, "unreachable") || strings.Contains(d.deci.Robots, "fails") || strings.Contains(d.deci.Robots, "429") {
				p.retry(src, d, "robots_unreachable") // a server that cannot say now may say yes later
				return nil
			}
			p.stub(src, d, "refused:robots")
			return nil
		}
		p.retry(src, d, guard.Reason(err))
		return nil
	}
	if d.deci.tdm || d.deci.Rights == "reserved" { // said for the site: the page is not even asked for
		p.stub(src, d, "refused:rights")
		return nil
	}
	resp, err := p.page(ctx, src, u, d)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errDenied):
		p.stub(src, d, "refused:robots")
		return nil
	case err != nil:
		switch r := guard.Reason(err); r {
		case guard.ReasonAddress, guard.ReasonPort, guard.ReasonScheme, guard.ReasonURL, guard.ReasonDowngrade, guard.ReasonTooLarge, guard.ReasonRatio:
			p.stub(src, d, "failed:"+r) // will be no better the next time
		default:
			p.retry(src, d, r)
		}
		return nil
	}
	res.Bytes += int64(len(resp.Body))
	switch s := resp.Status; {
	case s == http.StatusOK:
	case s == http.StatusNotFound, s == http.StatusGone:
		p.stub(src, d, "failed:gone")
		return nil
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusUnavailableForLegalReasons:
		p.retry(src, d, "blocked")
		return nil
	case s == http.StatusPaymentRequired:
		p.stub(src, d, "refused:paywall")
		return nil
	case s == http.StatusTooManyRequests || s >= 500:
		p.retry(src, d, "server")
		return nil
	default:
		p.stub(src, d, "failed:status")
		return nil
	}
	ct := strings.ToLower(resp.Header.Get("Content-Type"))
	if ct != "" && !strings.Contains(ct, "html") && !strings.Contains(ct, "xml") && !strings.HasPrefix(ct, "text/") && !looksHTML(resp.Body) {
		p.stub(src, d, "failed:not_html")
		return nil
	}
	d.deci.header(resp.Header, p.opt.Agent)
	d.recs = append(d.recs, p.record(src, d, resp))
	pg, err := page.Extract(resp.Body, p.reading(src, resp.URL, resp.Header, hint(src, d.item)))
	if err != nil {
		p.stub(src, d, "failed:no_text")
		return nil
	}
	p.meta(d, pg)
	pages := map[string]bool{canonical(resp.URL): true, canonical(d.item.Link): true}
	next := pg.Next
	for len(pages) < maxPages+1 && next != "" && d.deci.Rights != "reserved" && !d.deci.tdm {
		nu, err := guard.ParseURL(next)
		if err != nil || domain(next) != domain(resp.URL) || pages[canonical(next)] {
			break
		}
		pages[canonical(next)] = true
		if p.rights.check(ctx, nu, &Decision{}) != nil {
			break
		}
		more, err := p.page(ctx, src, nu, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || more.Status != http.StatusOK {
			d.deci.note("page " + next + " could not be read")
			break
		}
		res.Bytes += int64(len(more.Body))
		d.recs = append(d.recs, p.record(src, d, more))
		rest, err := page.Extract(more.Body, p.reading(src, more.URL, more.Header, page.Hint{}))
		if err != nil || rest.Text == "" || strings.Contains(pg.Text, rest.Text) {
			break
		}
		pg.Text += "\n\n" + rest.Text
		next = rest.Next
	}
	p.assemble(src, d, pg, resp.URL)
	return nil
}

// page fetches one page of an article, asking robots.txt again where it redirects to.
func (p *Poller) page(ctx context.Context, src schemas.Source, u *url.URL, d *draft) (*guard.Response, error) {
	req := guard.Request{URL: u.String(), Header: http.Header{"Accept": {"text/html, application/xhtml+xml;q=0.9, */*;q=0.5"}}}
	if src.Agent != "" {
		req.Header.Set("User-Agent", src.Agent)
	}
	if domain(u.String()) == domain(src.Feed) {
		for k, v := range src.Headers {
			req.Header.Set(k, v)
		}
	}
	return p.get(ctx, req, func(ctx context.Context, next *url.URL) error {
		return p.rights.check(ctx, next, &d.deci)
	})
}

func (p *Poller) record(src schemas.Source, d *draft, resp *guard.Response) warc.Record {
	d.size += len(resp.Body)
	return warc.Response(resp.URL, p.now(), resp.Status, resp.Header, resp.Body,
		warc.Field{Name: "Veille-Source", Value: src.ID}, warc.Field{Name: "Veille-Article", Value: d.id})
}

// reading is how a page of a source is read: with the rule of its site, or the
// selector that the list of sources gives.
func (p *Poller) reading(src schemas.Source, addr string, h http.Header, hint page.Hint) page.Options {
	return page.Options{URL: addr, ContentType: h.Get("Content-Type"), Hint: hint, Zone: zone(src), Rules: p.rules(src, addr)}
}

func (p *Poller) rules(src schemas.Source, addr string) *page.Rules {
	key := ""
	u, err := url.Parse(addr)
	if src.Body != "" && err == nil {
		key = u.Hostname() + " " + src.Body
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.siteRules[key]; ok {
		return r
	}
	var r *page.Rules
	if key == "" {
		r, err = page.ShippedRules()
	} else {
		// JSON is YAML, and quotes what the selector may hold.
		b, _ := json.Marshal(map[string]any{"sites": []any{map[string]any{"hosts": []string{u.Hostname()}, "body": []string{src.Body}, "verified": true}}})
		r, err = page.ParseRules(b)
	}
	if err != nil {
		p.lg.Error("site rule not understood", "source", src.ID, "selector", src.Body, "error", err)
		r = nil
	}
	p.siteRules[key] = r
	return r
}

func hint(src schemas.Source, it feed.Item) page.Hint {
	lang := src.Lang
	if it.Language != "" {
		lang = it.Language
	}
	return page.Hint{Title: it.Title, Author: it.Author, Published: it.Published.Time, Precision: it.Published.Precision, Lang: lang}
}

// meta reads what the page itself says of its use.
func (p *Poller) meta(d *draft, pg page.Page) {
	if pg.Robots.NoIndex {
		d.deci.atLeast("reserved", "meta robots: noindex")
	}
	if pg.Robots.NoArchive {
		d.deci.atLeast("noarchive", "meta robots: noarchive")
	}
	if pg.Robots.NoSnippet {
		d.deci.atLeast("nosnippet", "meta robots: nosnippet")
	}
	if pg.TDM.Reserved {
		d.deci.mining(true, "meta tdm-reservation: 1")
	}
}

// fromFeed takes the whole text from the feed, when the feed has it.
func (p *Poller) fromFeed(src schemas.Source, d *draft) bool {
	if src.Content == "page" && d.item.Link != "" || !d.item.HasBody {
		return false
	}
	if src.Content != "feed" && (len(d.item.Body) < wholeBody || !owns(src, d.item.Link)) {
		return false
	}
	pg, ok := bodyOf(src, d.item)
	if !ok || src.Content != "feed" && (len(pg.Text) < wholeBody || teaser(pg.Text)) {
		return false
	}
	p.assemble(src, d, pg, d.item.Link)
	return true
}

// feedText takes whatever text the feed has, for an item without a usable link.
func (p *Poller) feedText(src schemas.Source, d *draft) bool {
	if d.item.HasBody {
		if pg, ok := bodyOf(src, d.item); ok {
			p.assemble(src, d, pg, "")
			return true
		}
	}
	if len(d.item.Summary) < 200 {
		return false
	}
	p.assemble(src, d, page.Page{Text: d.item.Summary, How: "feed", Title: d.item.Title}, "")
	return true
}

// bodyOf reads the text of an item's own HTML.
func bodyOf(src schemas.Source, it feed.Item) (page.Page, bool) {
	doc := "<!doctype html><html><head><title>" + html.EscapeString(it.Title) + "</title></head><body><article><h1>" +
		html.EscapeString(it.Title) + "</h1>" + it.Body + "</article></body></html>"
	pg, err := page.Extract([]byte(doc), page.Options{URL: it.Link, ContentType: "text/html; charset=utf-8", Hint: hint(src, it), Zone: zone(src)})
	if err != nil || pg.Text == "" {
		return pg, false
	}
	pg.How, pg.Title = "feed", it.Title
	pg.Published, pg.PublishedFrom, pg.Precision = time.Time{}, "", ""
	return pg, true
}

// owns tells whether an address belongs to the source: a feed may speak for its own
// site only.
func owns(src schemas.Source, addr string) bool {
	d := domain(addr)
	return d != "" && (d == domain(src.Feed) || d == domain(src.Site))
}

// teaser tells whether a text ends by asking its reader to go on elsewhere.
func teaser(text string) bool {
	end := strings.ToLower(strings.TrimSpace(text[max(0, len(text)-200):]))
	if strings.HasSuffix(end, "…") || strings.HasSuffix(end, "...") || strings.HasSuffix(end, "[…]") || strings.HasSuffix(end, "[...]") {
		return true
	}
	for _, s := range []string{"lire la suite", "lire l’article", "lire l'article", "en savoir plus", "read more", "continue reading", "read the full", "full story", "suite de l’article", "suite de l'article"} {
		if strings.Contains(end, s) {
			return true
		}
	}
	return false
}

// stub makes the article that is left when its text may not or cannot be read: the
// feed's title and link, and its summary unless the rights are reserved.
func (p *Poller) stub(src schemas.Source, d *draft, out string) {
	d.out = out
	d.recs = nil // what was fetched on the way is not what the article says
	pg := page.Page{Title: d.item.Title, How: "feed"}
	d.deci.settle()
	if d.deci.Rights != "reserved" {
		pg.Text = d.item.Summary
		if pg.Text == "" && d.item.HasBody {
			if b, ok := bodyOf(src, d.item); ok {
				pg.Text = b.Text
			}
		}
		if strings.HasPrefix(out, "refused:paywall") {
			d.art.Paywalled = true
		}
	}
	addr := ""
	if _, err := guard.ParseURL(d.item.Link); err == nil {
		addr = d.item.Link
	}
	p.fill(src, d, pg, addr)
}

// assemble makes the article of a page.
func (p *Poller) assemble(src schemas.Source, d *draft, pg page.Page, addr string) {
	d.deci.settle()
	switch {
	case d.deci.Rights == "reserved":
		p.stub(src, d, "refused:rights")
		return
	case strings.TrimSpace(pg.Text) == "" && pg.Paywalled:
		d.art.Paywalled = true
		p.stub(src, d, "refused:paywall")
		return
	case strings.TrimSpace(pg.Text) == "":
		p.stub(src, d, "failed:no_text")
		return
	}
	if d.deci.Rights == "noarchive" {
		d.recs = nil
	}
	d.out = "indexed"
	d.from = pg.PublishedFrom
	d.art.Paywalled = pg.Paywalled
	d.share = pg.Boilerplate
	if pg.Paywalled && len(pg.Text) < len(d.item.Summary) {
		pg.Text = d.item.Summary
	}
	if c := pg.Canonical; c != "" && domain(c) == domain(addr) && !front(c) {
		d.k.Key = addressKey(c)
	} else if addr != "" && !front(addr) {
		d.k.Key = addressKey(addr)
	}
	p.fill(src, d, pg, addr)
}

// fill sets the article's fields.
func (p *Poller) fill(src schemas.Source, d *draft, pg page.Page, addr string) {
	a := &d.art
	now := p.now()
	a.ID, a.Source, a.Outlet, a.GUID = d.id, src.ID, src.Name, cut(d.item.ID, 1024)
	if _, err := guard.ParseURL(addr); err == nil && len(addr) <= schemas.MaxURL {
		a.URL = addr
	}
	a.Title = d.item.Title
	if pg.Title != "" && (a.Title == "" || pg.How != "feed" && alike(a.Title, pg.Title)) {
		a.Title = pg.Title
	}
	a.GUID = plain(a.GUID)
	a.Title = cut(plain(strings.Join(strings.Fields(a.Title), " ")), schemas.MaxTitle)
	limit := schemas.MaxText
	if src.MaxText > 0 {
		limit = min(limit, src.MaxText)
	}
	a.Text = fit(cut(plain(strings.TrimSpace(pg.Text)), limit))
	a.Byline = pg.Byline
	if a.Byline == "" {
		a.Byline = d.item.Author
	}
	a.Byline = cut(plain(strings.Join(strings.Fields(a.Byline), " ")), 300)
	a.Lang = pg.Lang
	if a.Lang == "" {
		a.Lang = page.Language(a.Title+"\n"+a.Text, firstOf(d.item.Language, src.Lang))
	}
	if a.Lang == "" {
		a.Lang = "und"
	}
	a.Fetched = now
	a.How, a.Rights = pg.How, d.deci.Rights

	// The feed's date counts when it has a time of day, else the page's when it is more
	// precise; of two equal ones the feed's, whose zone is known.
	fp := d.item.Published
	if fp.Time.IsZero() {
		fp = d.item.Updated
	}
	switch {
	case !fp.Time.IsZero() && (pg.Published.IsZero() || finer(fp.Precision) >= finer(pg.Precision)):
		a.Published, a.PublishedFrom, a.Precision = fp.Time.UTC(), "feed", fp.Precision
	case !pg.Published.IsZero():
		a.Published, a.PublishedFrom, a.Precision = pg.Published.UTC(), pg.PublishedFrom, pg.Precision
	default:
		a.Published, a.PublishedFrom, a.Precision = now, "fetch", "none"
		if d.was != "" || d.k.Tries > 0 {
			a.Published = d.k.Seen
		}
	}
	if y := a.Published.Year(); y < 1990 {
		a.Published, a.PublishedFrom, a.Precision = now, "fetch", "none"
	}
	if most := now.Add(time.Hour); a.Published.After(most) {
		a.Published = most // nobody publishes tomorrow's news; a wrong zone is at most a matter of hours
	}
	a.Updated = pg.Updated
	if a.Updated.IsZero() && d.item.Updated.Time.After(a.Published) {
		a.Updated = d.item.Updated.Time.UTC()
	}
	if a.Updated.After(now.Add(time.Hour)) || a.Updated.Before(a.Published) {
		a.Updated = time.Time{}
	}
	if a.Title == "" {
		a.Title = cut(firstLine(a.Text), 200)
	}
	if a.Title == "" {
		a.Title = a.URL
	}
	if a.Title == "" {
		a.Title = src.Name
	}
	a.Version = schemas.ContentVersion(a.Title, a.Text)
	d.size += len(a.Text) + 1024
}

// plain drops what is no text: control characters, but for line ends and tabs, and
// bytes that are not UTF-8.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// mostEscaped bounds a text as it stands in JSON, where a "<" takes six bytes: a
// page of nothing else must not outgrow a message of the log.
const mostEscaped = 400 << 10

// fit cuts a text so that it fits a message.
func fit(s string) string {
	n := 0
	for i, r := range s {
		switch {
		case r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029':
			n += 6
		case r == '"' || r == '\\' || r < 0x20:
			n += 2
		default:
			n += utf8.RuneLen(r)
		}
		if n > mostEscaped {
			return s[:i]
		}
	}
	return s
}

func finer(precision string) int {
	return slices.Index([]string{"none", "day", "minute", "second"}, precision)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func firstLine(s string) string {
	l, _, _ := strings.Cut(s, "\n")
	if !utf8.ValidString(l) {
		return ""
	}
	return l
}

// origin is what a metadata record says of an article beside the page: all that a
// replay needs to make the article again.
type origin struct {
	ID       string    `json:"id"`
	Source   string    `json:"source"`
	Outlet   string    `json:"outlet"`
	Outcome  string    `json:"outcome"`
	Item     feed.Item `json:"item"`
	Seen     time.Time `json:"seen"`
	Decision Decision  `json:"decision"`
	Pages    int       `json:"pages"` // response records before this one that are the article's
}

func (p *Poller) origin(src schemas.Source, d *draft) warc.Record {
	it := d.item
	if d.art.How != "feed" {
		it.Body = "" // the page has it
	}
	o := origin{ID: d.id, Source: src.ID, Outlet: src.Name, Outcome: d.out, Item: it, Seen: d.k.Seen, Decision: d.deci, Pages: len(d.recs)}
	b, err := json.Marshal(o)
	if err != nil {
		b = []byte("{}") // unreachable: all fields can be encoded
	}
	ref := ""
	if len(d.recs) > 0 {
		ref = d.recs[0].ID()
	}
	target := d.art.URL
	if target == "" {
		target = "urn:veille:" + d.id
	}
	return warc.Metadata(target, p.now(), ref, "application/json", b,
		warc.Field{Name: "Veille-Source", Value: src.ID}, warc.Field{Name: "Veille-Article", Value: d.id})
}
