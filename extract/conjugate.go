package extract

import "strings"

// A form tells what a word can be: a verb of the lexicon in one of its tenses.
type form struct {
	verb  string // infinitive
	tense tense
}

type tense uint16

const (
	tInf    tense = 1 << iota // racheter, (to) buy
	tPres                     // rachète, buys, buy
	tPast                     // racheta, bought (finite)
	tImparf                   // rachetait
	tFut                      // rachètera
	tCond                     // rachèterait
	tPart                     // racheté, bought (participle)
	tGer                      // rachetant, buying
)

const finite = tPres | tPast | tImparf | tFut | tCond

// conjugateEN gives the forms of an English verb; irregular is "past participle" when it is one.
func conjugateEN(inf, irregular string, add func(string, tense)) {
	add(inf, tInf|tPres)
	last := inf[len(inf)-1]
	vowel := func(b byte) bool { return strings.IndexByte("aeiou", b) >= 0 }
	y := last == 'y' && len(inf) > 1 && !vowel(inf[len(inf)-2])
	switch {
	case y:
		add(inf[:len(inf)-1]+"ies", tPres)
	case last == 's' || last == 'x' || last == 'z' || last == 'o' || strings.HasSuffix(inf, "ch") || strings.HasSuffix(inf, "sh"):
		add(inf+"es", tPres)
	default:
		add(inf+"s", tPres)
	}
	stem := inf
	switch {
	case last == 'e' && !strings.HasSuffix(inf, "ee"):
		stem = inf[:len(inf)-1]
	case doubles[inf]:
		stem = inf + string(last)
	}
	if strings.HasSuffix(inf, "ie") {
		add(inf[:len(inf)-2]+"ying", tGer)
	} else {
		add(stem+"ing", tGer)
	}
	if irregular != "" {
		f := strings.Fields(irregular)
		for p := range strings.SplitSeq(f[0], "/") {
			add(p, tPast)
		}
		for p := range strings.SplitSeq(f[len(f)-1], "/") {
			add(p, tPart)
		}
		return
	}
	switch {
	case y:
		add(inf[:len(inf)-1]+"ied", tPast|tPart)
	case strings.HasSuffix(inf, "ee"):
		add(inf+"d", tPast|tPart)
	default:
		add(stem+"ed", tPast|tPart)
	}
}

// doubles lists the English verbs whose last consonant is doubled before -ed and -ing.
var doubles = map[string]bool{
	"axe": false, "plan": true, "drop": true, "bag": true, "nab": true, "tap": true, "pip": true, "grab": true, "ship": true, "swap": true,
	"scrap": true, "commit": true, "cancel": true, "mull": false, "snap": true, "plug": true, "equip": true, "quit": true, "stop": true,
	"cap": true, "refer": true, "rebuff": false, "submit": true, "permit": true, "admit": true, "tip": true, "net": true, "pen": true,
	"jettison": false, "nix": false, "scotch": false, "wrap": true, "slot": true, "label": true, "bin": true, "can": true, "dub": true, "occur": true,
}

// conjugateFR gives the forms of a French verb. irregular, when not empty, is its table row: present singular, present plural,
// participle, future stem, imperfect stem, and the simple past (singular and plural), separated by spaces.
func conjugateFR(inf, irregular string, add func(string, tense)) {
	add(inf, tInf)
	if irregular != "" {
		f := strings.Fields(irregular)
		add(f[0], tPres)
		add(f[1], tPres)
		part := f[2]
		for _, e := range [...]string{"", "e", "s", "es"} {
			add(part+e, tPart)
		}
		futureFR(f[3], add)
		imperfectFR(f[4], add)
		add(f[4]+"ons", tPres)
		for _, p := range f[5:] {
			add(p, tPast)
		}
		return
	}
	switch {
	case strings.HasSuffix(inf, "er"):
		stem := inf[:len(inf)-2]
		soft := stem // before a, o
		switch {
		case strings.HasSuffix(stem, "c"):
			soft = strings.TrimSuffix(stem, "c") + "ç"
		case strings.HasSuffix(stem, "g"):
			soft = stem + "e"
		}
		mutes := []string{stem} // before a mute e
		if r := []rune(stem); len(r) > 2 {
			switch n := len(r); {
			case r[n-1] == 'y':
				mutes = append(mutes, string(r[:n-1])+"i")
			case (r[n-2] == 'e' || r[n-2] == 'é') && !strings.ContainsRune("aeiouéè", r[n-1]):
				mutes = append(mutes, string(r[:n-2])+"è"+string(r[n-1]))
				if r[n-1] == 'l' || r[n-1] == 't' {
					mutes = append(mutes, stem+string(r[n-1]))
				}
			case n > 3 && r[n-3] == 'é' && !strings.ContainsRune("aeiouéè", r[n-2]) && !strings.ContainsRune("aeiouéè", r[n-1]):
				mutes = append(mutes, string(r[:n-3])+"è"+string(r[n-2:]))
			}
		}
		for _, m := range mutes {
			for _, e := range [...]string{"e", "es", "ent"} {
				add(m+e, tPres)
			}
			futureFR(m+"er", add)
		}
		add(soft+"ons", tPres)
		imperfectFR(soft, add)
		add(soft+"a", tPast)
		add(stem+"èrent", tPast)
		for _, e := range [...]string{"é", "ée", "és", "ées"} {
			add(stem+e, tPart)
		}
	case strings.HasSuffix(inf, "ir"):
		stem := inf[:len(inf)-1]
		add(stem+"t", tPres|tPast)
		add(stem+"ssent", tPres)
		add(stem+"ssons", tPres)
		imperfectFR(stem+"ss", add)
		add(stem+"rent", tPast)
		futureFR(inf, add)
		for _, e := range [...]string{"", "e", "s", "es"} {
			add(stem+e, tPart)
		}
	case strings.HasSuffix(inf, "re"):
		stem := inf[:len(inf)-2]
		add(stem, tPres)
		if strings.HasSuffix(stem, "p") {
			add(stem+"t", tPres)
		}
		add(stem+"ent", tPres)
		add(stem+"ons", tPres)
		imperfectFR(stem, add)
		add(stem+"it", tPast)
		add(stem+"irent", tPast)
		futureFR(stem+"r", add)
		for _, e := range [...]string{"u", "ue", "us", "ues"} {
			add(stem+e, tPart)
		}
	}
}

func futureFR(stem string, add func(string, tense)) {
	add(stem+"a", tFut)
	add(stem+"ont", tFut)
	add(stem+"ons", tFut)
	add(stem+"ait", tCond)
	add(stem+"aient", tCond)
}

func imperfectFR(stem string, add func(string, tense)) {
	add(stem+"ait", tImparf)
	add(stem+"aient", tImparf)
	add(stem+"ant", tGer)
}
