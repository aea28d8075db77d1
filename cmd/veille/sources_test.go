package main

import (
	"encoding/json"
	"fmt"
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
	t.Setenv("VEILLE_LISTEN", "127.0.0.1:1") // none runs there
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
	do(0, `^slow: `, "feeds", "add", "--id", "slow", "--every", "2h", "--header", "X-Press: yes", "--body", "div.story", "--content", "page", "--rights", "reserved", w.press.URL+"/channel-ledger/rss.xml")
	if out := do(0, "", "feeds", "list", "--json"); !strings.Contains(out, `"every": 7200000000000`) || !strings.Contains(out, `"X-Press": "yes"`) || !strings.Contains(out, `"body": "div.story"`) || !strings.Contains(out, `"rights": "reserved"`) {
		t.Errorf("settings of a source are lost:\n%s", out[max(0, len(out)-1500):])
	}
	do(exitUsage, `--content`, "feeds", "add", "--content", "both", w.press.URL+"/channel-ledger/rss.xml")
	do(0, "", "feeds", "rm", "slow")
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

// TestListOfServer lists what the running veille watches, not what a start would.
func TestListOfServer(t *testing.T) {
	w := newWorld(t, nil)
	t.Setenv("VEILLE_DATA", t.TempDir())
	t.Setenv("VEILLE_LISTEN", strings.TrimPrefix(w.base, "http://"))
	status, out, errs := run(t.Context(), "feeds", "list")
	if status != 0 || !strings.Contains(out, "\nchannel-ledger\ten\tnew\tThe Channel Ledger\t") && !strings.Contains(out, "\nchannel-ledger\ten\tnew\t") || strings.Contains(out, "lemagit") || !strings.Contains(errs, w.base) {
		t.Errorf("list: %d\n%s%s", status, out, errs)
	}
	status, out, _ = run(t.Context(), "feeds", "list", "--json", "--server", w.base)
	if status != 0 || !strings.Contains(out, `"id": "channel-ledger"`) {
		t.Errorf("list --json: %d\n%s", status, out)
	}
	if status, _, errs := run(t.Context(), "feeds", "list", "--server", "http://127.0.0.1:1"); status != exitUnreachable {
		t.Errorf("nobody there: %d %s", status, errs)
	}
}

// TestPreview shows what a feed and a page would give, and leaves no trace.
func TestPreview(t *testing.T) {
	w := &world{t: t, dir: t.TempDir()}
	w.serveFS(nil)
	data := filepath.Join(t.TempDir(), "none")
	t.Setenv("VEILLE_DATA", data)
	t.Setenv("VEILLE_ALLOW_CIDR", "127.0.0.0/8")
	t.Setenv("VEILLE_POLL_HOST_DELAY", "0s")
	status, out, errs := run(t.Context(), "feeds", "preview", "--items", "2", w.press.URL+"/channel-ledger/rss.xml")
	if status != 0 || !regexp.MustCompile(`rss, \d+ items, .*Channel Ledger`).MatchString(out) || strings.Count(out, "indexed") != 2 || strings.Count(out, "vendors: ") != 2 || !strings.Contains(out, "allowed: ") {
		t.Fatalf("of a feed: %d\n%s%s", status, out, errs)
	}
	page := regexp.MustCompile(`(?m)^http://127.*/channel-ledger/.*$`).FindAllString(out, -1)
	if len(page) < 2 {
		t.Fatalf("no address in\n%s", out)
	}
	status, out, errs = run(t.Context(), "feeds", "preview", "--json", page[1])
	var got previewed
	if err := json.Unmarshal([]byte(out), &got); status != 0 || err != nil || got.Format != "page" || len(got.Articles) != 1 {
		t.Fatalf("of a page: %d %v\n%s%s", status, err, out, errs)
	}
	if a := got.Articles[0]; a.Article.Title == "" || a.Outcome != "indexed" || a.How == "" || len(a.Article.Text) < 200 {
		t.Errorf("of a page: %+v", a)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("a preview made a data folder")
	}
	for addr, want := range map[string]string{w.press.URL + "/nowhere": "404", "http://127.0.0.1:1/": "no connection", "file:///etc/passwd": "scheme"} {
		if status, _, errs := run(t.Context(), "feeds", "preview", addr); status != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s", addr, status, errs)
		}
	}
}

// TestImportTells says when a file was imported before, and when it is no WARC file at all.
func TestImportTells(t *testing.T) {
	dir := t.TempDir()
	warc := filepath.Join(dir, "one.warc")
	page := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html lang=en><title>A deal is signed in Leeds</title><article><h1>A deal is signed in Leeds</h1>" + strings.Repeat("<p>The distributor signed a contract for storage, it said on Monday, and gave no figure for it.</p>", 1) +
		"<p>Its partner will sell the whole range from March, with support at weekends and a price list of its own.</p><p>Resellers are waiting to see the discounts; one of them reckons that margins will slip.</p><p>The agreement runs for three years, and neither side may leave it before the second.</p></article></html>"
	write := func(name, body string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(warc, fmt.Sprintf("WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\nWARC-Date: 2026-03-09T08:00:00Z\r\nWARC-Target-URI: https://press.example/news/1.html\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", len(page), page))
	notes := filepath.Join(dir, "notes.txt")
	write(notes, "Nothing but notes.\n")
	empty := filepath.Join(dir, "empty.warc.gz")
	write(empty, "")
	data := filepath.Join(dir, "data")
	do := func(status int, want string, args ...string) {
		t.Helper()
		got, out, errs := run(t.Context(), append([]string{"import", "--data", data}, args...)...)
		if got != status || !regexp.MustCompile(want).MatchString(out+errs) {
			t.Errorf("%q: status %d, want %d and %q:\n%s%s", args, got, status, want, out, errs)
		}
	}
	do(0, `1 records = 1 articles`, warc)
	do(0, `imported before \(1 records, 1 article\); nothing new`, warc)
	do(exitFailed, `error: \S*notes.txt: no WARC record in it`, notes)
	do(exitPartly, `empty.warc.gz: no WARC record in it`, empty, warc)
	do(exitUsage, `is a folder`, dir)
	// Another file of the same name is another file.
	write(warc, strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf("WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000002>\r\nWARC-Date: 2026-03-10T08:00:00Z\r\nWARC-Target-URI: https://press.example/news/2.html\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", len(page), page), "Leeds", "Dover"), "Monday", "Friday"))
	do(0, `1 records = `, warc)
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
