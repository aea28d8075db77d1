package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/veille/schemas"
)

// article is one annotated text.
type article struct {
	file, id  string
	lang      string
	title     string
	text      string
	published time.Time
	deals     []deal
	raw       json.RawMessage // as annotated, when it is in that form
	whole     bool            // a whole article with evidence, not a snippet
}

// deal is one annotated deal between parties named as the text names them or by their canonical names.
type deal struct {
	types, statuses []string // the best first
	parties         []party
	evidence        string
	optional        bool
}

type party struct{ role, name string }

// load reads the annotated articles and snippets of the repository; whatever is held out for judging is left alone.
func load(root string) ([]article, error) {
	var out []article
	for _, name := range []string{"read", "train-a", "train-b"} {
		as, err := loadGold(filepath.Join(root, "testdata/gold", name+".jsonl"))
		if err != nil {
			return nil, err
		}
		out = append(out, as...)
	}
	as, err := loadGold(filepath.Join(root, "../fixtures/press/gold.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out = append(out, as...)
	for _, name := range []string{"sentences", "breadth"} {
		as, err := loadCases(filepath.Join(root, "testdata", name+".txt"))
		if err != nil {
			return nil, err
		}
		out = append(out, as...)
	}
	files, err := filepath.Glob(filepath.Join(root, "testdata/sentences/*.txt"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, f := range files {
		as, err := loadSnippets(f)
		if err != nil {
			return nil, err
		}
		out = append(out, as...)
	}
	return out, nil
}

type goldRecord struct {
	ID, Lang, Published, Title, Text string
	Signals                          []struct {
		Type     string          `json:"type"`
		Status   string          `json:"status"`
		Parties  []string        `json:"parties"`
		Roles    map[string]any  `json:"directed_roles"`
		TypeAlt  json.RawMessage `json:"type_alt"`
		StatAlt  json.RawMessage `json:"status_alt"`
		Evidence string          `json:"evidence"`
		Optional bool            `json:"optional"`
	}
}

func loadGold(path string) ([]article, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []article
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<22)
	for in.Scan() {
		if len(strings.TrimSpace(in.Text())) == 0 {
			continue
		}
		var r goldRecord
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		a := article{file: strings.TrimSuffix(filepath.Base(path), ".jsonl"), id: r.ID, lang: r.Lang, title: r.Title, text: r.Text, whole: true, raw: slices.Clone(in.Bytes())}
		if a.published, err = time.Parse("2006-01-02", r.Published[:10]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, r.ID, err)
		}
		for _, s := range r.Signals {
			d := deal{types: append([]string{s.Type}, list(s.TypeAlt)...), statuses: append([]string{s.Status}, list(s.StatAlt)...), evidence: s.Evidence, optional: s.Optional}
			role := map[string]string{}
			for k, v := range s.Roles {
				for _, n := range names(v) {
					role[n] = k
				}
			}
			for _, p := range s.Parties {
				d.parties = append(d.parties, party{role[p], p})
				delete(role, p)
			}
			for n, k := range role {
				d.parties = append(d.parties, party{k, n})
			}
			slices.SortFunc(d.parties, func(a, b party) int { return strings.Compare(a.name, b.name) })
			a.deals = append(a.deals, d)
		}
		out = append(out, a)
	}
	return out, in.Err()
}

func list(raw json.RawMessage) []string {
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

func names(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// loadSnippets reads the plain text format of testdata/sentences (see its README).
func loadSnippets(path string) ([]article, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file := strings.TrimSuffix(filepath.Base(path), ".txt")
	lang, _, _ := strings.Cut(file, "-")
	var out []article
	line := 0
	for block := range strings.SplitSeq(string(b), "\n\n") {
		a := article{file: file, id: fmt.Sprintf("%s:%d", file, line+1), lang: lang, whole: strings.Contains(file, "-articles"), published: time.Date(2023, 6, 1, 0, 0, 0, 0, time.UTC)}
		var text []string
		for row := range strings.SplitSeq(block, "\n") {
			line++
			row = strings.TrimSpace(row)
			switch {
			case row == "" || row[0] == '#':
			case strings.HasPrefix(row, "T:"):
				a.title = strings.TrimSpace(row[2:])
			case strings.HasPrefix(row, "D:"):
				if a.published, err = time.Parse("2006-01-02", strings.TrimSpace(row[2:])); err != nil {
					return nil, fmt.Errorf("%s:%d: %w", path, line, err)
				}
			case row[0] == '>':
				d, err := parseDeal(row)
				if err != nil {
					return nil, fmt.Errorf("%s:%d: %w", path, line, err)
				}
				a.deals = append(a.deals, d)
			default:
				text = append(text, row)
			}
		}
		line++
		a.text = strings.Join(text, " ")
		if a.whole {
			a.text = strings.Join(text, "\n\n") // a line is a paragraph
		}
		if a.text != "" || a.title != "" {
			out = append(out, a)
		}
	}
	return out, nil
}

// parseDeal reads "> distribution/reseller announced vendor=Dell distributor=TD Synnex".
func parseDeal(row string) (deal, error) {
	d := deal{}
	rest := strings.TrimPrefix(row, ">")
	rest, d.evidence, _ = strings.Cut(rest, "::")
	d.evidence = strings.TrimSpace(d.evidence)
	if strings.HasPrefix(rest, "?") {
		d.optional, rest = true, rest[1:]
	}
	f := strings.Fields(rest)
	if len(f) < 3 {
		return d, fmt.Errorf("%q is no deal: want type, status and parties", row)
	}
	d.types, d.statuses = strings.Split(f[0], "/"), strings.Split(f[1], "/")
	for _, t := range d.types {
		if !slices.Contains(schemas.Types, t) {
			return d, fmt.Errorf("no deal type %q", t)
		}
	}
	for _, t := range d.statuses {
		if !slices.Contains(schemas.Statuses, t) {
			return d, fmt.Errorf("no status %q", t)
		}
	}
	for _, w := range f[2:] {
		if role, name, ok := strings.Cut(w, "="); ok && role != "" {
			d.parties = append(d.parties, party{role, name})
		} else if len(d.parties) > 0 {
			d.parties[len(d.parties)-1].name += " " + w
		} else {
			return d, fmt.Errorf("%q stands before any role", w)
		}
	}
	return d, nil
}

// loadCases reads the single sentences of testdata that the rules are tested with: what must be found in them, and nothing else.
func loadCases(path string) ([]article, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file := strings.TrimSuffix(filepath.Base(path), ".txt")
	var out []article
	line := 0
	for row := range strings.SplitSeq(string(b), "\n") {
		line++
		f := strings.Split(row, " | ")
		if len(f) != 3 || strings.HasPrefix(row, "#") {
			continue
		}
		a := article{file: file, id: fmt.Sprintf("%s:%d", file, line), lang: f[0], text: f[1], published: time.Date(2024, 6, 5, 0, 0, 0, 0, time.UTC)}
		if title, text, ok := strings.Cut(f[1], " || "); ok {
			a.title, a.text = title, text
		}
		if f[2] != "-" {
			for _, told := range strings.Split(f[2], " + ") {
				head, names, _ := strings.Cut(told, ": ")
				typ, status, ok := strings.Cut(head, " ")
				if !ok {
					return nil, fmt.Errorf("%s:%d: no type and status in %q", path, line, told)
				}
				d := deal{types: []string{typ}, statuses: []string{status}}
				for _, n := range strings.Split(names, ", ") {
					role, name, ok := strings.Cut(n, "=")
					if !ok {
						role, name = "", n
					}
					d.parties = append(d.parties, party{role, strings.TrimPrefix(name, "?")})
				}
				a.deals = append(a.deals, d)
			}
		}
		out = append(out, a)
	}
	return out, nil
}
