package page

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.org/veille/internal/pubdate"
	"github.com/PuerkitoBio/goquery"
	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// headline picks the article's title. What two places agree on wins: <h1> is what people see, og:title what editors wrote,
// <title> often carries the site's name and JSON-LD is often cut at 110 characters.
func (m *meta) headline(site string) string {
	og := withoutSite(squeeze(m.named["og:title"]), site)
	tw := withoutSite(squeeze(m.named["twitter:title"]), site)
	ld := squeeze(html.UnescapeString(m.ld.headline))
	doc := withoutSite(m.title, site)
	var others []string
	for _, s := range []string{og, ld, tw, doc} {
		if s != "" {
			others = append(others, fold(s))
		}
	}
	for _, h := range m.h1 {
		f := fold(h)
		if len(f) < 8 || len(h) > 400 {
			continue
		}
		if site != "" && len(m.h1) > 0 && fold(site) == f && len(fold(m.title)) > 2*len(f) {
			continue // the site's name in its banner
		}
		for _, o := range others {
			if same(f, o) || strings.HasPrefix(fold(m.title), f) && len(f) >= 20 || beforeBar(m.title, h) {
				m.agreed = same(f, o) || len(f)*5 >= len(fold(m.title))*2
				return strings.TrimSpace(strings.TrimRight(h, "¶#§"))
			}
		}
	}
	if t := first(og, ld, tw); t != "" {
		m.agreed = og != "" && (same(fold(og), fold(ld)) || same(fold(og), fold(doc)))
		return t
	}
	if len(m.h1) == 1 && len(m.h1[0]) >= 12 && len(m.h1[0]) <= 300 && len(m.h1[0])*3 >= len(doc) && (doc == "" || overlap(fold(m.h1[0]), fold(doc)) >= 0.5) {
		return m.h1[0]
	}
	if doc != "" {
		return doc
	}
	if len(m.h1) > 0 {
		return m.h1[0]
	}
	return squeeze(first(m.named["dc.title"], m.named["title"]))
}

// beforeBar tells whether a <title> is h, a separator and something else.
func beforeBar(title, h string) bool {
	rest, ok := strings.CutPrefix(title, h)
	rest = strings.TrimSpace(rest)
	return ok && rest != "" && strings.ContainsAny(rest[:1], "-|:") || ok && (strings.HasPrefix(rest, "–") || strings.HasPrefix(rest, "—") || strings.HasPrefix(rest, "·"))
}

// shownTitle finds the title where no heading is marked as one: the first short block that <title> begins or ends with.
func (t *tree) shownTitle(doc string) string {
	full := fold(doc)
	best := ""
	for i := range t.blocks {
		if i > 400 {
			break
		}
		b := &t.blocks[i]
		if len(b.text) < 15 || len(b.text) > 300 || int(b.links)*2 > len(b.text) && !heading(b.tag) {
			continue
		}
		f := fold(b.text)
		if len(f)*2 < len(full) || !(strings.HasPrefix(full, f) || strings.HasSuffix(full, f)) || strings.Count(f, " ") < 2 {
			continue
		}
		if len(b.text) > len(best) {
			best = b.text
		}
	}
	return best
}

// overlap is the share of a's words that stand in b.
func overlap(a, b string) float64 {
	words := strings.Fields(a)
	if len(words) == 0 {
		return 0
	}
	n := 0
	in := strings.Fields(b)
	for _, w := range words[:min(len(words), 50)] {
		if slices.Contains(in, w) {
			n++
		}
	}
	return float64(n) / float64(len(words))
}

