package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// The YAML people edit. Short forms keep a vendor on one or two lines: an alias or a product may be a bare string, a guard a bare word.

type vendorSource struct {
	ID         string          `yaml:"id"`
	Name       string          `yaml:"name"`
	Country    string          `yaml:"country"`
	Kinds      []string        `yaml:"kinds"`
	From       dateSource      `yaml:"from"`
	Until      dateSource      `yaml:"until"`
	HQ         []string        `yaml:"hq"`
	Nicknames  []string        `yaml:"nicknames"`
	Guard      *guardSource    `yaml:"guard"`
	Aliases    []aliasSource   `yaml:"aliases"`
	Parent     []tenureSource  `yaml:"parent"`
	Successors []tenureSource  `yaml:"successors"`
	Products   []productSource `yaml:"products"`
	People     []personSource  `yaml:"people"`
	Absorbed   *absorbedSource `yaml:"absorbed"`

	file string
}

type aliasSource struct {
	Text  string       `yaml:"text"`
	Lang  string       `yaml:"lang"`
	From  dateSource   `yaml:"from"`
	Until dateSource   `yaml:"until"`
	Guard *guardSource `yaml:"guard"`
}

type productSource struct {
	Name    string         `yaml:"name"`
	Aliases []aliasSource  `yaml:"aliases"`
	From    dateSource     `yaml:"from"`
	Until   dateSource     `yaml:"until"`
	Was     []tenureSource `yaml:"was"`  // former owners, each until a date
	Then    []tenureSource `yaml:"then"` // later owners, each from a date
	Guard   *guardSource   `yaml:"guard"`
}

type tenureSource struct {
	ID    string     `yaml:"id"`
	From  dateSource `yaml:"from"`
	Until dateSource `yaml:"until"`
}

type personSource struct {
	Name  string     `yaml:"name"`
	From  dateSource `yaml:"from"`
	Until dateSource `yaml:"until"`
}

// absorbedSource: from the day on, the vendor's names mean a brand of another vendor.
type absorbedSource struct {
	Into string     `yaml:"into"`
	On   dateSource `yaml:"on"`
}

type guardSource struct {
	Default string   `yaml:"default"` // accept | reject, when the context decides nothing
	For     []string `yaml:"for"`
	Against []string `yaml:"against"`
	Opens   []string `yaml:"opens"`  // languages in which the word often opens a sentence as an ordinary word
	Proper  bool     `yaml:"proper"` // also a place, a first name, a weekday, another firm: its capital proves nothing
}

type pressSource struct {
	Name    string        `yaml:"name"`
	Kind    string        `yaml:"kind"` // press | analyst
	Aliases []aliasSource `yaml:"aliases"`
	Guard   *guardSource  `yaml:"guard"`
}

// contextSource holds the small word lists the disambiguation leans on.
type contextSource struct {
	Roles       []string `yaml:"roles"`
	Verbs       []string `yaml:"verbs"`
	Determiners []string `yaml:"determiners"`
	Tails       []string `yaml:"tails"`
	Regions     []string `yaml:"regions"`
	Strangers   []string `yaml:"strangers"`
}

type dateSource Date

func (d *dateSource) UnmarshalYAML(b []byte) error {
	v, err := parseDate(strings.Trim(strings.TrimSpace(string(b)), `"'`))
	*d = dateSource(v)
	return err
}

// UnmarshalYAML takes `Azure` as well as {text: Azure, from: 2010}.
func (a *aliasSource) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if unmarshal(&s) == nil {
		a.Text = s
		return nil
	}
	type plain aliasSource
	return unmarshal((*plain)(a))
}

// UnmarshalYAML takes `Azure` as well as {name: Azure, from: 2010}.
func (p *productSource) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if unmarshal(&s) == nil {
		p.Name = s
		return nil
	}
	type plain productSource
	return unmarshal((*plain)(p))
}

// UnmarshalYAML takes `Meg Whitman` as well as {name: Meg Whitman, until: 2018-02}.
func (p *personSource) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if unmarshal(&s) == nil {
		p.Name = s
		return nil
	}
	type plain personSource
	return unmarshal((*plain)(p))
}

