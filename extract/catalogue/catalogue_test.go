package catalogue_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"example.org/veille/extract/catalogue"
)

func load(tb testing.TB) *catalogue.Catalogue {
	tb.Helper()
	c, err := catalogue.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func day(tb testing.TB, s string) time.Time {
	tb.Helper()
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// The embedded form must be what the YAML says today.
func TestCompiledIsFresh(t *testing.T) {
	want, err := catalogue.Compile(os.DirFS("../vendors"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("catalogue.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("catalogue.bin (%d bytes) is not what ../vendors compiles to (%d bytes): run go generate ./extract/catalogue", len(got), len(want))
	}
}

func TestLintVendors(t *testing.T) {
	problems, err := catalogue.Check(os.DirFS("../vendors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