// withoutSite cuts " | Site", " - Site" and "Site : " off a title. A part is the site's name when it says so, or when it is
// short and stands behind a bar.
func withoutSite(s, site string) string {
	s = squeeze(s)
	fs := fold(site)
	for range 3 {
		cut := false
		for _, sep := range [...]string{" | ", " - ", " – ", " — ", " • ", " · ", " :: ", " » ", " « ", " // "} {
			i := strings.LastIndex(s, sep)
			if i <= 0 {
				continue
			}
			head, tail := s[:i], s[i+len(sep):]
			ft := fold(tail)
			isSite := fs != "" && ft != "" && (ft == fs || strings.HasPrefix(fs, ft) || strings.HasSuffix(fs, ft) || strings.HasPrefix(ft, fs) || strings.ReplaceAll(ft, " ", "") == strings.ReplaceAll(fs, " ", ""))
			bar := sep == " | " || sep == " • " || sep == " · " || sep == " :: " || sep == " // "
			short := len(strings.Fields(tail)) <= 3 && len(tail) < 32 && len(strings.Fields(head)) >= 4 && startsUpper(tail)
			if isSite && len(head) >= 8 || (bar || short && fs == "") && len(strings.Fields(tail)) <= 5 && len(head) > len(tail) {
				s, cut = strings.TrimSpace(head), true
				break
			}
		}
		if i := strings.Index(s, ": "); !cut && i > 0 && fs != "" && fold(s[:i]) == fs {
			s, cut = strings.TrimSpace(s[i+2:]), true
		} else if i := strings.Index(s, " | "); !cut && i > 0 && fs != "" && fold(s[:i]) == fs {
			s, cut = strings.TrimSpace(s[i+3:]), true
		}
		if !cut {
			break
		}
	}
	return s
}

func startsUpper(s string) bool {
	for _, r := range s {
		return unicode.IsUpper(r) || unicode.IsDigit(r)
	}
	return false
}

// byline joins the names of who wrote the article.
func (m *meta) byline(p *Page, t *tree, rule *Rule, doc *html.Node) string {
	var tries []string
	tries = append(tries, strings.Join(m.ld.authors, ", "))
	if rule != nil {
		for _, sel := range rule.author {
			if n := cascadia.Query(doc, sel); n != nil {
				tries = append(tries, first(attr(n, "content"), squeeze(textContent(n, 200))))
			}
		}
	}
	tries = append(tries, strings.Join(m.authors, ", "))
	for _, b := range m.bylines {
		tries = append(tries, b.name)
	}
	for _, s := range tries {
		if n := cleanNames(s, p.SiteName); n != "" {
			return n
		}
	}
	if s := squeeze(m.named["twitter:data1"]); s != "" && strings.Contains(strings.ToLower(m.named["twitter:label1"]), "crit par") || strings.Contains(strings.ToLower(m.named["twitter:label1"]), "written by") {
		if n := cleanNames(s, p.SiteName); n != "" {
			return n
		}
	}
	return t.writtenName(p.SiteName)
}

// writtenName reads "Par Jeanne Moreau" where no markup tells it.
func (t *tree) writtenName(site string) string {
	for i, seen := 0, 0; i < len(t.blocks) && seen < 120; i++ {
		b := &t.blocks[i]
		seen++
		line := bylinePart(b.text)
		if line == "" {
			continue
		}
		f := strings.ToLower(line)
		if !strings.HasPrefix(f, "par ") && !strings.HasPrefix(f, "by ") && !strings.HasPrefix(f, "écrit par ") && !strings.HasPrefix(f, "rédigé par ") && !strings.HasPrefix(f, "publié par ") && !strings.HasPrefix(f, "written by ") && !strings.HasPrefix(f, "posted by ") && !strings.HasPrefix(f, "article rédigé par ") && !strings.HasPrefix(f, "submitted by ") && !strings.HasPrefix(f, "soumis par ") && !strings.HasPrefix(f, "proposé par ") && !strings.HasPrefix(f, "propos recueillis par ") {
			continue
		}
		if n := cleanNames(line, site); n != "" {
			return n
		}
	}
	return ""
}

