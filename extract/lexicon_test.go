package extract

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/veille/schemas"
)

// TestLexicon lints the rule files: both languages have every type, ids are unique, and what a rule asks for can be given.
func TestLexicon(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		l, err := loadLexicon(lexiconFS, lang)
		if err != nil {
			t.Fatal(err)
		}
		types := map[string]bool{}
		ids := map[string]bool{}
		for _, r := range l.rules {
			types[r.typ] = true
			kind := "verb"
			switch {
			case r.noun:
				kind = "noun"
			case r.title:
				kind = "title"
			case r.phrase:
				kind = "phrase"
			case r.reflex:
				kind = "reflexive"
			}
			if id := r.id + "/" + kind; ids[id] {
				t.Errorf("%s: rule %s twice", lang, r.id)
			} else {
				ids[id] = true
			}
			for _, n := range r.need {
				if r.roles[n] == "" {
					t.Errorf("%s: rule %s needs %s, which has no role", lang, r.id, slotName(n))
				}
			}
			if pr, ok := pairRoles[r.typ]; ok {
				for _, role := range r.roles {
					if role != "" && role != "partner" && role != pr[0] && role != pr[1] {
						t.Errorf("%s: rule %s has role %q", lang, r.id, role)
					}
				}
			}
			if r.unary && r.typ != "partner_program" && r.typ != "investment" {
				t.Errorf("%s: rule %s has one party", lang, r.id)
			}
			if r.conf <= 0 || r.conf > 1 {
				t.Errorf("%s: rule %s has confidence %v", lang, r.id, r.conf)
			}
		}
		for _, typ := range schemas.Types {
			if !types[typ] {
				t.Errorf("%s: no rule for %s", lang, typ)
			}
		}
		for w := range l.byVerb {
			if strings.ContainsAny(w, " ~|()") {
				t.Errorf("%s: verb %q", lang, w)
			}
		}
	}
}

func TestConjugate(t *testing.T) {
	fr, err := loadLexicon(lexiconFS, "fr")
	if err != nil {
		t.Fatal(err)
	}
	en, err := loadLexicon(lexiconFS, "en")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		l          *lexicon
		word, verb string
		want       tense
	}{
		{fr, "rachète", "racheter", tPres}, {fr, "rachetée", "racheter", tPart}, {fr, "rachèterait", "racheter", tCond}, {fr, "racheta", "racheter", tPast},
		{fr, "annonçait", "annoncer", tImparf}, {fr, "intègre", "intégrer", tPres}, {fr, "renouvelle", "renouveler", tPres}, {fr, "acquiert", "acquérir", tPres},
		{fr, "choisissent", "choisir", tPres}, {fr, "choisi", "choisir", tPart}, {fr, "vendra", "vendre", tFut}, {fr, "offert", "offrir", tPart},
		{fr, "lorgnerait", "lorgner", tCond}, {fr, "appuie", "appuyer", tPres}, {fr, "déréférencé", "déréférencer", tPart}, {fr, "obtiendra", "obtenir", tFut},
		{en, "buys", "buy", tPres}, {en, "bought", "buy", tPast | tPart}, {en, "buying", "buy", tGer}, {en, "snapped", "snap", tPast | tPart},
		{en, "carries", "carry", tPres}, {en, "carried", "carry", tPast | tPart}, {en, "merging", "merge", tGer}, {en, "chosen", "choose", tPart},
		{en, "agreed", "agree", tPast | tPart}, {en, "axes", "axe", tPres}, {en, "ditched", "ditch", tPast | tPart}, {en, "sues", "sue", tPres},
	} {
		i := slices.IndexFunc(c.l.forms[c.word], func(f form) bool { return f.verb == c.verb })
		if i < 0 {
			t.Errorf("%q is no form of %q", c.word, c.verb)
		} else if got := c.l.forms[c.word][i].tense; got&c.want != c.want {
			t.Errorf("%q: tenses %b, want %b", c.word, got, c.want)
		}
	}
}

func TestSegment(t *testing.T) {
	l, err := loadLexicon(lexiconFS, "en")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"Dell Inc. bought EMC. It paid $67.2bn.", []string{"Dell Inc. bought EMC.", "It paid $67.2bn."}},
		{"« On signe. » Puis rien.", []string{"« On signe. »", "Puis rien."}},
		{"He said “no.” They left!", []string{"He said “no.”", "They left!"}},
		{"M. Durand, 3.5 % de hausse… et puis", []string{"M. Durand, 3.5 % de hausse… et puis"}},
		{"One\n\nTwo", []string{"One", "Two"}},
		{"J. Smith of the U.S. firm left.", []string{"J. Smith of the U.S. firm left."}},
		{"", nil},
	} {
		var got []string
		for _, s := range l.segment("text", c.text, nil, 0) {
			got = append(got, c.text[s.start():s.end()])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

// TestLoadedAlike holds that a lexicon does not depend on the order in which maps are gone through: the same article gives the same
// answer in every process.
func TestLoadedAlike(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		a, err := loadLexicon(lexiconFS, lang)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			b, err := loadLexicon(lexiconFS, lang)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(a.words, b.words) || !reflect.DeepEqual(a.preps, b.preps) || !reflect.DeepEqual(a.heads, b.heads) || !reflect.DeepEqual(a.places, b.places) || !reflect.DeepEqual(a.byVerb, b.byVerb) || !reflect.DeepEqual(a.byWord, b.byWord) {
				t.Errorf("%s: two loads differ", lang)
			}
		}
	}
}
