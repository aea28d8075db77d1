package page

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	readability "codeberg.org/readeck/go-readability"
	"golang.org/x/net/html"
)

func devPages() (out [][]byte) {
	files, _ := filepath.Glob("/root/go/pkg/mod/codeberg.org/readeck/go-readability*/test-pages/*/source.html")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		out = append(out, b)
	}
	return
}

func BenchmarkDevParse(b *testing.B) {
	p := devPages()
	n := 0
	for _, x := range p {
		n += len(x)
	}
	b.SetBytes(int64(n))
	for b.Loop() {
		for _, x := range p {
			html.Parse(bytes.NewReader(x))
		}
	}
}
func BenchmarkDevOwn(b *testing.B) {
	p := devPages()
	b.ReportAllocs()
	for b.Loop() {
		for _, x := range p {
			Extract(x, Options{URL: "http://x.example/a"})
		}
	}
}
func BenchmarkDevReadability(b *testing.B) {
	p := devPages()
	u, _ := url.Parse("http://x.example/a")
	for b.Loop() {
		for _, x := range p {
			readability.FromReader(bytes.NewReader(x), u)
		}
	}
}
