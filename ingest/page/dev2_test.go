package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"net/url"

	"golang.org/x/net/html"
)

func TestDevDump(t *testing.T) {
	name := os.Getenv("DUMP")
	if name == "" {
		t.Skip()
	}
	files, _ := filepath.Glob("/root/go/pkg/mod/codeberg.org/readeck/go-readability*/test-pages/" + name + "/source.html")
	if len(files) == 0 {
		files = []string{name}
	}
	src, _ := os.ReadFile(files[0])
	doc, _ := html.Parse(bytes.NewReader(decode(src, "")))
	u, _ := url.Parse("http://x.example/a")
	m := readMeta(doc, u)
	p := m.page(Options{})
	tr := plant(doc); tr.title = p.Title
	tr.settle()
	r := tr.region()
	kept, sure := tr.own()
	in := map[int32]bool{}
	for _, k := range kept {
		in[k] = true
	}
	fmt.Printf("title %q region %d sure %v", p.Title, r, sure)
	if r >= 0 {
		e := tr.elems[r]
		fmt.Printf(" <%s class=%q id=%q> blocks %d:%d of %d", e.node.Data, attr(e.node, "class"), attr(e.node, "id"), e.first, e.last, len(tr.blocks))
	}
	fmt.Println()
	for i, b := range tr.blocks {
		c := " "
		if b.bad {
			c = "-"
		}
		if r >= 0 && int32(i) >= tr.elems[r].first && int32(i) < tr.elems[r].last {
			c += "|"
		} else {
			c += " "
		}
		if in[int32(i)] {
			c += "*"
		} else {
			c += " "
		}
		cl := ""
		for o := b.owner; o >= 0; o = tr.elems[o].parent {
			if s := attr(tr.elems[o].node, "class") + "#" + attr(tr.elems[o].node, "id"); s != "#" {
				cl += tr.elems[o].node.Data + "." + s + " < "
			}
			if len(cl) > 100 {
				break
			}
		}
		fmt.Printf("%3d %s %-10s %4d/%-4d %.70q   %.100s\n", i, c, b.tag, b.links, len(b.text), b.text, cl)
	}
}
