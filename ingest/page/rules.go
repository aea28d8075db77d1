package page

import (
	_ "embed"
	"fmt"
	"net/url"
	"strings"
	"time"

	"example.org/veille/internal/pubdate"
	"github.com/PuerkitoBio/goquery"
	"github.com/andybalholm/cascadia"
	"github.com/goccy/go-yaml"
	"golang.org/x/net/html"
)

//go:embed rules.yaml
var shipped []byte

// Rules holds per-site selectors, by registrable host. A nil *Rules knows no site.
type Rules struct{ byHost map[string]*Rule }

// Rule is what is known of one site's article pages.
type Rule struct {
	body, strip, author, date, title []cascadia.Selector
	Verified                         bool // seen to work on a live page
}

type ruleFile struct {
	Sites []struct {
		Hosts    []string `yaml:"hosts"`
		Body     []string `yaml:"body"`
		Strip    []string `yaml:"strip"`
		Title    []string `yaml:"title"`
		Author   []string `yaml:"author"`
		Date     []string `yaml:"date"`
		From     string   `yaml:"from"`
		Verified bool     `yaml:"verified"`
	} `yaml:"sites"`
}

// ShippedRules compiles the rules that come with the program.
func ShippedRules() (*Rules, error) { return ParseRules(shipped) }

// ParseRules compiles a rules file; an unknown key or a selector that does not compile is an error that names it.
func ParseRules(src []byte) (*Rules, error) {
	var f ruleFile
	if err := yaml.UnmarshalWithOptions(src, &f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("site rules: %w", err)
	}
	r := &Rules{byHost: map[string]*Rule{}}
	for _, s := range f.Sites {
		rule := &Rule{Verified: s.Verified}
		for _, part := range []struct {
			to   *[]cascadia.Selector
			from []string
		}{{&rule.body, s.Body}, {&rule.strip, s.Strip}, {&rule.title, s.Title}, {&rule.author, s.Author}, {&rule.date, s.Date}} {
			for _, sel := range part.from {
				c, err := cascadia.Compile(sel)
				if err != nil {
					return nil, fmt.Errorf("site rules: %s: selector %q: %w", strings.Join(s.Hosts, ", "), sel, err)
				}
				*part.to = append(*part.to, c)
			}
		}
		for _, h := range s.Hosts {
			if _, dup := r.byHost[h]; dup {
				return nil, fmt.Errorf("site rules: %s stands twice", h)
			}
			r.byHost[h] = rule
		}
	}
	return r, nil
}

// For returns the rule of an address' host or of the nearest domain above it, nil when there is none.
func (r *Rules) For(u *url.URL) *Rule {
	if r == nil || u == nil {
		return nil
	}
	for h := strings.ToLower(u.Hostname()); h != ""; {
		if rule := r.byHost[h]; rule != nil {
			return rule
		}
		_, rest, ok := strings.Cut(h, ".")
		if !ok {
			return nil
		}
		h = rest
	}
	return nil
}

// byRule keeps the blocks below the rule's body elements.
func (t *tree) byRule(rule *Rule, doc *html.Node) []int32 {
	d := goquery.NewDocumentFromNode(doc)
	inside := map[*html.Node]bool{}
	for _, sel := range rule.body {
		for _, n := range d.FindMatcher(sel).Nodes {
			inside[n] = true
		}
		if len(inside) > 0 {
			break
		}
	}
	if len(inside) == 0 {
		return nil
	}
	for _, sel := range rule.strip {
		for _, n := range d.FindMatcher(sel).Nodes {
			inside[n] = false
		}
	}
	state := make([]int8, len(t.elems)) // 1 inside, -1 stripped
	from, to := int32(-1), int32(-1)
	for i := range t.elems {
		e := &t.elems[i]
		if e.parent >= 0 {
			state[i] = state[e.parent]
		}
		if in, ok := inside[e.node]; ok {
			if in && state[i] == 0 {
				state[i] = 1
				if from < 0 {
					from = e.first
				}
				to = max(to, e.last)
			} else if !in {
				state[i] = -1
			}
		}
	}
	if from < 0 {
		return nil
	}
	before := make([]bool, to-from)
	for i := from; i < to; i++ {
		before[i-from] = t.blocks[i].bad
		if o := t.blocks[i].owner; o < 0 || state[o] != 1 {
			t.blocks[i].bad = true
		}
	}
	kept := t.keep(from, to)
	for i := range before {
		t.blocks[from+int32(i)].bad = before[i]
	}
	return kept
}

func (r *Rule) published(doc *html.Node, o pubdate.Options) (time.Time, string, bool) {
	for _, sel := range r.date {
		if n := cascadia.Query(doc, sel); n != nil {
			if t, p, ok := pubdate.Parse(first(attr(n, "datetime"), attr(n, "content"), squeeze(textContent(n, 200))), o); ok && p != pubdate.None {
				return t, p, true
			}
		}
	}
	return time.Time{}, "", false
}

// headline is the title the site shows, "" when no selector finds it.
func (r *Rule) headline(doc *html.Node) string {
	for _, sel := range r.title {
		if n := cascadia.Query(doc, sel); n != nil {
			if s := squeeze(textContent(n, 2000)); s != "" {
				return s
			}
		}
	}
	return ""
}
