package page

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func decodeRune(s string) (rune, int) { return utf8.DecodeRuneInString(s) }

// hint reads what an element's tag, class, id and role say about it.
func (t *tree) hint(n *html.Node) hint {
	var h hint
	var class, id string
	for _, a := range n.Attr {
		switch a.Key {
		case "class":
			class = a.Val
		case "id":
			id = a.Val
		case "hidden":
			if a.Val != "until-found" {
				h |= hintHidden
			}
		case "style":
			if len(a.Val) < 1000 && (strings.Contains(a.Val, "none") || strings.Contains(a.Val, "hidden")) {
				v := strings.ReplaceAll(strings.ToLower(a.Val), " ", "")
				if strings.Contains(v, "display:none") || strings.Contains(v, "visibility:hidden") {
					h |= hintHidden
				}
			}
		case "aria-hidden":
			if a.Val == "true" && n.DataAtom != atom.Div && n.DataAtom != atom.Section && n.DataAtom != atom.Article {
				h |= hintHidden
			}
		case "role":
			switch strings.ToLower(a.Val) {
			case "navigation", "complementary", "contentinfo", "banner", "search", "menu", "menubar", "dialog", "alertdialog", "toolbar":
				h |= hintAside
			case "article", "main":
				h |= hintPositive
			}
		case "itemprop":
			switch v := strings.ToLower(a.Val); {
			case strings.Contains(v, "articlebody") || v == "reviewbody":
				h |= hintBody | hintPositive
			case v == "author" || v == "publisher" || v == "comment" || v == "keywords":
				h |= hintNegative
			case v == "caption":
				h |= hintCaption
			}
		case "data-testid", "data-component", "data-module", "data-type", "data-name", "data-block", "aria-label":
			if len(a.Val) < 100 && a.Key != "aria-label" {
				id += " " + a.Val
			}
		}
	}
	switch n.DataAtom {
	case atom.Nav, atom.Aside, atom.Footer, atom.Menu:
		h |= hintAside
	case atom.Figcaption, atom.Caption:
		h |= hintCaption
	case atom.Form:
		h |= hintAside
	}
	if class == "" && id == "" || n.DataAtom == atom.Body || n.DataAtom == atom.Html {
		return h
	}
	ids := t.nameHint(id)
	if ids&(hintNegative|hintComment|hintWall) != 0 && ownHeading(n, id) {
		ids = 0
	}
	return h | t.nameHint(class) | ids
}

// ownHeading tells an id that only spells the heading below it: "sharing-files-with-a-team" says nothing of its section.
func ownHeading(n *html.Node, id string) bool {
	words := fold(id)
	if !strings.Contains(words, " ") {
		return false
	}
	if heading(n.DataAtom) {
		return same(words, fold(textContent(n, 300)))
	}
	budget := 8
	for c := n.FirstChild; c != nil && budget > 0; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		if budget--; heading(c.DataAtom) {
			return same(words, fold(textContent(c, 300)))
		}
		if c.FirstChild != nil && (c.DataAtom == atom.Div || c.DataAtom == atom.Header) {
			for d := c.FirstChild; d != nil && budget > 0; d = d.NextSibling {
				if budget--; heading(d.DataAtom) {
					return same(words, fold(textContent(d, 300)))
				}
			}
		}
	}
	return false
}

// nameHint reads class names or an id, word by word: "js-article__related-links" is js, article, related, links.
func (t *tree) nameHint(names string) hint {
	if names == "" {
		return 0
	}
	names = names[:min(len(names), 500)]
	var h hint
	for name := range strings.FieldsSeq(names) {
		k, ok := t.hints[name]
		if !ok {
			k = oneName(name)
			if len(t.hints) < 20_000 {
				t.hints[name] = k
			}
		}
		h |= k
	}
	if h&hintBody != 0 || strings.Contains(names, "hentry") || strings.Contains(names, "type-post") {
		h &^= hintNegative | hintComment | hintWall // "article-body has-sidebar", "hentry tag-newsletter"
	}
	return h
}

func oneName(name string) hint {
	if strings.HasPrefix(name, "elementor") { // a page builder that calls every paragraph a widget
		return 0
	}
	switch name {
	case "sr-only", "screen-reader-text", "visually-hidden", "visuallyhidden", "rich-snippet-hidden", "element-invisible", "a11y-hidden":
		return hintHidden
	}
	words := split(name)
	l := strings.Join(words, "-")
	var h hint
	for _, s := range bodyNames {
		if l == s || strings.HasSuffix(l, "-"+s) || strings.HasPrefix(l, s+"-content") || strings.HasPrefix(l, s+"-inner") {
			h |= hintBody | hintPositive
		}
	}
	for i, w := range words {
		if (w == "has" || w == "with" || w == "no" || w == "not" || w == "without" || w == "is" || w == "avec" || w == "hide") && i+1 < len(words) {
			return h // "has-sidebar", "no-comments" tell of the layout
		}
		if headWords[w] && len(words) <= 4 {
			h |= hintHead
		}
		switch {
		case commentWords[w] || strings.HasPrefix(w, "comment") && w != "commentary":
			h |= hintComment | hintNegative
		case w == "cmp" && i == 0 && len(words) > 1: // "cmp-text" is a component; "sd-cmp" asks for consent
		case negativeWords[w], len(w) > 3 && w[len(w)-1] <= '9' && negativeWords[strings.TrimRight(w, "0123456789")]: // "cta3"
			h |= hintNegative
		case wallWords[w]:
			h |= hintWall
		case strings.HasSuffix(w, "caption") || w == "captions" || w == "legend" || w == "legends" || w == "legende" || w == "legendes" || w == "credit" || w == "credits":
			h |= hintCaption
		case w == "teaser":
			h |= hintTeaser
		case leadWords[w]:
			h |= hintLead | hintPositive
		case w == "article" || w == "content" || w == "entry" || w == "post" || w == "story" || w == "text" || w == "texte" || w == "contenu" || w == "corps" || w == "body" || w == "main":
			h |= hintPositive
		default:
			for _, p := range negativePrefixes {
				if strings.HasPrefix(w, p) {
					h |= hintNegative
					break
				}
			}
		}
	}
	if strings.Contains(l, "pull-quote") || strings.Contains(l, "pullquote") || strings.Contains(l, "exergue") {
		h |= hintPull
	}
	for _, s := range negativeNames {
		if strings.Contains(l, s) {
			h |= hintNegative
			break
		}
	}
	if h&hintBody != 0 && h&hintNegative != 0 && !strings.HasSuffix(l, "body") {
		h &^= hintBody
	}
	return h
}

