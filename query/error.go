package query

import (
	"fmt"
	"strings"
)

// Codes of [SyntaxError] and [Hint].
const (
	UnknownField       = "unknown-field"
	UnknownValue       = "unknown-value"
	AmbiguousVendor    = "ambiguous-vendor"
	AmbiguousDate      = "ambiguous-date"
	BadNumber          = "bad-number"
	BadDate            = "bad-date"
	MissingValue       = "missing-value"
	UnterminatedPhrase = "unterminated-phrase"
	UnbalancedParen    = "unbalanced-parenthesis"
	EmptyGroup         = "empty-group"
	DanglingOperator   = "dangling-operator"
	StrayComma         = "stray-comma"
	LeadingWildcard    = "leading-wildcard"
	MisplacedWildcard  = "misplaced-wildcard" // * or ~ where none can stand
	ShortPrefix        = "short-prefix"       // fewer than MinPrefix letters
	MisplacedSetting   = "misplaced-setting"  // sort: or group: inside OR, NOT or twice
	TooDeep            = "too-deep"
	TooLong            = "too-long"
	TooManyClauses     = "too-many-clauses"

	// Hints only.
	UnknownVendor     = "unknown-vendor"
	LowerCaseOperator = "lower-case-operator"
	IgnoredSymbol     = "ignored-symbol"
)

// SyntaxError tells what in a query cannot be understood, and how to repair it.
type SyntaxError struct {
	Code string
	// Pos and Len mark the fault in the input, in Unicode code points.
	Pos, Len int
	FR, EN   string // the message in both languages
	// Suggestions replace the marked part; the first is the likeliest. See [SyntaxError.Fix].
	Suggestions []string
}

// Hint has the form of an error but stands beside a valid query.
type Hint = SyntaxError

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("query: %s at %d: %s", e.Code, e.Pos, e.EN)
}

// Message is the message in French for "fr", else in English.
func (e *SyntaxError) Message(lang string) string {
	if lang == "fr" {
		return e.FR
	}
	return e.EN
}

// Fix returns input with the marked part replaced by the i-th suggestion, or
// input itself when there is none.
func (e *SyntaxError) Fix(input string, i int) string {
	r := []rune(input)
	if i < 0 || i >= len(e.Suggestions) || e.Pos < 0 || e.Len < 0 || e.Pos+e.Len > len(r) {
		return input
	}
	before, after := r[:e.Pos], r[e.Pos+e.Len:]
	if e.Suggestions[i] == "" && len(before) > 0 && blank(before[len(before)-1]) && len(after) > 0 && blank(after[0]) {
		after = after[1:]
	}
	return strings.TrimSpace(string(before) + e.Suggestions[i] + string(after))
}

// Caret draws the fault under the query, for a terminal: two lines, the query
// and a mark below the faulty part.
func (e *SyntaxError) Caret(input string) string {
	line := strings.Map(func(r rune) rune {
		if blank(r) {
			return ' '
		}
		return r
	}, input)
	return line + "\n" + strings.Repeat(" ", e.Pos) + strings.Repeat("^", max(1, e.Len))
}

// DecimalComma is the hint for price:1,5, which means 1 or 5.
const DecimalComma = "decimal-comma"
