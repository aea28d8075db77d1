package page

import (
	"strings"
	"unicode/utf8"
)

// Language tells the language of text by its most common words and its letters: "fr", "en", another ISO 639-1 code, or ""
// when nothing tells. declared is what the page or its feed claims; it decides where the text is too short to, and a
// claim is believed until the text clearly speaks another language.
func Language(text, declared string) string {
	d := strings.ToLower(strings.TrimSpace(declared))
	if i := strings.IndexAny(d, "-_ ,;"); i >= 0 {
		d = d[:i]
	}
	if len(d) != 2 || d[0] < 'a' || d[0] > 'z' {
		d = ""
	}
	var score [len(languages)]float64
	words, foreign, letters := 0, 0, 0
	text = text[:min(len(text), 6000)]
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !wordRune(r) {
			i += n
			continue
		}
		j := i
		for j < len(text) {
			r, n = utf8.DecodeRuneInString(text[j:])
			if !wordRune(r) {
				break
			}
			letters++
			switch {
			case r >= 0x370 && r < 0x2000 || r >= 0x2E80: // Greek, Cyrillic, Arabic, CJK …
				foreign++
			case r >= 0x80:
				for l, set := range letterHints {
					if strings.ContainsRune(set, r) {
						score[l] += 0.6
					}
				}
			}
			j += n
		}
		w := strings.ToLower(text[i:j])
		elided := strings.HasPrefix(text[j:], "'") || strings.HasPrefix(text[j:], "’")
		words++
		if elided {
			if rest := text[j:]; len(rest) > 2 && (strings.HasPrefix(rest, "'s ") || strings.HasPrefix(rest, "’s ")) {
				score[1] += 0.7
			}
			switch w {
			case "l", "d", "qu", "n", "s", "c", "j", "m", "lorsqu", "puisqu", "jusqu":
				score[0] += 1
				if w == "l" || w == "d" {
					score[4] += 0.5 // Italian elides too
				}
			}
		} else if m, ok := stopWords[w]; ok {
			for l := range languages {
				if m&(1<<l) != 0 {
					score[l] += 1
					if m == 1<<l {
						score[l] += 0.5 // a word of this language alone
					}
				}
			}
		}
		if len(w) >= 5 { // endings decide between headlines without a common word
			switch {
			case strings.HasSuffix(w, "ing"), strings.HasSuffix(w, "ed"), strings.HasSuffix(w, "ly"), strings.HasSuffix(w, "ies"):
				score[1] += 0.4
			case strings.HasSuffix(w, "ique"), strings.HasSuffix(w, "eur"), strings.HasSuffix(w, "eurs"), strings.HasSuffix(w, "eux"), strings.HasSuffix(w, "aux"), strings.HasSuffix(w, "ées"):
				score[0] += 0.4
			}
		}
		i = j
	}
	if words == 0 {
		return d
	}
	if foreign*2 > letters {
		if d != "" && d != "fr" && d != "en" {
			return d
		}
		return script(text)
	}
	best, second := 0, -1
	for l := range languages {
		if l != best && score[l] > score[best] {
			best = l
		}
	}
	for l := range languages {
		if l != best && (second < 0 || score[l] > score[second]) {
			second = l
		}
	}
	lead := score[best] - score[second]
	if d == languages[best] {
		return d
	}
	declaredKnown := false
	for l, name := range languages {
		if name == d {
			declaredKnown = true
			lead = score[best] - score[l]
		}
	}
	switch {
	case words < 12 && lead < 1.5 && d != "":
		return d // a headline
	case score[best] == 0, score[best] < 0.06*float64(words) && words >= 30:
		return d // none of ours
	case declaredKnown && lead < 2 && score[best] < 3*(score[best]-lead):
		return d
	case d != "" && !declaredKnown && score[best] < 0.2*float64(words):
		return d // a language we have no words of
	}
	return languages[best]
}

func wordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0xC0 && r < 0x2000 && r != 0xD7 && r != 0xF7 || r >= 0x2E80 && r < 0xE000 || r >= 0xF900 && r < 0xFFF0
}

