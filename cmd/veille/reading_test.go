package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"example.org/veille/extract"
	"example.org/veille/schemas"
)

var start2026 = time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)

// The two examples that docs/reading.md walks through.
var readingExamples = []struct{ mark, lang, title, text string }{
	{"FRENCH", "fr", "Un second grossiste pour Nutanix", "L'éditeur a signé avec Arrow ECS un contrat de distribution pour la France. Selon nos informations, il serait aussi en discussions avec Infinigate. Le pack de démarrage est proposé à partir de 9 900 € HT."},
	{"ENGLISH", "en", "Check Point ends UK distribution deal with Westcon-Comstor", "The security vendor has terminated its distribution agreement with Westcon-Comstor in the UK. Unlike Fortinet, it will keep Exclusive Networks, which has carried the line since 2015."},
}

const readingHead = "# How a sentence becomes a deal\n\n" +
	`Extraction is rules, data and a small linear model: the same article gives the same answer each time, and each answer can say why. Six steps:

1. **Names.** One pass finds the vendors, products and people of the catalogue, judged at the article's date (` + "`extract/catalogue/`, `extract/vendors/`" + `);
   common words that look like vendors (orange, free, insight…) need a sign that the company is meant. Organisations that the catalogue
   lacks are found by their capitals where a party is expected. *L'éditeur*, *the Redmond-based firm*, *the pair* are led back to whom
   they stand for.
2. **Triggers.** Verbs, nouns, set phrases and headline forms that may tell of a deal stand in ` + "`extract/lexicon/`" + `, a file for each type and
   language. Each says which places around it are parties, and in which role.
3. **Places.** Subject, objects and prepositions of the clause fill them. Comparisons, rivals, excluded alternatives (*plutôt que*, *unlike*), publishers
   and unnamed partners fill none.
4. **Status.** Cues of the clause, and of a source that opens the sentence, decide whether it is rumoured, planned, announced, in effect, ended,
   denied or only recalled.
5. **Type and roles.** The catalogue has the last word: a wholesaler that “partners” with a vendor distributes it.
6. **Second opinion.** A linear model looks at each pair of organisations that a sentence brings together: the words between and around them by form
   and by sense (` + "`senses.yaml`" + `, one list for both languages), what the two are, what the rules say of them, and what the article has told before. It
   takes back what it gives hardly a chance, corrects a type it is sure of, and adds what the rules have no words for (rule ` + "`model.…`" + `). It has learnt
   from ` + "`extract/testdata/`" + `; ` + "`go generate ./extract`" + ` teaches it anew.

What an article says of one deal in several places becomes one signal, with the sentence that says it best. Amounts of money are read apart
(` + "`extract/money/`" + `) and linked to the vendor and product they belong to.

` + "`veille extract --explain FILE`" + ` shows all of this for a text of yours: ` + "`+`" + ` is a signal, ` + "`-`" + ` a candidate that was dropped, with the reason,
` + "`~`" + ` one that was changed, ` + "`?`" + ` a name that the catalogue lacks, ` + "`← “its”`" + ` the words that stand for a name. What steps 5 and 6 make of candidates
follows under ` + "`merge`" + ` and ` + "`model`" + `.

## In French

FRENCH

## In English

ENGLISH
`

// TestReadingDocs keeps the walk through the two examples as the program does it.
func TestReadingDocs(t *testing.T) {
	x, err := extract.New()
	if err != nil {
		t.Fatal(err)
	}
	want := readingHead
	for _, e := range readingExamples {
		a := schemas.Article{ID: "a", Title: e.title, Text: e.text, Lang: e.lang, Published: start2026}
		var b strings.Builder
		b.WriteString("> **" + e.title + "**\n>\n> " + e.text + "\n\n```\n" + strings.TrimSpace(x.Explain(a).String()) + "\n```")
		want = strings.Replace(want, e.mark, b.String(), 1)
		if got := x.Extract(a); len(got.Signals) < 1 {
			t.Errorf("the %s example shows no deal", e.mark)
		}
	}
	const path = "../../docs/reading.md"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/reading.md is stale (%v): go test ./cmd/veille -run ReadingDocs -update", err)
	}
}
