package query

import (
	"fmt"
	"strings"
)

// Markdown is the table of the fields for a manual, in French for "fr".
func Markdown(lang string) string {
	var b strings.Builder
	head := "| field | meaning | example |\n|---|---|---|\n"
	if lang == "fr" {
		head = "| champ | sens | exemple |\n|---|---|---|\n"
	}
	b.WriteString(head)
	cell := strings.NewReplacer("|", `\|`)
	for _, f := range Fields() {
		names := "`" + f.Name + ":`"
		if len(f.Aliases) > 0 {
			names += " (" + strings.Join(f.Aliases, ", ") + ")"
		}
		meaning := f.EN
		if lang == "fr" {
			meaning = f.FR
		}
		// Two hundred countries need no list; their names are understood.
		if n := len(f.Values); n > 0 && n < 30 {
			var vals []string
			for _, e := range f.Values {
				v := "`" + e.ID + "`"
				if label := f.Label(e.ID, lang); fold(label) != e.ID {
					v += " " + label
				}
				vals = append(vals, v)
			}
			meaning += ": " + strings.Join(vals, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` |\n", names, cell.Replace(meaning), cell.Replace(f.Example))
	}
	return b.String()
}

// Mistake is an example of a query that is refused.
type Mistake struct {
	Query string
	Code  string
	Pos   int // code point at which the error is marked
}

// Mistakes has one example of each error, for the manual. They need no catalogue,
// so ambiguous-vendor is not among them.
func Mistakes() []Mistake {
	return []Mistake{
		{`vendr:hpe`, UnknownField, 0},
		{`type:distributon`, UnknownValue, 5},
		{`since:01/02/2026`, AmbiguousDate, 6},
		{`price:>10x`, BadNumber, 6},
		{`since:2026-02-30`, BadDate, 6},
		{`vendor: AND lang:fr`, MissingValue, 0},
		{`"accord de`, UnterminatedPhrase, 0},
		{`(cloud OR edge`, UnbalancedParen, 0},
		{`cloud ()`, EmptyGroup, 6},
		{`cloud OR`, DanglingOperator, 6},
		{`type:rachat, litige`, StrayComma, 11},
		{`*tanix`, LeadingWildcard, 0},
		{`nut*nix`, MisplacedWildcard, 0},
		{`nu*`, ShortPrefix, 0},
		{`(cloud sort:newest)`, MisplacedSetting, 7},
		{`((((((cloud))))))`, TooDeep, 5},
		{strings.Repeat("a ", MaxClauses+1), TooManyClauses, 2 * MaxClauses},
		{strings.Repeat("a", MaxBytes+1), TooLong, 0},
	}
}