// script names the language that a non-Latin script suggests.
func script(text string) string {
	for _, r := range text {
		switch {
		case r >= 0x3040 && r < 0x3100:
			return "ja"
		case r >= 0xAC00 && r < 0xD7A4:
			return "ko"
		case r >= 0x400 && r < 0x530:
			return "ru"
		case r >= 0x370 && r < 0x400:
			return "el"
		case r >= 0x590 && r < 0x600:
			return "he"
		case r >= 0x600 && r < 0x700:
			return "ar"
		case r >= 0xE00 && r < 0xE80:
			return "th"
		case r >= 0x900 && r < 0x980:
			return "hi"
		case r >= 0x4E00 && r < 0xA000:
			if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x3040 && r < 0x3100 }) {
				return "ja"
			}
			return "zh"
		}
	}
	return ""
}

var languages = [...]string{"fr", "en", "de", "es", "it", "nl", "pt"}

// letterHints are letters with accents that one language uses far more than the others.
var letterHints = [len(languages)]string{0: "éèêàçùœûîôâëïÉÈÀÇÊ", 2: "äöüßÄÖÜ", 3: "ñíóáúÑ", 4: "òìèàù", 6: "ãõçáâêóí"}

// stopWords maps each common word to the languages that use it, as bits.
var stopWords = func() map[string]uint8 {
	m := make(map[string]uint8, 900)
	for l, list := range [len(languages)]string{
		`le la les de des du un une et en à au aux est sont a ont que qui dans pour par sur avec ce cette ces son sa ses leur leurs il elle ils elles nous vous on ne pas plus mais ou où
		 se si comme tout tous toute toutes être avoir fait été sera ainsi aussi entre depuis selon après avant chez sous sans dont même donc car très bien deux peut afin lors encore
		 notre votre nos vos y d l ça cela celui celle ceux non oui moins trois autres autre premier première permet propose nouveau nouvelle contre vers notamment afin via alors quand quel quelle
		 entreprise entreprises marché annonce euros millions milliards était aura ans pendant plusieurs déjà jusqu fois rien peu trop mon ma mes te tu je moi toi lui eux cet`,
		`the a of and to in is are was were be been being that this these those for with on at by from as it its an or but not have has had will would can could should their they he she his her
		 we our you your i which who what when where how if than then more all also into over after before about up out one two new said says while there here other some such only
		 no yes do does did just so between through during since per own may might must very any both each few many much under against now company companies market announced year years million billion
		 them us me my him because down off again once get make made like even well way think know see use used using want wants need needs most`,
		`der die das und ist in den von zu mit sich des auf für im dem nicht ein eine einen einer eines als auch es an werden aus er hat dass sie nach wird bei noch wie einem über so zum war haben nur oder
		 aber vor zur bis mehr durch man sein wurde sei wir ihr ich kann gegen vom können schon wenn habe seine mark ihre dann unter wie ohne zwischen sind`,
		`el la los las de del y en que a un una por con para es se no su sus al lo como más pero o fue ha son este esta estos estas entre también ya desde todo muy sobre hasta cuando sin hay donde
		 está han ser tiene sido era años mil según uno dos nos ni yo tú él ella ellos nuestro`,
		`il lo la i gli le di del della dei delle che e è un una per con non in si da al alla dal dalla nel nella sono ha anche come più ma o questo questa su ai anni suo sua loro essere stato tra fra
		 dopo ancora prima hanno così se quando dove chi molto tutti tutto ogni degli sulla`,
		`de het een en van in is dat op te zijn met voor niet aan er die om ook als maar bij dan nog uit door naar heeft hij ze worden wordt was dit deze over tot hebben kan meer of zich geen wel
		 jaar moet zal werd tussen onder onze ons`,
		`o a os as de do da dos das e em que um uma para com não no na nos nas por se mais ao como foi mas sua seu são ou à ser está também já pelo pela até isso entre era depois sem mesmo aos ter seus
		 quem nas me esse eles você essa num nem suas meu às minha numa`,
	} {
		for w := range strings.FieldsSeq(list) {
			m[w] |= 1 << l
		}
	}
	return m
}()
