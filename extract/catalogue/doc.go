// Package catalogue knows the organisations of the IT channel: who they are, what they are called at a given date,
// what they make and who owns them, and it finds their names in French and English text.
//
// Call [Load] once and keep the result: it is immutable and safe for concurrent use. [Catalogue.Find] gives every name in a text in
// one linear pass; [Catalogue.Disambiguate] then drops the common nouns, places and persons that look like vendors ("Orange County",
// « la box », "free tier"). Give both the title and the body in one string, separated by a blank line, so that one clear mention
// anywhere licenses the doubtful ones. [Catalogue.Resolve] answers queries and command lines.
//
// The knowledge is data: ../vendors/*.yaml, read by [Compile] and kept beside this file in compiled form (catalogue.bin), which a test
// holds to the YAML. After an edit run
//
//	go generate ./extract/catalogue
//
// The package does not resolve anaphora, does not decide what a text is about, and never invents a vendor that is not in the data.
// A catalogue judges every name at a date, normally the date of publication: "HP" is Hewlett-Packard in 2014 and HP Inc. in 2016.
package catalogue

//go:generate go run ./compile ../vendors catalogue.bin
