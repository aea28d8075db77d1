package page

import (
	"strings"
	"unicode"

	"example.org/veille/internal/pubdate"
)

// stops tells a short text that ends an article: what follows is about other things.
func stops(s string) bool {
	f := fold(s)
	if stopLines[f] {
		return true
	}
	for _, p := range stopStarts {
		if strings.HasPrefix(f, p) && len(f) < len(p)+40 {
			return true
		}
	}
	return false
}

func lineSet(s string) map[string]bool {
	m := map[string]bool{}
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			m[fold(l)] = true
		}
	}
	return m
}

func lineList(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, fold(l))
		}
	}
	return out
}

// Phrases are in folded form when compared: lower case, letters and digits.
var (
	stopLines = lineSet(`
		related
		related articles
		related stories
		related posts
		related content
		related topics
		related news
		related links
		related reading
		further reading
		see also
		read more
		read also
		also read
		you may also like
		you might also like
		recommended
		recommended reading
		recommended for you
		more on this topic
		more stories
		most read
		most popular
		popular articles
		trending
		trending now
		latest news
		latest articles
		latest stories
		comments
		leave a comment
		leave a reply
		post a comment
		join the conversation
		join the discussion
		share this article
		share this story
		share this
		share
		tags
		topics
		about the author
		about the authors
		author
		newsletter
		sign up
		subscribe
		advertisement
		next article
		previous article
		up next
		what to read next
		read next
		dig deeper
		à lire aussi
		à lire également
		lire aussi
		lire également
		à lire
		voir aussi
		à voir aussi
		sur le même sujet
		sur le même thème
		dans la même rubrique
		articles liés
		articles similaires
		articles associés
		article suivant
		article précédent
		pour aller plus loin
		en savoir plus
		à découvrir
		à découvrir aussi
		nos derniers articles
		derniers articles
		les plus lus
		les articles les plus lus
		commentaires
		commentaire
		laisser un commentaire
		laissez un commentaire
		ajouter un commentaire
		réagir
		réagir à cet article
		partager
		partager cet article
		partagez cet article
		partager sur
		mots clés
		étiquettes
		à propos de l'auteur
		l'auteur
		sur l'auteur
		suivez nous
		abonnez vous
		publicité
		contenus sponsorisés
		contenu sponsorisé
		plus d'articles
		livres blancs
		dossiers
		suggestions de lecture
		dans l'actualité
		toute l'actualité
	`)
	stopStarts = lineList(`
		more from
		more stories from
		read more about
		more about
		related to
		recommended by
		plus d'articles sur
		approfondir
		les dernières actualités
		dans le même dossier
		sur le même sujet
		à lire sur
		lire aussi sur
		nos articles sur
		commentaires sur
		laisser un commentaire
	`)

	// Sentences that are never part of an article, by their beginning.
	asideStarts = lineList(`
		newsletter
		read more
		read also
		also read
		read next
		see also
		related article
		related stories
		related story
		related:
		more on
		click here to
		sign up for
		sign up to
		subscribe to our
		subscribe to the
		subscribe now
		join our newsletter
		get the latest
		follow us on
		follow us
		like us on facebook
		share this article
		share on
		this content is not available
		please enable javascript
		javascript is
		your browser does not
		we use cookies
		this site uses cookies
		this website uses cookies
		by clicking
		by submitting your
		by signing up
		by subscribing
		you can unsubscribe
		thank you for subscribing
		this article originally appeared
		this story originally appeared
		this article was originally published
		this post first appeared
		originally published
		have a tip
		got a tip
		do you have a
		image credit
		photo credit
		photo by
		photo courtesy
		image courtesy
		image source
		picture credit
		credit:
		source: shutterstock
		getty images
		advertisement
		story continues below
		article continues
		continue reading
		skip to
		copyright
		all rights reserved
		loading
		please log in
		log in to
		register to
		already a subscriber
		already have an account
		print this
		email this
		download our
		contact the author
		follow him on
		follow her on
		follow me on
		follow the author on
		you can follow
		send tips to
		send your tips to
		enter your email
		stay up to date with
		listen to the podcast
		listen to this
		écouter cet article
		écoutez cet article
		suivez le sur
		suivez la sur
		suivez l'auteur sur
		contactez l'auteur
		écrivez à l'auteur
		écouter le podcast
		téléchargez l'application
		the post
		à lire aussi
		à lire également
		à lire :
		lire aussi
		lire également
		lire la suite
		lire l'article
		lisez aussi
		voir aussi
		à voir aussi
		à découvrir aussi
		sur le même sujet
		pour aller plus loin
		pour en savoir plus sur
		abonnez vous à
		abonnez vous pour
		abonnez vous
		inscrivez vous à
		inscrivez vous pour
		recevez notre newsletter
		recevez toute l
		recevez chaque
		recevez gratuitement
		recevez par mail
		recevez les
		suivez nous
		suivez l'actualité
		suivez toute l'actualité
		retrouvez nous sur
		rejoignez nous sur
		partager sur
		partagez cet article
		partager cet article
		nous utilisons des cookies
		ce site utilise des cookies
		en poursuivant votre navigation
		en vous inscrivant
		vous pouvez vous désabonner
		vos données
		veuillez activer javascript
		votre navigateur
		crédit photo
		crédits photo
		crédit :
		crédits :
		photo :
		image :
		illustration :
		source image
		publicité
		la suite après la publicité
		la suite de l'article
		tous droits réservés
		déjà abonné
		se connecter
		connectez vous pour
		cet article est réservé
		il vous reste
		l'article
		télécharger notre
		téléchargez notre
		une information à nous transmettre
		une erreur dans l'article
		signaler une erreur
		commentez cet article
		cliquez ici pour
		mots clés
		tags :
	`)

	// Endings of an article that are not its text.
	promoWords = lineList(`
		follow us
		newsletter
		sign up
		subscribe
		contact us
		google news
		whatsapp
		telegram
		twitter
		linkedin
		facebook
		bluesky
		email protected
		all rights reserved
		newsletters
		abonnez vous
		inscrivez vous
		suivez nous
		tous droits réservés
		contactez nous
		google actualités
		google discover
		nos réseaux
	`)

	cutPhrases = lineList(`
		il vous reste
		la suite de cet article
		la suite est réservée
		pour lire la suite
		to continue reading
		subscribe to continue
		subscribe to unlock
		unlock this article
		sign in to continue reading
		keep reading with a
		to keep reading this
		créez un compte gratuit pour
		inscription gratuite pour lire
	`)

	wallPhrases = lineList(`
		réservé aux abonnés
		réservée aux abonnés
		réservés aux abonnés
		il vous reste
		la suite de cet article est
		la suite est réservée
		lisez la suite de cet article
		pour lire la suite
		abonnez vous pour lire
		abonnez vous pour accéder
		connectez vous pour lire
		contenu réservé
		article réservé
		déjà abonné connectez vous
		pour lire cet article
		poursuivre la lecture
		subscribers only
		subscriber only
		for subscribers
		subscribe to continue
		subscribe to read
		subscribe to unlock
		sign in to continue reading
		log in to continue reading
		register to continue
		register to read
		to continue reading
		to read the full
		this content is for members
		this article is for subscribers
		this article is reserved
		unlock this article
		members only
		already a subscriber
		become a member to read
		keep reading with a
		to keep reading this
		already a paid subscriber
		create a free account to
		register for free to
		sign up to read
		log in to read
		créez un compte gratuit pour
		créez votre compte gratuit pour
		inscription gratuite pour lire
		inscrivez vous gratuitement pour lire
		déjà inscrit connectez vous
		débloquez cet article
		accédez à l'intégralité de
		l'intégralité de cet article
	`)
)

