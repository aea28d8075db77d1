// Package lexicon holds the words the extractor reads by, as YAML files that a
// person who does not program can edit: one folder per language. It only embeds
// them; the packages that read them compile them.
package lexicon

import "embed"

// Prices holds fr/prices.yaml and en/prices.yaml, read by package money.
//
//go:embed fr/prices.yaml en/prices.yaml
var Prices embed.FS