// cleanNames reduces a byline to names: "Par Jeanne Moreau et Luc Besson, le 12 nov. 2025" is "Jeanne Moreau, Luc Besson".
func cleanNames(s, site string) string {
	s = strings.ReplaceAll(squeeze(html.UnescapeString(s)), "\u00a0", " ")
	if len(s) > 300 {
		return ""
	}
	if open, end := strings.Index(s, " ("), strings.Index(s, ") "); open > 0 && end > open { // "Bruno (Henrique) Rodrigues"
		s = s[:open] + s[end+1:]
	}
	if m := pubdate.Find(s, pubdate.Options{}, 1); len(m) > 0 {
		s = s[:m[0].Start]
		for { // "Ann Lee Fri 12 Nov 2025", "Jeanne Moreau, le mardi 12"
			s = strings.TrimRight(s, " ,|·•–-:\u00a0")
			i := strings.LastIndexAny(s, " \u00a0,|")
			if !dayWord[strings.ToLower(strings.Trim(s[i+1:], ".,"))] {
				break
			}
			s = s[:max(i, 0)]
		}
	}
	for _, cut := range [...]string{" | ", " • ", " · ", " – ", " — ", " (", "Publié", "publié", "Published", "published", "Updated", "Mis à jour", "mis à jour", " le ", " - ", " / ", " à ", "@ "} {
		if i := strings.Index(s, cut); i > 0 {
			s = s[:i]
		}
	}
	for range 3 {
		f := strings.ToLower(s)
		for _, p := range [...]string{"par ", "by ", "écrit par ", "rédigé par ", "publié par ", "posted by ", "written by ", "submitted by ", "soumis par ", "proposé par ", "propos recueillis par ", "article rédigé par ", "words: ", "words : ", "texte : ", "auteur : ", "auteur: ", "author: ", "de ", "par : ", "by: ", "story by ", "words by "} {
			if strings.HasPrefix(f, p) {
				s = strings.TrimSpace(s[len(p):])
				break
			}
		}
	}
	s = strings.NewReplacer(" et ", ", ", " and ", ", ", " & ", ", ", ";", ",", " with ", ", ", " avec ", ", ", "/", ",", "\n", ",").Replace(s)
	var names []string
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimLeft(strings.TrimRight(squeeze(part), " :-–—|•·\"'“”*"), " .:-–—|•·\"'“”*")
		if l := strings.ToLower(part); strings.HasPrefix(l, "by ") || strings.HasPrefix(l, "par ") {
			part = strings.TrimSpace(part[strings.IndexByte(part, ' '):])
		}
		if !strings.HasSuffix(part, ".") || len(part) < 3 || part[len(part)-3] != ' ' && part[len(part)-3] != '.' {
			part = strings.TrimRight(part, ".") // but the last one of "L. B." stays
		}
		if !personal(part, site, len(names) > 0) {
			if len(names) > 0 {
				break // "Ann Lee, Senior Editor, The Site"
			}
			continue
		}
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, part) }) && len(names) < 8 {
			names = append(names, part)
		}
	}
	if len(names) > 1 && site != "" {
		if rest := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return fold(n) == fold(site) }); len(rest) > 0 {
			names = rest
		}
	}
	return strings.Join(names, ", ")
}

// particle lists the words of names that begin with a small letter.
var particle = set(`de du des da das do dos di del della der den van von zu zur la le les el bin ben ibn abu al e y i et und ten ter te 't of the team staff news editorial desk service agency rédaction`)

var dayWord = set(`mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday lun mar mer jeu ven sam dim
	lundi mardi mercredi jeudi vendredi samedi dimanche le on at`)