// aside tells a block that speaks to the reader about the site, or points to other articles.
func aside(s string) bool {
	if len(s) > 600 {
		return false
	}
	f := fold(s[:min(len(s), 240)])
	if f == "" || strings.HasPrefix(s, "©") && len(s) < 200 {
		return true // rules, arrows, dots
	}
	if len(s) < 60 && stopLines[f] {
		return true
	}
	if len(f) < 240 && (strings.Contains(f, "tous droits réservés") || strings.Contains(f, "all rights reserved")) {
		return true
	}
	for _, p := range asideStarts {
		if !strings.HasPrefix(f, p) || len(f) > len(p) && f[len(p)] != ' ' {
			continue
		}
		// Many of these begin honest sentences, too. A label says so by its colon, or by being no sentence.
		colon := strings.IndexByte(s, ':')
		label := colon >= 0 && colon <= len(p)+8 || !ends(s) && len(f) < len(p)+30 || len(f) <= len(p)+2
		switch p {
		case "related": // "Related to each other: for example"
			if colon < 0 || colon > len(p)+4 {
				return false
			}
		case "newsletter":
			if !strings.ContainsAny(s, ":!?") && len(strings.Fields(s)) <= 3 { // "Newsletter settings"
				return false
			}
		case "image", "photo", "illustration", "credit", "crédit", "crédits", "tags", "mots clés", "à lire", "voir aussi", "see also", "pour aller plus loin", "pour en savoir plus sur",
			"publicité", "advertisement", "loading", "se connecter", "more on", "stay up to date with":
			if !label {
				return false
			}
		case "copyright":
			if !strings.ContainsAny(f, "0123456789") {
				return false
			}
		case "il vous reste":
			if !strings.Contains(f, "article") && !strings.Contains(f, "lire") {
				return false
			}
		case "vos données":
			if !strings.Contains(f, "personnelles") && !strings.Contains(f, "traitées") && !strings.Contains(f, "collectées") && !strings.Contains(f, "responsable") {
				return false
			}
		case "votre navigateur":
			if !strings.HasPrefix(f, "votre navigateur ne ") && !strings.Contains(f, "obsolète") {
				return false
			}
		case "log in to", "register to", "sign up to", "read more":
			if len(f) > 90 {
				return false
			}
		}
		switch p { // these begin honest sentences too
		case "the post", "l article":
			return strings.Contains(f, "appeared first on") || strings.Contains(f, "est apparu en premier")
		case "newsletter":
			return len(f) < 120
		case "copyright", "loading", "source shutterstock", "getty images", "publicité", "advertisement":
			return len(f) < 80
		case "do you have a", "get the latest", "more on", "photo", "image", "credit", "crédit", "crédits", "illustration", "twitter", "by clicking", "share on", "votre navigateur", "vos données", "se connecter", "javascript is", "register to", "print this", "skip to":
			return len(f) < 160
		case "read more", "see also", "related", "à lire", "voir aussi", "lire aussi", "lire l article", "pour aller plus loin", "pour en savoir plus sur", "à lire aussi", "à lire également", "lire également", "sur le même sujet":
			return len(f) < 230
		}
		return true
	}
	return false
}

