// Package archtest holds the house to its plan: who may import whom, and that the
// map in ARCHITECTURE.md names nothing that is gone.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "example.org/veille/"
)

// floors: a package imports lower floors, its own subfolders and internal.
var floors = map[string]int{
	"schemas": 0, "fixtures": 0,
	"query":  1,
	"ingest": 2, "extract": 2, "index": 2, "alert": 2, "bus": 2,
	"serve": 3,
	"cmd":   4,
}

// owners: a library that one package alone may import.
var owners = map[string]string{
	"github.com/mmcdole/gofeed":              "ingest/feed",
	"github.com/PuerkitoBio/goquery":         "ingest/page",
	"codeberg.org/readeck/go-readability":    "ingest/page",
	"github.com/blevesearch/":                "index",
	"github.com/nats-io/":                    "bus",
	"github.com/spf13/cobra":                 "cmd/veille",
	"github.com/wneessen/go-mail":            "alert",
	"code.dny.dev/ssrf":                      "internal/guard",
	"github.com/modelcontextprotocol/go-sdk": "serve",
}

// banned: with the reason why.
var banned = map[string]string{
	"github.com/blevesearch/bleve/v2/http": "it has no access control (CVE-2022-31022)",
	"log":                                  "log/slog is the one logger",
	"math/rand":                            "math/rand/v2, with a printed seed",
}

// sources calls fn for every Go file of the project that is no test.
func sources(t *testing.T, fn func(dir string, imports []string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "node_modules" || name == "bench") && path != root {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, p)
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		fn(filepath.ToSlash(dir), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFloors(t *testing.T) {
	seen := 0
	sources(t, func(dir string, imports []string) {
		top, _, _ := strings.Cut(dir, "/")
		if top == "internal" {
			return
		}
		floor, ok := floors[top]
		if !ok {
			t.Errorf("%s: a folder without a floor; say in floors where it belongs", dir)
			return
		}
		seen++
		for _, p := range imports {
			in, ours := strings.CutPrefix(p, module)
			if !ours {
				continue
			}
			to, _, _ := strings.Cut(in, "/")
			if to == top || to == "internal" {
				continue
			}
			if there, ok := floors[to]; !ok || there >= floor {
				t.Errorf("%s (floor %d) imports %s (floor %d): only lower floors", dir, floor, in, there)
			}
		}
	})
	if seen < 10 {
		t.Errorf("only %d files were looked at", seen)
	}
}

func TestOwners(t *testing.T) {
	sources(t, func(dir string, imports []string) {
		for _, p := range imports {
			if why := banned[p]; why != "" {
				t.Errorf("%s imports %s: %s", dir, p, why)
			}
			for lib, owner := range owners {
				if strings.HasPrefix(p, lib) && dir != owner && !strings.HasPrefix(dir, owner+"/") {
					t.Errorf("%s imports %s, which only %s may", dir, p, owner)
				}
			}
		}
	})
}

// TestMap fails when ARCHITECTURE.md, README.md or CONTRIBUTING.md names a path
// of the project that is gone.
func TestMap(t *testing.T) {
	ticked := regexp.MustCompile("`([a-z_.]+(?:/[A-Za-z0-9_.*{},-]+)+/?|[A-Z]+\\.md|[a-z-]+\\.(?:yml|mod|opml))`")
	for _, doc := range []string{"ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"} {
		body, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, m := range ticked.FindAllStringSubmatch(string(body), -1) {
			path := strings.TrimSuffix(m[1], "/")
			if strings.HasPrefix(path, "bin/") || strings.Contains(path, "example") {
				continue
			}
			n++
			found, err := filepath.Glob(filepath.Join(root, path))
			if err != nil || len(found) == 0 {
				t.Errorf("%s names `%s`, which is not there", doc, m[1])
			}
		}
		if doc == "ARCHITECTURE.md" && n < 15 {
			t.Errorf("%s names only %d paths; is it still the map?", doc, n)
		}
	}
}
