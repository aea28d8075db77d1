// Package schemas is the ground floor: the nouns of veille and how they travel.
//
// An [Article] is one news item of one feed. [Extraction] is everything that one
// version of the extractor found in one version of an article: the vendors it
// mentions ([Mention]), the statements about deals ([Signal]) and the amounts of
// money ([Price]). A [Deal] gathers the signals of one agreement over articles,
// sources and both languages. Every fact carries a [Span] that leads back to the
// words it was read from.
//
// Stages exchange an [Event], a CloudEvents 1.0 envelope; the names of the
// streams, subjects and consumers stand in subjects.go. Identifiers are made from
// content (id.go), so that a message delivered twice changes nothing.
//
// The package imports the standard library only and knows no other package. The
// JSON Schema files beside it are generated from these types; the samples in
// testdata/v1 must decode for ever. A field may be added, never renamed.
package schemas

//go:generate go run example.org/veille/internal/schemagen