// pointer tells a short line that sends the reader elsewhere: "WATCH: …", « Vidéo : … », where what follows is a link.
func pointer(b *block) bool {
	n := len(b.text)
	i := strings.IndexByte(b.text, ':')
	if n > 220 || i < 3 || i > 24 || int(b.links)*2 < n {
		return false
	}
	switch fold(b.text[:i]) {
	case "read", "read more", "read also", "also read", "more", "see", "see also", "see more", "watch", "watch now", "video", "listen", "photos", "photo", "gallery", "related", "in pictures", "explainer",
		"explained", "opinion", "analysis", "lire", "à lire", "lire aussi", "voir", "voir aussi", "à voir", "vidéo", "en vidéo", "en images", "écouter", "podcast", "reportage", "décryptage", "dossier", "infographie", "diaporama",
		"notre dossier", "à suivre", "plus", "enquête", "entretien", "tribune", "mehr", "lesen sie auch":
		return true
	}
	return false
}

// promo tells a closing line that invites rather than informs.
func promo(s string) bool {
	if len(s) > 400 {
		return false
	}
	f := fold(s)
	hits := 0
	for _, p := range promoWords {
		if strings.Contains(f, p) {
			hits++
		}
	}
	return hits >= 2 || hits == 1 && len(f) < 60
}

