// Package catalogue knows the organisations of the IT channel: who they are, what they are called at a given date,
// what they make and who owns them, and it finds their names in French and English text.
//
// Call [Load] once and keep the result: it is immutable and safe for concurrent use. [Catalogue.Mentions] gives the vendors and products a
// text names, without the common nouns, places and persons that look like them ("Orange County", « la box », "free tier"). It is
// [Catalogue.Find], one linear pass over the text, followed by [Catalogue.Disambiguate]; [Catalogue.Scan] also gives heads, headquarters,
// nicknames and publishers. Give title and body in one string, separated by an empty line, so that one clear mention anywhere licenses the
// doubtful ones. [Catalogue.Resolve] answers queries and command lines.
//
// The package does not resolve anaphora, does not decide what a text is about, and never invents a vendor that is not in the data.
// Every name is judged at a date, normally that of publication: "HP" is Hewlett-Packard in 2014 and HP Inc. in 2016. A product stands for
// its owner of the day; in the news of its purchase, [Match].Product tells it from the buyer.
//
// # The data
//
// The knowledge is ../vendors/*.yaml, one entry for each organisation:
//
//   - id: lenovo                         # stable slug
//     name: Lenovo                       # canonical
//     country: CN                        # ISO 3166-1
//     kinds: [maker, storage]            # see Kinds; the first is the main one
//     from: 1984                         # not understood earlier than a year before
//     until: 2030-01-01                  # merged or closed; its name is still understood
//     hq: [Morrisville]                  # cities that stand for it, for anaphora
//     nicknames: [le Chinois du PC]      # for anaphora; a name that counts as a mention is an alias
//     people: [{name: Yang Yuanqing, from: 2009}]
//     aliases:                           # a bare word, or:
//   - {text: LNVGY, lang: en, from: 2010, until: 2012-06, guard: reject}
//     parent: [{id: ibm, from: 2005, until: 2010}]        # in order of time
//     successors: [{id: hpe, from: 2015-11}]              # what it split or merged into
//     absorbed: {into: hpe, on: 2017-04-17}               # its names are a brand of that vendor from the day on
//     products:                          # a bare word, or:
//   - {name: ThinkPad, from: 1992, was: [{id: ibm, until: 2005-05-01}], then: [{id: hp, from: 2031}]}
//     guard:                             # of the name, an alias or a product that is also something else
//     default: reject                  # or accept, when the context decides nothing; `guard: reject` for short
//     for: [PC, Motorola]              # words and phrases that speak for the vendor in or near the sentence
//     against: [lenovo moon]           # and against; one that holds the name decides alone
//     opens: [en]                      # languages in which the word often opens a sentence
//     proper: true                     # also a place, a first name, a weekday: its capital proves nothing
//
// A pure rename is one entry with several names; a merger or split is several entries with successors; an acquired brand that lives on
// keeps its entry and gets a dated parent. Dates are 2015, 2015-11 or 2015-11-01, and mean the first day of the period.
// press.yaml lists those who report and are never vendors, traps.yaml longer names to pass over as a whole, context.yaml the words
// disambiguation leans on, common-words.yaml the words that may not be a name without a guard. [Check] is the linter, [Compile] refuses
// what it finds. The compiled form (catalogue.bin) is kept beside this file and a test holds it to the YAML; after an edit run
//
//	go generate ./extract/catalogue
package catalogue

//go:generate go run ./compile ../vendors catalogue.bin