// personal tells whether a part of a byline names somebody, or the newsroom, rather than a role, an address or a date.
func personal(s, site string, following bool) bool {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 6 || len(s) < 2 || len(s) > 60 {
		return false
	}
	l := strings.ToLower(s)
	if strings.ContainsAny(l, "@0123456789<>{}=_") || strings.Contains(l, "http") || strings.Contains(l, "www.") || strings.Contains(l, ".com") {
		return false
	}
	for _, w := range strings.Fields(fold(s)) {
		switch w {
		case "reply", "editor", "reporter", "writer", "journalist", "journaliste", "journalistes", "correspondent", "correspondant", "correspondante", "contributor", "contributeur", "senior", "staff",
			"director", "chief", "chef", "rédacteur", "rédactrice", "directeur", "directrice", "follow", "share", "sign", "note", "login", "logout", "comments", "minutes", "min", "read", "lecture", "temps", "updated", "published",
			"more", "about", "view", "profile", "articles", "posts", "author", "auteur", "subscribe", "newsletter", "contact", "manager", "analyst", "specialist", "freelance", "pigiste", "collaborateur", "twitter", "linkedin", "facebook":
			return false
		case "admin", "administrator", "null", "undefined", "unknown", "last", "notes", "by", "par", "the", "guest":
			return len(words) > 1
		}
	}
	if !startsUpper(s) && !strings.HasPrefix(l, "la rédaction") && !strings.HasPrefix(l, "de ") && !strings.HasPrefix(l, "d'") && !strings.HasPrefix(l, "van ") && !strings.HasPrefix(l, "von ") {
		return false
	}
	if strings.HasPrefix(l, "la rédaction") {
		return len(words) <= 2 || len(words) == 3 && strings.HasPrefix(words[2], "d")
	}
	for _, w := range words[1:] {
		if lw := strings.ToLower(w); lw == w && !particle[lw] && !strings.HasPrefix(w, "d'") && !strings.HasPrefix(w, "d’") && !strings.HasPrefix(w, "al-") && unicode.IsLetter([]rune(w)[0]) {
			return false // a sentence
		}
	}
	if following && len(words) == 1 {
		return false // "Ann Lee, Reuters"
	}
	return true
}

// writtenDate finds the date a reader sees: in the first blocks, near the title or marked as a date.
func (t *tree) writtenDate(o pubdate.Options) (time.Time, string, bool) {
	type hit struct {
		at    time.Time
		prec  string
		score int
		block int
		near  bool // the title
	}
	var best hit
	title := fold(t.title)
	sinceTitle := 1000
	for i, n := 0, 0; i < len(t.blocks) && n < 250; i++ {
		b := &t.blocks[i]
		n++
		sinceTitle++
		if title != "" && len(b.text) < 500 && same(fold(b.text), title) {
			sinceTitle = 0
			if best.score > 0 && i-best.block <= 2 && !best.near { // it stood right above the title
				best.score, best.near = best.score+4, true
			}
		}
		if len(b.text) > 250 {
			continue
		}
		found := pubdate.Find(b.text, o, 1)
		if len(found) == 0 {
			continue
		}
		if len(b.text) >= 60 && b.prose() && !dateline(b.text, found[0]) {
			continue // a date that the story tells of
		}
		score := 1
		f := strings.ToLower(b.text)
		if strings.Contains(f, "publi") || strings.Contains(f, "posted") || strings.HasPrefix(f, "le ") || strings.HasPrefix(f, "par ") || strings.HasPrefix(f, "by ") {
			score += 4
		}
		if strings.Contains(f, "©") || strings.Contains(f, "copyright") || strings.Contains(f, "comment") {
			score -= 4
		}
		if sinceTitle <= 10 {
			score += 6
		}
		if strings.Contains(f, "rédigé") || strings.Contains(f, "mis en ligne") || strings.Contains(f, "submitted") || strings.Contains(f, " par ") || strings.Contains(f, " by ") {
			score += 2
		}
		if len(b.text) < 60 {
			score++
		}
		named := false
		if b.owner >= 0 {
			e := &t.elems[b.owner]
			names := strings.ToLower(attr(e.node, "class") + " " + attr(e.node, "id"))
			if strings.Contains(names, "date") || strings.Contains(names, "time") || strings.Contains(names, "publi") {
				score += 3
				named = true
			}
			if strings.Contains(names, "maj") || strings.Contains(names, "update") {
				score -= 2
			}
		}
		if b.bad && sinceTitle > 10 {
			score -= 3 // another article's
			if named {
				score++
			}
		}
		if len(b.text) < 120 && dateLine(b.text) {
			score += 2
		}
		if score > best.score {
			best = hit{found[0].Time, found[0].Precision, score, i, sinceTitle <= 10}
		}
	}
	return best.at, best.prec, best.score >= 3
}