// split cuts a name at what is no letter and between "camel" and "Case", in lower case.
func split(name string) []string {
	var out []string
	start := -1
	lower := false
	for i, r := range name {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		upper := unicode.IsUpper(r)
		if start >= 0 && (!letter || upper && lower) {
			out = append(out, strings.ToLower(name[start:i]))
			start = -1
		}
		if letter && start < 0 {
			start = i
		}
		lower = letter && !upper
	}
	if start >= 0 {
		out = append(out, strings.ToLower(name[start:]))
	}
	return out
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

var (
	// Names of the element that is the article's body, on the news systems in use.
	bodyNames = strings.Fields(`article-body articlebody article-content articlecontent entry-content post-content post-body postbody story-body storybody story-content
		story-text article-text articletext article-texte article-corps corps-article corps-texte article-contenu contenu-article texte-article article-main-content article-detail-body
		article-body-content content-article article-main article-page-body single-content td-post-content post-text blog-content news-content news-body newsbody content-body
		main-content-body rich-text-body article-richtext body-copy bodycopy body-text bodytext body-content article-copy wysiwyg-article art-content blog-post-body article-html`)

	leadWords = set(`lead subtitle soustitre standfirst chapo chapeau accroche dek strapline lede subheadline sous-titre intro introduction excerpt-lead`)

	// Names of short lines that stand above a part of the text without being marked as headings.
	headWords = set(`intertitre intertitres inter crosshead crossheading crossheader subhead subheading subheader headline2 heading2 heading3 h2 h3 h4 soustitre step-title steptitle`)

	commentWords = set(`disqus respond reply replies reactions kommentare comentarios`)

	wallWords = set(`paywall paywalled piano regwall abo subscriber premium-wall reserve wall`)

	negativeWords = set(`nav navbar navigation menu menus submenu breadcrumb breadcrumbs ariane sidebar side rail sider footer foot masthead toolbar topbar share shares sharing sharer
		partage partager partages social socials reseaux follow followus suivre ad ads adv advert adverts advertisement advertising adslot adsense dfp gpt pub pubs publicite publicites
		sponsor sponsored sponsors sponsorise promo promos promoted promotion newsletter newsletters infolettre subscribe subscription signup signin login register abonnement abonnez
		inscription forum cookie cookies consent gdpr rgpd cmp cmp2 cmpbox didomi onetrust axeptio tarteaucitron usercentrics truste osano klaro borlabs privacy popup popin modal overlay lightbox tooltip
		related relateds relate similar similaires recommend recommended recommendation recommendations reco recos suggest suggested suggestions outbrain taboola
		trending popular mostread lus pagination pager paginate tag tags tagcloud motscles keywords etiquettes topics byline author authors auteur auteurs bio
		timestamp dateline published breadcrumb printer imprimer rss feed feeds widget widgets banner banniere bandeau skiplink
		copyright disclaimer rating ratings vote votes sondage quiz survey toc sommaire teasers carousel slider slideshow gallery diaporama
		jobs emploi agenda whitepaper whitepapers livre livres blanc blancs download downloads telecharger cta cart shop boutique affiliate affiliation
		mashsb addtoany addthis sharedaddy jp-relatedposts yarpp zergnet revcontent plista nrelate noprint screenreader offscreen visuallyhidden sronly
		infobox meta metadata postmeta entrymeta utility utilities hatnote navbox editsection reflist references siblings siteheader sitefooter`)

	negativePrefixes = strings.Fields(`newsletter advert sponsor recommend related cookie subscri taboola outbrain share- breadcrumb`)

	// Names of two or more words that no single word gives away.
	negativeNames = strings.Fields(`read-more read-next read-also also-read see-also most-read more-stories more-from more-news more-articles next-article prev-article previous-article
		lire-aussi a-lire voir-aussi lire-la-suite plus-lus meme-sujet meme-theme articles-lies articles-associes sur-le-meme a-decouvrir a-voir-aussi en-savoir
		fil-ariane mots-cles about-author author-info author-card author-box post-author article-author auteur-bio post-meta entry-meta article-meta article-info article-header-meta
		post-footer entry-footer article-footer article-tools post-nav post-tags entry-tags tag-list article-tags post-date entry-date date-line side-bar
		you-may-like you-might up-next latest-news latest-posts latest-articles dernieres-actu derniers-articles call-to-action sign-up mailing-list screen-reader sr-only visually-hidden
		key-points-list in-article-promo inline-promo inread ia-ad ad-container ad-slot ad-wrapper ad-unit mpu dossier-lie related-content context-list partner-content
		embed-video video-embed video-caption video-title audio-player site-sub
		print-only no-print wp-caption-text image-credit photo-credit`)
)
