package money

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPublicCases holds the reader to public price cases, which are others' texts
// and so no part of the project: VEILLE_PRICE_CASES names a file of them. F1 over
// (amount, currency), per mille.
func TestPublicCases(t *testing.T) {
	path := os.Getenv("VEILLE_PRICE_CASES")
	if path == "" {
		t.Skip("VEILLE_PRICE_CASES names no file of public price cases")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := newReader(t)
	floors := map[string]int{"recognizers-en": 960, "recognizers-fr": 980, "price-parser": 990, "duckling-en": 860, "duckling-fr": 960}
	type tally struct{ right, wrong, missed int }
	tallies := map[string]*tally{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct {
			Suite, Lang, Text, Hint string
			Expected                []struct {
				Amount, Currency, Kind string
				Accept                 []string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		suite := c.Suite
		if strings.HasPrefix(suite, "price-parser") && !strings.Contains(suite, "xfail") {
			suite = "price-parser"
		}
		if floors[suite] == 0 {
			continue
		}
		if tallies[suite] == nil {
			tallies[suite] = new(tally)
		}
		n := tallies[suite]
		var got []Amount
		if c.Lang == "xx" {
			if a, ok := r.ReadShop(c.Text, c.Hint); ok {
				got = []Amount{a}
			}
		} else {
			got = r.Read(c.Text, c.Lang)
		}
		for _, want := range c.Expected {
			if want.Amount == "" {
				continue // a currency named without an amount
			}
			amount := want.Amount
			if strings.Contains(amount, ".") {
				amount = strings.TrimRight(strings.TrimRight(amount, "0"), ".")
			}
			i := slices.IndexFunc(got, func(a Amount) bool {
				low := a.Low
				if low == "" {
					low = a.High
				}
				accepted := append(slices.Clone(want.Accept), want.Currency)
				return low == amount && (slices.Contains(accepted, a.Currency) || a.Symbol != "" && slices.Contains(accepted, a.Symbol) || want.Kind == "subunit" && a.Currency == "")
			})
			if i < 0 {
				n.missed++
				continue
			}
			n.right++
			got = slices.Delete(got, i, i+1)
		}
		n.wrong += len(got)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for suite, floor := range floors {
		n := tallies[suite]
		if n == nil {
			t.Errorf("%s: no cases", suite)
			continue
		}
		f1 := 2000 * n.right / (2*n.right + n.wrong + n.missed)
		t.Logf("%-15s F1 %d ‰: %d right, %d wrong, %d missed", suite, f1, n.right, n.wrong, n.missed)
		if f1 < floor {
			t.Errorf("%s: F1 %d ‰, want %d", suite, f1, floor)
		}
	}
}