// dateline tells the date that a paragraph opens with, or a line that says when it was published: "LONDON, March 4, 2025 – …".
func dateline(s string, m pubdate.Match) bool {
	l := strings.ToLower(s[:min(len(s), 120)])
	if strings.Contains(l, "publié") || strings.Contains(l, "published") || strings.Contains(l, "posted") || strings.Contains(l, "mis en ligne") {
		return true
	}
	if m.Start > 45 {
		return false
	}
	rest := strings.TrimLeft(s[m.End:], " \u00a0,.)")
	return m.Start == 0 || strings.HasPrefix(rest, "–") || strings.HasPrefix(rest, "—") || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "|")
}

// next finds the following page of an article that is spread over several.
func (t *tree) next(doc *html.Node, base *url.URL) string {
	if base == nil || base.Host == "" {
		return ""
	}
	d := goquery.NewDocumentFromNode(doc)
	if h, ok := d.Find(`head link[rel="next"]`).Attr("href"); ok {
		if u := sameArticle(base, h); u != "" {
			return u
		}
	}
	for i := range t.elems {
		n := t.elems[i].node
		if n.DataAtom != atom.A {
			continue
		}
		href := attr(n, "href")
		if href == "" || strings.HasPrefix(href, "#") {
			continue
		}
		raw := textContent(n, 60)
		if rel := attr(n, "rel"); rel == "" && (len(raw) < 4 || !strings.Contains(raw, "uiv") && !strings.Contains(raw, "ext") && !strings.Contains(raw, "uite") && !strings.Contains(raw, "EXT") && !strings.Contains(raw, "UI")) {
			continue // no word for "next"
		}
		text := fold(raw)
		if !strings.Contains(attr(n, "rel"), "next") && text != "page suivante" && text != "suivante" && text != "suivant" && text != "next page" && text != "next" && text != "suite" && text != "lire la page suivante" && !strings.HasPrefix(text, "page suivante") && !strings.HasPrefix(text, "next page") {
			continue
		}
		if u := sameArticle(base, href); u != "" {
			return u
		}
	}
	return ""
}

// sameArticle accepts an address that differs from the page's only by a page number that follows its own.
func sameArticle(base *url.URL, href string) string {
	abs := absolute(base, href)
	u, err := url.Parse(abs)
	if abs == "" || err != nil || u.Host != base.Host {
		return ""
	}
	cut := func(u *url.URL) (string, int) {
		q := u.Query()
		page := 1
		for _, k := range []string{"page", "p", "pg", "pagenumber", "page_number", "seite"} {
			if v := q.Get(k); v != "" && len(v) <= 3 && strings.Trim(v, "0123456789") == "" {
				page = number(v)
			}
		}
		path := strings.TrimSuffix(u.Path, "/")
		ext := ""
		if i := strings.LastIndexByte(path, '.'); i > strings.LastIndexByte(path, '/') {
			path, ext = path[:i], path[i:]
		}
		i := len(path)
		for i > 0 && path[i-1] >= '0' && path[i-1] <= '9' {
			i--
		}
		n := path[i:]
		named := strings.HasSuffix(path[:i], "/page") || strings.HasSuffix(path[:i], "-page") || strings.HasSuffix(path[:i], "/p")
		if n != "" && len(n) <= 2 && i > 0 && (named || strings.IndexByte("/-_,", path[i-1]) >= 0) {
			page = number(n)
			path = strings.TrimRight(path[:i], "/-_,")
			if named = named || strings.HasSuffix(path, "/page"); named {
				path, ext = strings.TrimRight(path[:strings.LastIndexAny(path, "/-")], "/-"), ""
			}
		}
		return path + ext, page
	}
	from, a := cut(base)
	to, b := cut(u)
	if from != to || b != a+1 || from == "" {
		return ""
	}
	return abs
}

func number(s string) int {
	n := 0
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}
