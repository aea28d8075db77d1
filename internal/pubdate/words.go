package pubdate

import (
	"strings"
	"time"
	"unicode/utf8"
)

// months holds the folded names and abbreviations of French, English, German, Spanish, Italian, Dutch and Portuguese.
// "mar" is March only where a day and a year follow it or stand around it; as the French Tuesday it never does.
var months = map[string]int{
	"jan": 1, "janv": 1, "janvier": 1, "january": 1, "januar": 1, "jänner": 1, "enero": 1, "ene": 1, "gennaio": 1, "gen": 1, "januari": 1, "janeiro": 1,
	"feb": 2, "fev": 2, "fév": 2, "févr": 2, "fevr": 2, "février": 2, "fevrier": 2, "february": 2, "februar": 2, "febrero": 2, "febbraio": 2, "februari": 2, "fevereiro": 2,
	"mar": 3, "mars": 3, "march": 3, "mär": 3, "märz": 3, "maerz": 3, "mrz": 3, "marzo": 3, "maart": 3, "mrt": 3, "março": 3, "marco": 3,
	"apr": 4, "avr": 4, "avril": 4, "april": 4, "abril": 4, "abr": 4, "aprile": 4,
	"may": 5, "mai": 5, "mayo": 5, "maggio": 5, "mag": 5, "mei": 5, "maio": 5,
	"jun": 6, "juin": 6, "june": 6, "juni": 6, "junio": 6, "giugno": 6, "giu": 6, "junho": 6,
	"jul": 7, "juil": 7, "juill": 7, "juillet": 7, "july": 7, "juli": 7, "julio": 7, "luglio": 7, "lug": 7, "julho": 7,
	"aug": 8, "aou": 8, "août": 8, "aout": 8, "august": 8, "agosto": 8, "ago": 8, "augustus": 8,
	"sep": 9, "sept": 9, "septembre": 9, "september": 9, "septiembre": 9, "settembre": 9, "set": 9, "setembro": 9,
	"oct": 10, "octobre": 10, "october": 10, "okt": 10, "oktober": 10, "octubre": 10, "ottobre": 10, "ott": 10, "outubro": 10, "out": 10,
	"nov": 11, "novembre": 11, "november": 11, "noviembre": 11, "novembro": 11,
	"dec": 12, "déc": 12, "décembre": 12, "decembre": 12, "december": 12, "dez": 12, "dezember": 12, "diciembre": 12, "dic": 12, "dicembre": 12, "dezembro": 12,
}

// longest name of months, in bytes
const maxMonth = 11

// month reads a month's name at the start of b and gives its length, 0 when there is none.
func month(b string) (m, n int) {
	for n < len(b) && n <= maxMonth && (b[n] >= 'a' && b[n] <= 'z' || b[n] >= utf8.RuneSelf) {
		n++
	}
	if n < 3 || n > maxMonth {
		return 0, 0
	}
	m = months[b[:n]]
	if m == 0 {
		return 0, 0
	}
	return m, n
}

// zones gives the offset in minutes of the abbreviations news sites use. Where one stands for several zones the American
// or European one is meant.
var zones = map[string]int{
	"cet": 60, "cest": 120, "mez": 60, "mesz": 120, "wet": 0, "west": 60, "eet": 120, "eest": 180, "bst": 60, "msk": 180,
	"est": -300, "edt": -240, "et": -300, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "pt": -480,
	"jst": 540, "ist": 330, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780, "sgt": 480, "hkt": 480, "sast": 120,
}

// paris is the zone of "heure de Paris"; without a time zone database it is the winter offset.
func paris() *time.Location {
	if l, err := time.LoadLocation("Europe/Paris"); err == nil {
		return l
	}
	return time.FixedZone("CET", 3600)
}

// ZoneOf is where a source that states no zone most likely is, by its host's country, then its language; UTC when neither
// tells. lang is a language tag in lower case.
func ZoneOf(lang, host string) *time.Location {
	name := ""
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "fr", "be", "ch", "lu", "de", "it", "es", "nl":
		name = "Europe/Paris" // all of them on Central European time
	case "uk":
		name = "Europe/London"
	case "ie":
		name = "Europe/Dublin"
	default:
		switch {
		case lang == "fr" || strings.HasPrefix(lang, "fr-") && lang != "fr-ca":
			name = "Europe/Paris"
		case lang == "en-gb":
			name = "Europe/London"
		}
	}
	if l, err := time.LoadLocation(name); err == nil { // "" is UTC
		return l
	}
	return time.UTC
}