// nameLine tells "Par Jeanne Moreau, le 12 novembre" and "By Ann Lee | Staff writer".
func nameLine(s string) bool {
	if len(s) > 160 {
		return false
	}
	for _, cut := range [...]string{" Publié", " publié", " Mis à jour", " mis à jour", " Published", " Updated"} { // what follows is the date
		if i := strings.Index(s, cut); i > 4 {
			s = s[:i]
		}
	}
	f := fold(s)
	rest := ""
	for _, p := range [...]string{"par ", "by ", "submitted by ", "soumis par ", "proposé par ", "publié par ", "posted by ", "written by ", "publié le ", "published on ", "published ", "posted on ", "mis à jour le ", "updated on ", "last updated ", "rédigé par ", "propos recueillis par ", "article rédigé par "} {
		if r, ok := strings.CutPrefix(f, p); ok {
			rest = r
			break
		}
	}
	if rest == "" {
		return false
	}
	words := strings.Fields(s)
	capital := 0
	for _, w := range words {
		if r := []rune(w)[0]; unicode.IsUpper(r) || unicode.IsDigit(r) {
			capital++
		}
	}
	return len(words) <= 18 && capital*2 >= len(words) && !strings.HasSuffix(s, ".")
}

// bylinePart is the part of a short line that names who wrote: "Constructeurs - Par Yves Lemoine, le 03/10/2005".
func bylinePart(s string) string {
	if len(s) > 160 {
		return ""
	}
	if nameLine(s) {
		return s
	}
	for _, sep := range [...]string{" - ", " – ", " — ", " | ", " • ", " · ", " : ", ", "} {
		if _, rest, ok := strings.Cut(s, sep); ok && nameLine(rest) {
			return rest
		}
	}
	return ""
}

// dateLine tells a line that is little more than a date.
func dateLine(s string) bool {
	m := pubdate.Find(s, pubdate.Options{}, 3)
	if len(m) == 0 {
		return false
	}
	n := 0
	for _, x := range m {
		n += x.End - x.Start
	}
	return !strings.HasSuffix(s, ".") && (n*10 >= len(s)*4 || n*10 >= len(s)*2 && strings.ContainsAny(s, "|•·–"))
}

// onlyDate tells a line that is a date and nothing else.
func onlyDate(s string) bool {
	m := pubdate.Find(s, pubdate.Options{}, 1)
	return len(m) == 1 && len(s)-(m[0].End-m[0].Start) < 14
}

// wall tells a text that says the rest must be paid or logged in for.
func wall(s string) bool {
	if len(s) > 600 {
		return false
	}
	f := fold(s)
	for _, p := range wallPhrases {
		if strings.Contains(f, p) {
			return true
		}
	}
	return false
}

func (t *tree) collectMarkers() {
	for i := range t.blocks {
		if b := &t.blocks[i]; len(b.text) < 600 && len(b.text) > 10 && int(b.links) < len(b.text) && len(t.markers) < 20 && wall(b.text) {
			t.markers = append(t.markers, b.text)
		}
	}
}

// paywalled measures: a marker alone proves nothing (sites show one beside whole articles), nor does a short body.
func paywalled(text string, m *meta, t *tree) bool {
	named := false
	for i := range t.elems {
		if e := &t.elems[i]; e.h&hintWall != 0 && e.last > e.first && len(t.blocks[e.first].text) >= 40 { // not the button in the header
			named = true
			break
		}
	}
	stated := strings.EqualFold(m.ld.free, "false") || strings.EqualFold(m.named["article:content_tier"], "locked") || strings.EqualFold(m.named["article:content_tier"], "metered")
	cut := strings.HasSuffix(text, "…") || strings.HasSuffix(text, "...") || strings.HasSuffix(text, "[…]") || strings.HasSuffix(text, "[...]")
	signs := 0
	cutHere := false // "Il vous reste 70 % de cet article à lire", unlike "Déjà abonné ?", speaks of this text
	for _, s := range t.markers {
		f := fold(s)
		for _, p := range cutPhrases {
			cutHere = cutHere || strings.Contains(f, p)
		}
	}
	for _, s := range []bool{named || len(t.markers) > 0, cutHere, stated, cut} {
		if s {
			signs++
		}
	}
	whole := ldText(m.ld.body)
	switch {
	case len(whole) >= 1500 && len(text) >= len(whole)*9/10:
		return false // the article says how long it is, and it is all there
	case len(text) < 1500:
		return signs >= 2 || stated && len(text) < 900
	case len(text) < 3000:
		return (stated || cutHere && named) && len(t.markers) > 0
	}
	return cut && stated && len(t.markers) > 0
}
