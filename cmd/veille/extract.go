package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"example.org/veille/extract"
	"example.org/veille/ingest/page"
	"example.org/veille/schemas"
)

// maxLine bounds one JSON record: a page of 8 MiB, escaped.
const maxLine = 32 << 20

// reader is what a record goes through.
type reader struct {
	*extract.Extractor
	rules *page.Rules
}

// record is what `veille extract --jsonl` reads, one to a line. Text wins over
// HTML when both are given.
type record struct {
	ID        string `json:"id"`
	Lang      string `json:"lang"`
	URL       string `json:"url"`
	Published string `json:"published"`
	Title     string `json:"title"`
	Text      string `json:"text"`
	HTML      string `json:"html"`
}

// extracted is what it prints.
type extracted struct {
	ID      string            `json:"id"`
	Article extractedArticle  `json:"article"`
	Vendors []schemas.Mention `json:"vendors"`
	Signals []schemas.Signal  `json:"signals"`
	Prices  []schemas.Price   `json:"prices"`
}

type extractedArticle struct {
	Title     string `json:"title"`
	Byline    string `json:"byline"`
	Published string `json:"published"`
	Lang      string `json:"lang"`
	Text      string `json:"text"`
}

type extractError struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

func (c *command) extractCommand() *cobra.Command {
	var jsonl, asJSON, explain bool
	cmd := &cobra.Command{
		Use:   "extract [FILE|-]",
		Short: "Show the vendors, deals and prices in a text or page",
		Long: `Show the vendors, deals and prices in one text or HTML file, or, with --jsonl,
in records {id, lang?, url?, published?, title?, text | html} on standard input:
one line of JSON is printed for each, in the same order. A record that cannot be
read gives {id, error}; the others go on, and the exit status is then 3.`,
		Example: `  veille extract article.txt
  veille extract --jsonl < articles.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := extract.New()
			if err != nil {
				return err
			}
			rules, err := page.ShippedRules()
			if err != nil {
				return err
			}
			if jsonl {
				if len(args) > 0 && args[0] != "-" {
					return usage(errors.New("--jsonl reads standard input"), "veille extract --jsonl < "+args[0])
				}
				return c.extractLines(cmd.Context(), reader{x, rules})
			}
			return c.extractOne(reader{x, rules}, args, asJSON, explain)
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "read records from standard input, one JSON object to a line")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&explain, "explain", false, "tell why each deal was found and why candidates were dropped")
	return cmd
}

// extractLines keeps the order of the input while several records are worked on.
func (c *command) extractLines(ctx context.Context, x reader) error {
	type job struct {
		line []byte
		err  error
		done chan answer
	}
	n := 2 * runtime.GOMAXPROCS(0)
	queue, ordered := make(chan *job), make(chan *job, n)
	caller := ctx
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		defer close(ordered)
		r := bufio.NewReaderSize(c.in, 1<<20)
		if mark, err := r.Peek(3); err == nil && string(mark) == "\uFEFF" {
			_, _ = r.Discard(3) // peeked at, so it is there
		}
		for {
			line, err := readLine(r)
			if len(line) > 0 || err != nil && err != io.EOF {
				j := &job{line, err, make(chan answer, 1)}
				if err == io.EOF {
					j.err = nil
				}
				for _, ch := range []chan *job{ordered, queue} {
					select {
					case ch <- j:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
			if err == io.EOF {
				return nil
			}
			if err != nil && !errors.Is(err, errLong) {
				return fmt.Errorf("read standard input: %w", err)
			}
		}
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for j := range queue {
				j.done <- extractLine(x, j.line, j.err)
			}
			return nil
		})
	}
	bad := false
	g.Go(func() error {
		out := bufio.NewWriterSize(c.out, 1<<16)
		for j := range ordered {
			select {
			case a := <-j.done:
				bad = bad || a.failed
				if _, err := out.Write(a.line); err != nil {
					return err
				}
				if len(ordered) == 0 { // a reader at the other end of a pipe waits for it
					if err := out.Flush(); err != nil {
						return err
					}
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return out.Flush()
	})
	// A read of standard input cannot be broken off: who asks to stop does not wait
	// for the next line.
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return err
		}
	case <-caller.Done():
		return caller.Err()
	}
	if bad {
		return errPartly
	}
	return nil
}

var errLong = fmt.Errorf("line longer than %d MiB", maxLine>>20)

// readLine reads up to a line break. A line that is too long is passed over and
// gives errLong.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			for err == bufio.ErrBufferFull {
				_, err = r.ReadSlice('\n')
			}
			return line[:200], errLong
		}
		line = append(line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		return bytes.TrimSpace(line), err
	}
}

// answer is one line of the output.
type answer struct {
	line   []byte
	failed bool // it is an extractError
}

func extractLine(x reader, line []byte, bad error) (out answer) {
	var rec record
	failed := func(err error) answer {
		b, _ := json.Marshal(extractError{rec.ID, oneLine(err.Error())}) // strings always encode
		return answer{append(b, '\n'), true}
	}
	defer func() {
		if p := recover(); p != nil {
			out = failed(fmt.Errorf("panic: %v", p))
		}
	}()
	if bad != nil {
		return failed(bad)
	}
	if err := json.Unmarshal(line, &rec); err != nil {
		// The id is worth having even from a line that is wrong elsewhere.
		var id struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(line, &id)
		rec.ID = id.ID
		return failed(fmt.Errorf("not a record: %w", err))
	}
	a, err := rec.article(x.rules)
	if err != nil {
		return failed(err)
	}
	b, err := json.Marshal(newExtracted(rec.ID, a, x.Extract(a)))
	if err != nil {
		return failed(err)
	}
	return answer{line: append(b, '\n')}
}

func newExtracted(id string, a schemas.Article, x schemas.Extraction) extracted {
	e := extracted{
		ID: id, Vendors: x.Vendors, Signals: x.Signals, Prices: x.Prices,
		Article: extractedArticle{Title: a.Title, Byline: a.Byline, Lang: a.Lang, Text: a.Text},
	}
	switch {
	case a.PublishedFrom == "fetch":
	case a.Precision == "day":
		e.Article.Published = a.Published.Format(time.DateOnly)
	default:
		e.Article.Published = a.Published.Format(time.RFC3339)
	}
	if e.Vendors == nil {
		e.Vendors = []schemas.Mention{}
	}
	if e.Signals == nil {
		e.Signals = []schemas.Signal{}
	}
	if e.Prices == nil {
		e.Prices = []schemas.Price{}
	}
	return e
}

// article makes what the extractor takes out of a record: HTML goes the way of a
// fetched page, and what the record says beside it fills what the page does not.
func (r record) article(rules *page.Rules) (schemas.Article, error) {
	a := schemas.Article{ID: schemas.ArticleID("stdin", r.ID), Source: "stdin", URL: r.URL, Title: r.Title, Text: r.Text, Lang: r.Lang, How: "given", Precision: "none"}
	if r.Published != "" {
		at, precision, err := parseTime(r.Published)
		if err != nil {
			return a, err
		}
		a.Published, a.PublishedFrom, a.Precision = at, "given", precision
	}
	switch {
	case r.Text == "" && r.HTML != "":
		hint := page.Hint{Title: r.Title, Published: a.Published, Precision: a.Precision, Lang: r.Lang}
		p, err := page.Extract([]byte(r.HTML), page.Options{URL: r.URL, ContentType: "text/html; charset=utf-8", Hint: hint, Rules: rules})
		if err != nil {
			return a, err
		}
		a.Title, a.Byline, a.Text, a.How = p.Title, p.Byline, p.Text, p.How
		a.Lang = p.Lang
		if !p.Published.IsZero() {
			a.Published, a.PublishedFrom, a.Precision = p.Published, p.PublishedFrom, p.Precision
		}
	case r.Text == "" && r.Title == "":
		return a, errors.New("the record has neither text nor html")
	}
	a.Lang = langCode(a.Lang)
	if a.Lang == "" {
		a.Lang = page.Language(a.Title+"\n\n"+a.Text, "")
	}
	if a.Lang == "" {
		a.Lang = "und"
	}
	if a.Published.IsZero() {
		a.Published, a.PublishedFrom = time.Now().UTC(), "fetch"
	}
	a.Title = strings.ToValidUTF8(a.Title, "\uFFFD")
	a.Text = strings.ToValidUTF8(a.Text, "\uFFFD")
	a.Title = cut(a.Title, schemas.MaxTitle)
	a.Text = cut(a.Text, schemas.MaxText)
	a.Version = schemas.ContentVersion(a.Title, a.Text)
	return a, nil
}

// langCode reads what people write for a language; "" is for the text to tell.
func langCode(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if i := strings.IndexAny(s, "-_"); i > 0 {
		s = s[:i]
	}
	switch {
	case s == "fra", s == "fre", s == "french", s == "français", s == "francais":
		return "fr"
	case s == "eng", s == "english", s == "anglais":
		return "en"
	case len(s) == 2, s == "und":
		return s
	}
	return ""
}

// cut shortens s to at most n bytes, at a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// parseTime reads RFC 3339, or a day.
func parseTime(s string) (time.Time, string, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, "day", nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), "second", nil
		}
	}
	return time.Time{}, "", fmt.Errorf("published %q is no date; write 2026-03-12 or 2026-03-12T09:00:00Z", cut(s, 60))
}

// extractOne shows one file to a person.
func (c *command) extractOne(x reader, args []string, asJSON, explain bool) error {
	in, name := c.in, "standard input"
	if len(args) > 0 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return usage(pathless(err, args[0]), "name a text or HTML file, or pipe it in")
		}
		defer f.Close()
		in, name = f, args[0]
	}
	body, err := io.ReadAll(io.LimitReader(in, maxLine))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	rec := record{ID: name}
	if looksHTML(body) {
		rec.HTML = string(body)
	} else {
		rec.Text = string(body)
		// A text whose first line stands alone is a title and its article.
		if first, rest, ok := strings.Cut(strings.TrimSpace(rec.Text), "\n\n"); ok && len(first) < 200 && !strings.ContainsAny(first, "\n") {
			rec.Title, rec.Text = first, strings.TrimSpace(rest)
		}
	}
	a, err := rec.article(x.rules)
	if err != nil {
		return err
	}
	got := x.Extract(a)
	if asJSON {
		enc := json.NewEncoder(c.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(newExtracted(name, a, got))
	}
	c.showExtraction(a, got)
	if explain {
		fmt.Fprintln(c.out)
		fmt.Fprint(c.out, x.Explain(a))
		_, err = fmt.Fprintf(c.out, "\n%s\n", extract.Legend)
	}
	return err
}

func looksHTML(b []byte) bool {
	head := bytes.ToLower(b[:min(len(b), 1024)])
	return bytes.Contains(head, []byte("<html")) || bytes.Contains(head, []byte("<!doctype html")) || bytes.Contains(head, []byte("<body"))
}
