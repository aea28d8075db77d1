// Package eval measures extraction against annotated articles.
//
// [Score] compares what was extracted with what an annotator found and returns a
// [Report]: precision, recall and F1 of vendors, deals, deals with their status
// and prices, and the shares of right statuses, roles, evidence, price kinds and
// of articles without a deal in which none was found; each over all records, for
// each language, and for deals also by type and status.
//
// Gold and predictions are JSON lines with an id; a prediction is what
// `veille extract --jsonl` prints. Names are compared after folding case, accents
// and legal forms, and by the names one organisation goes by (aliases.txt).
package eval

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// The figures in the order in which they are printed: the first four have
// precision, recall and F1, the others are shares.
var (
	scores = []string{"vendors", "deals", "deals_status", "prices"}
	shares = []string{"status_acc", "roles", "evidence", "price_kind", "no_deal"}
)

// Report is the outcome of a comparison.
type Report struct {
	Records int
	Absent  int // records without a prediction
	All     Tally
	Lang    map[string]Tally
	Type    map[string]Tally // of deals
	Status  map[string]Tally // of deals
	Errors  []Error
}

// Error is one difference, for whoever improves the extractor.
type Error struct{ ID, What, Detail string }

// Figures returns each figure by name, 0 to 1: F1, or the share.
func (r Report) Figures() map[string]float64 {
	out := map[string]float64{}
	for _, k := range scores {
		_, _, out[k] = r.All.F1(k)
	}
	for _, k := range shares {
		out[k] = r.All.Share(k)
	}
	return out
}

// Tally counts hits and misses of each figure.
type Tally map[string]*count

type count struct{ tp, fp, fn, yes, no int }

func (t Tally) of(k string) *count {
	if t[k] == nil {
		t[k] = &count{}
	}
	return t[k]
}

// F1 returns precision, recall and their harmonic mean, 0 where nothing was counted.
func (t Tally) F1(k string) (p, r, f float64) {
	c := t.of(k)
	if c.tp+c.fp > 0 {
		p = float64(c.tp) / float64(c.tp+c.fp)
	}
	if c.tp+c.fn > 0 {
		r = float64(c.tp) / float64(c.tp+c.fn)
	}
	if p+r > 0 {
		f = 2 * p * r / (p + r)
	}
	return p, r, f
}

// Share returns how much of what was judged was right.
func (t Tally) Share(k string) float64 {
	c := t.of(k)
	if c.yes+c.no == 0 {
		return 0
	}
	return float64(c.yes) / float64(c.yes+c.no)
}

// Count tells how much a figure rests on: what was wanted, or judged.
func (t Tally) Count(k string) int {
	c := t.of(k)
	return c.tp + c.fn + c.yes + c.no
}

// Score compares predictions with gold. Of two predictions with one id the last
// one counts; one that gold does not list is passed over.
func Score(gold, pred io.Reader) (Report, error) {
	preds := map[string]prediction{}
	err := lines(pred, func(n int, line []byte) error {
		var p prediction
		if err := json.Unmarshal(line, &p); err != nil {
			return fmt.Errorf("prediction, line %d: %w", n, err)
		}
		preds[p.ID] = p
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	r := Report{All: Tally{}, Lang: map[string]Tally{}, Type: map[string]Tally{}, Status: map[string]Tally{}}
	err = lines(gold, func(n int, line []byte) error {
		var g record
		if err := json.Unmarshal(line, &g); err != nil {
			return fmt.Errorf("gold, line %d: %w", n, err)
		}
		p, ok := preds[g.ID]
		if !ok {
			r.Absent++
		}
		r.Records++
		if r.Lang[g.Lang] == nil {
			r.Lang[g.Lang] = Tally{}
		}
		if err := r.compare(g, p); err != nil {
			return fmt.Errorf("record %s: %w", g.ID, err)
		}
		return nil
	})
	return r, err
}

// lines calls fn for each line that is not blank.
func lines(r io.Reader, fn func(n int, line []byte) error) error {
	br := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if l := bytes.TrimSpace(line); len(l) > 0 {
			if err := fn(n, l); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Print writes the report: a line for each figure, then up to errors differences,
// then one line of JSON.
func (r Report) Print(w io.Writer, errors int) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%d records, %d without a prediction\n", r.Records, r.Absent)
	fmt.Fprintf(b, "%-14s%7s%7s%7s   per language\n", "figure", "P", "R", "F1")
	langs := slices.Sorted(maps.Keys(r.Lang))
	for _, k := range scores {
		p, rec, f := r.All.F1(k)
		fmt.Fprintf(b, "%-14s%7.3f%7.3f%7.3f   ", k, p, rec, f)
		for i, l := range langs {
			_, _, f := r.Lang[l].F1(k)
			fmt.Fprintf(b, "%s%s %.3f", sep(i), l, f)
		}
		b.WriteByte('\n')
	}
	for _, k := range shares {
		fmt.Fprintf(b, "%-14s%14s%7.3f   ", k, "", r.All.Share(k))
		for i, l := range langs {
			fmt.Fprintf(b, "%s%s %.3f", sep(i), l, r.Lang[l].Share(k))
		}
		b.WriteByte('\n')
	}
	for _, e := range r.Errors[:min(max(errors, 0), len(r.Errors))] {
		fmt.Fprintf(b, "    %s  %s  %s\n", e.ID, e.What, e.Detail)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sep(i int) string {
	if i > 0 {
		return "  "
	}
	return ""
}

// PrintDeals writes F1 of deals by type and by status.
func (r Report) PrintDeals(w io.Writer) error {
	b := &strings.Builder{}
	for _, by := range []struct {
		name string
		of   map[string]Tally
	}{{"type", r.Type}, {"status", r.Status}} {
		fmt.Fprintf(b, "%-20s%7s%7s%7s%7s\n", "deals by "+by.name, "P", "R", "F1", "n")
		for _, k := range slices.Sorted(maps.Keys(by.of)) {
			p, rec, f := by.of[k].F1("deals")
			fmt.Fprintf(b, "  %-18s%7.3f%7.3f%7.3f%7d\n", k, p, rec, f, by.of[k].Count("deals"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

//go:embed aliases.txt
var aliasText string