// UnmarshalYAML takes `gandi` as well as {id: gandi, from: 2023}.
func (t *tenureSource) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if unmarshal(&s) == nil {
		t.ID = s
		return nil
	}
	type plain tenureSource
	return unmarshal((*plain)(t))
}

// UnmarshalYAML takes `reject` as well as {default: reject, for: [...], against: [...]}.
func (g *guardSource) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if unmarshal(&s) == nil {
		g.Default = s
		return nil
	}
	type plain guardSource
	return unmarshal((*plain)(g))
}

// source is a whole folder as read, before any check.
type source struct {
	vendors []vendorSource
	press   []pressSource
	traps   []string
	common  map[string]bool // folded
	context contextSource
}

// absorb turns each absorbed vendor into what it is after that day, a brand of its new owner with the same names, and ends its own names.
func (src *source) absorb() {
	at := map[string]int{}
	for i, v := range src.vendors {
		at[v.ID] = i
	}
	for i := range src.vendors {
		v := &src.vendors[i]
		into, ok := at[absorbedInto(*v)]
		if !ok {
			continue // none, or dangling: check reports it
		}
		on := v.Absorbed.On
		brand := productSource{Name: v.Name, From: on, Guard: v.Guard}
		for _, a := range v.Aliases {
			a.From = max(a.From, on)
			brand.Aliases = append(brand.Aliases, a)
		}
		for _, p := range v.Products {
			p.Was = append(slices.Clone(p.Was), tenureSource{ID: v.ID, Until: on})
			src.vendors[into].Products = append(src.vendors[into].Products, p)
		}
		v.Products = nil
		src.vendors[into].Products = append(src.vendors[into].Products, brand)
		v.Parent = append(slices.Clone(v.Parent), tenureSource{ID: v.Absorbed.Into, From: on})
		v.Successors = append(slices.Clone(v.Successors), tenureSource{ID: v.Absorbed.Into, From: on})
	}
}

func absorbedInto(v vendorSource) string {
	if v.Absorbed == nil {
		return ""
	}
	return v.Absorbed.Into
}

// nameEnd is the day from which the vendor's own names mean somebody else's brand.
func (v vendorSource) nameEnd() Date {
	if v.Absorbed == nil {
		return 0
	}
	return Date(v.Absorbed.On)
}

// maxFile bounds one YAML file; the largest of ours is far below.
const maxFile = 4 << 20

// readSource reads every *.yaml of a folder, in name order. press.yaml, traps.yaml, common-words.yaml and context.yaml are lists of their
// own; every other file holds vendors. Unknown keys are errors, so a misspelt key cannot silently lose knowledge.
func readSource(fsys fs.FS) (*source, error) {
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list catalogue: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("list catalogue: no *.yaml file")
	}
	slices.Sort(files)
	src := &source{common: map[string]bool{}}
	for _, file := range files {
		if err := src.readFile(fsys, file); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
	}
	src.absorb()
	return src, nil
}

func (src *source) readFile(fsys fs.FS, file string) error {
	b, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	if len(b) > maxFile {
		return fmt.Errorf("%d bytes, more than %d", len(b), maxFile)
	}
	switch path.Base(file) {
	case "press.yaml":
		return decodeYAML(b, &src.press)
	case "traps.yaml":
		return decodeYAML(b, &src.traps)
	case "context.yaml":
		return decodeYAML(b, &src.context)
	case "common-words.yaml":
		var words []string
		if err := decodeYAML(b, &words); err != nil {
			return err
		}
		for _, line := range words {
			for w := range strings.FieldsSeq(line) {
				src.common[Fold(w)] = true
			}
		}
		return nil
	}
	var vendors []vendorSource
	if err := decodeYAML(b, &vendors); err != nil {
		return err
	}
	for i := range vendors {
		vendors[i].file = file
	}
	src.vendors = append(src.vendors, vendors...)
	return nil
}

func decodeYAML(b []byte, into any) error {
	return yaml.NewDecoder(bytes.NewReader(b), yaml.DisallowUnknownField()).Decode(into)
}
