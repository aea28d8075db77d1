package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFeedsCommands adds the feed of a site to the list, sends the list out and
// in again without loss, and takes the feed off.
func TestFeedsCommands(t *testing.T) {
	w := &world{t: t, dir: t.TempDir()}
	w.serveFS(nil)
	t.Setenv("VEILLE_DATA", w.dir)
	t.Setenv("VEILLE_ALLOW_CIDR", "127.0.0.0/8")
	do := func(status int, want string, args ...string) string {
		t.Helper()
		got, out, errs := run(t.Context(), args...)
		if got != status || !regexp.MustCompile(want).MatchString(out+errs) {
			t.Fatalf("%q: status %d, want %d and %q:\n%s%s", args, got, status, want, out, errs)
		}
		return out
	}
	do(0, `(?m)^rss\t\d+\t\w+\t.*Channel Ledger`, "feeds", "discover", w.press.URL+"/channel-ledger/")
	before := len(strings.Split(do(0, "lemagit", "feeds", "list"), "\n"))
	do(0, `^channel-ledger: http://127\.0\.0\.1:\d+/channel-ledger/rss\.xml, rss, \d+ items`, "feeds", "add", "--id", "channel-ledger", "--title", "Channel Ledger", w.press.URL+"/channel-ledger/")
	list := do(0, `(?m)^channel-ledger\ten\ton\tChannel Ledger\t`, "feeds", "list")
	if after := len(strings.Split(list, "\n")); after != before+1 {
		t.Errorf("%d lines after adding one to %d", after, before)
	}
	out := do(0, `xmlUrl="http://127\.0\.0\.1:\d+/channel-ledger/rss\.xml"`, "feeds", "export")
	file := filepath.Join(t.TempDir(), "mine.opml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	do(0, `mine\.opml: \d+ sources`, "feeds", "import", file)
	if again := do(0, "", "feeds", "export"); again != out {
		t.Error("out and in again, the list is another")
	}
	do(0, "", "feeds", "rm", "channel-ledger")
	if list := do(0, "lemagit", "feeds", "list"); strings.Contains(list, "channel-ledger") {
		t.Error("the source is still listed")
	}
	do(exitFailed, `error: there is no source "channel-ledger"`, "feeds", "rm", "channel-ledger")
	empty := httptest.NewServer(http.NotFoundHandler())
	defer empty.Close()
	do(exitFailed, `error: .*no feed found|404`, "feeds", "discover", empty.URL)
	do(exitFailed, `127\.0\.0\.1`, "feeds", "add", "http://127.0.0.1:1/")
}

// TestHealth shows each source's ledger, which balances, and an edit of the list
// reaches a running veille.
func TestHealth(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	status, out, errs := run(t.Context(), "feeds", "health", "--server", w.base)
	if status != 0 || strings.Count(out, "\tup\t") < 9 || strings.Contains(out, " !") {
		t.Errorf("health: %d\n%s%s", status, out, errs)
	}
	if !regexp.MustCompile(`(?m)^channel-ledger\tup\t\S+ \S+\t.*\t(\d+) = (\d+)\+0\+0\+0\+0\t`).MatchString(out) {
		t.Errorf("no ledger of channel-ledger:\n%s", out)
	}
}

// TestReplay loses everything but the archive and makes it again from there; then
// another veille takes the archive in as somebody else's WARC files.
func TestReplay(t *testing.T) {
	w := newWorld(t, nil)
	want := w.pass()
	opml := filepath.Join(t.TempDir(), "s.opml")
	if err := os.WriteFile(opml, w.opml(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.close()
	for _, name := range []string{"nats", "index"} {
		if err := os.RemoveAll(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("VEILLE_SOURCES", opml)
	status, out, errs := run(t.Context(), "replay", "--from", "raw", "--data", w.dir)
	if status != 0 {
		t.Fatalf("replay: %d\n%s%s", status, out, errs)
	}
	w.open()
	if got := w.totals(); got.Articles != want.Articles || got.Prices != want.Prices {
		t.Errorf("replayed %+v, before %+v\n%s", got, want, out)
	}
	w.close()

	files, err := filepath.Glob(filepath.Join(w.dir, "archive", "*.warc.gz"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	other := t.TempDir()
	status, out, errs = run(t.Context(), append([]string{"import", "--data", other}, files...)...)
	if status != 0 || !regexp.MustCompile(`\d+ records = [1-9]\d* articles`).MatchString(out) {
		t.Fatalf("import: %d\n%s%s", status, out, errs)
	}
	_, again, _ := run(t.Context(), append([]string{"import", "--data", other}, files...)...)
	if last(out) != last(again) {
		t.Errorf("imported twice: %q, then %q", last(out), last(again))
	}
}

func last(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
