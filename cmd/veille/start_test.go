package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"os/exec"

	"example.org/veille/schemas"
)

// run calls a command in this process and returns its exit status and output.
func run(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(ctx, args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// TestInTheWay starts where another one is: each gets one sentence, a hint and
// its exit status, and the first one goes on undisturbed.
func TestInTheWay(t *testing.T) {
	w := newWorld(t, nil)
	sources := filepath.Join(t.TempDir(), "s.opml")
	if err := os.WriteFile(sources, []byte(`<opml version="2.0"><body><outline type="rss" text="N" xmlUrl="http://127.0.0.1:9/f"/></body></opml>`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   string
		hint   string
	}{
		{"folder in use", []string{"run", "--once", "--data", w.dir, "--listen", "127.0.0.1:0", "--sources", sources}, exitLocked, "is in use by another veille (process ", "--data DIR"},
		{"folder in use, reindex", []string{"reindex", "--data", w.dir}, exitLocked, "is in use by another veille", "--data DIR"},
		{"port in use", []string{"run", "--once", "--data", t.TempDir(), "--listen", strings.TrimPrefix(w.base, "http://"), "--sources", sources}, exitFailed, "is in use by another program", "--listen 127.0.0.1:8081"},
		{"port that is none", []string{"run", "--once", "--data", t.TempDir(), "--listen", "127.0.0.1:99999", "--sources", sources}, exitUsage, "listen on 127.0.0.1:99999", "--listen 127.0.0.1:8080"},
		{"cluster that is not there", []string{"run", "--once", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--sources", sources, "--nats", "nats://127.0.0.1:1"}, exitUnreachable, "connect to NATS", "cluster"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, errs := run(t.Context(), tt.args...)
			if status != tt.status || out != "" {
				t.Errorf("status %d, want %d; output %q", status, tt.status, out)
			}
			lines := strings.Split(strings.TrimSpace(errs), "\n")
			if len(lines) != 2 || !strings.HasPrefix(lines[0], "veille: error: ") || !strings.Contains(lines[0], tt.says) ||
				!strings.HasPrefix(lines[1], "veille: hint: ") || !strings.Contains(lines[1], tt.hint) {
				t.Errorf("said:\n%s\nwant one sentence with %q and a hint with %q", errs, tt.says, tt.hint)
			}
		})
	}
	if got := w.pass(); got.Articles == 0 {
		t.Error("the first one was disturbed")
	}
	// Who asks of that folder is answered by it, wherever it listens.
	for _, args := range [][]string{{"search", "", "--json"}, {"export", "", "--format", "ndjson"}, {"alerts", "list", "--json"}, {"feeds", "health"}} {
		if status, out, errs := run(t.Context(), append(args, "--data", w.dir, "--listen", "127.0.0.1:1")...); status != exitOK || len(out) < 3 {
			t.Errorf("%v: status %d, output %q, said %q", args, status, out, errs)
		}
	}
}

// TestBadFeed watches a feed that is a page beside a good one: the good one is
// read, the bad one named, and the run ends as done in part.
func TestBadFeed(t *testing.T) {
	good := &world{t: t, dir: t.TempDir()}
	good.serveFS(nil)
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><html><body><h1>Bienvenue</h1></body></html>")
	}))
	defer bad.Close()
	opml := fmt.Sprintf(`<opml version="2.0" xmlns:veille="urn:veille:opml:1"><body><outline type="rss" text="Page" veille:id="page" xmlUrl="%s/"/><outline type="rss" text="Ledger" veille:id="ledger" xmlUrl="%s"/></body></opml>`, bad.URL, good.sources()[5].Feed)
	path := filepath.Join(t.TempDir(), "two.opml")
	if err := os.WriteFile(path, []byte(opml), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := run(t.Context(), "run", "--once", "--data", good.dir, "--listen", "127.0.0.1:0", "--sources", path, "--allow-cidr", "127.0.0.0/8", "--poll-host-delay", "0s", "--poll-max-age", "87600h")
	if status != exitPartly {
		t.Errorf("status %d, want %d\n%s", status, exitPartly, errs)
	}
	if !regexp.MustCompile(`^[1-9]\d* articles, \d+ deals, \d+ prices; 1 source failed`).MatchString(out) {
		t.Errorf("summary %q", out)
	}
	if !strings.Contains(errs, "page: ") || !strings.Contains(errs, "not a feed") {
		t.Errorf("the bad feed is not named:\n%s", errs)
	}
}

// feedServer serves one feed of one article, which can be exchanged.
type feedServer struct {
	mu    sync.Mutex
	title string
	text  string
	guid  string // "one" when empty
}

func (f *feedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == "/feed" {
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>Seul</title><language>fr</language>
<item><title>%s</title><link>http://%s/article%s</link><guid isPermaLink="false">%s</guid><pubDate>%s</pubDate></item></channel></rss>`, f.title, r.Host, f.guid, cmp.Or(f.guid, "one"), time.Now().UTC().Format(time.RFC1123Z))
		return
	}
	fmt.Fprintf(w, `<!doctype html><html lang="fr"><head><title>%s</title></head><body><article><h1>%s</h1><p>%s</p></article></body></html>`, f.title, f.title, strings.ReplaceAll(f.text, "\n\n", "</p><p>"))
}

// TestSoon polls an article through the command line of a second process, as it
// were, and finds it over HTTP; a price that an edit adds is found after the next
// poll, and the edit is no second article.
func TestSoon(t *testing.T) {
	f := &feedServer{title: "Arrow ECS distribue Nutanix en France", text: "Arrow ECS a signé avec Nutanix un contrat de distribution pour la France, annonce le grossiste. Les deux sociétés visent les intégrateurs régionaux et les collectivités, qui attendaient une alternative depuis des mois."}
	srv := httptest.NewServer(f)
	defer srv.Close()
	w := &world{t: t, dir: t.TempDir(), press: srv}
	w.list = []schemas.Source{{ID: "seul", Name: "Seul", Feed: srv.URL + "/feed", Lang: "fr", Country: "FR"}}
	w.open()
	t.Cleanup(w.close)
	status, out, errs := run(t.Context(), "feeds", "fetch", "seul", "--data", w.dir, "--server", w.base)
	if status != 0 || !strings.Contains(out, "seul: 1 items, 1 new") {
		t.Fatalf("status %d, %q, %s", status, out, errs)
	}
	within(t, func() bool {
		var got dealList
		w.get("/api/v1/deals", url.Values{"q": {"vendor:nutanix type:distribution"}}, &got)
		return got.Page.Total == 1
	})
	f.mu.Lock()
	f.title += ", dès 9 900 euros"
	f.mu.Unlock()
	status, out, errs = run(t.Context(), "feeds", "fetch", "seul", "--data", w.dir, "--server", w.base)
	if status != 0 || !strings.Contains(out, "1 revised") {
		t.Fatalf("status %d, %q, %s", status, out, errs)
	}
	within(t, func() bool {
		var got struct{ Page struct{ Total int } }
		w.get("/api/v1/prices", url.Values{"q": {"price:9900"}}, &got)
		return got.Page.Total == 1
	})
	if got := w.totals(); got.Articles != 1 || got.Deals != 1 {
		t.Errorf("totals %+v, want one article and one deal", got)
	}
	if status, _, _ := run(t.Context(), "feeds", "fetch", "nobody", "--data", w.dir, "--server", w.base); status != exitFailed {
		t.Errorf("an unknown source: status %d", status)
	}
}

// within waits for something that a user expects within two seconds; the guard is
// ten times that.
func within(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	guard := time.After(20 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-guard:
			t.Fatal("not searchable after 20 s")
		}
	}
}

// TestSignals stops a real demo with SIGINT and SIGTERM: it drains and ends 0.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "demo", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The summary tells that the first pass is over and it serves.
		buf := make([]byte, 4096)
		n, err := io.ReadAtLeast(out, buf, 20)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`\d+ articles, \d+ deals, \d+ prices`).Match(buf[:n]) {
			t.Errorf("summary %q", buf[:n])
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v, want status 0", sig, err)
		}
	}
}

// TestREADME runs every command that the README and the recipes show.
func TestREADME(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("VEILLE_DATA", filepath.Join(dir, "data"))
	t.Setenv("VEILLE_LISTEN", "127.0.0.1:0")
	if status, out, errs := run(t.Context(), "demo", "--once"); status != 0 {
		t.Fatalf("demo: %d\n%s%s", status, out, errs)
	}
	// Nothing listens there: the commands go to the data folder.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("VEILLE_LISTEN", l.Addr().String())
	l.Close()
	t.Chdir(dir)
	for name, body := range map[string]string{
		"article.txt":    "Arrow ECS distribue Nutanix en France\n\nArrow ECS a signé avec Nutanix un contrat de distribution.",
		"articles.jsonl": `{"id":"1","lang":"fr","text":"Arrow ECS a signé avec Nutanix un contrat de distribution."}` + "\n",
	} {
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ran := 0
	for _, doc := range []string{"README.md"} {
		body, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^    (.+)$`).FindAllStringSubmatch(string(body), -1) {
			line, _, _ := strings.Cut(m[1], "  #")
			line = strings.TrimSpace(line)
			ran++
			switch {
			case strings.HasPrefix(line, "make "):
				target := strings.Fields(line)[1]
				if !regexp.MustCompile(`(?m)^` + target + `:`).Match(makefile) {
					t.Errorf("%s: make has no target %s", doc, target)
				}
			case strings.HasPrefix(line, "bin/veille "):
				args, stdin := words(t, strings.TrimPrefix(line, "bin/veille "))
				var in io.Reader = strings.NewReader("")
				if stdin != "" {
					f, err := os.Open(stdin)
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					in = f
				}
				var out, errs bytes.Buffer
				if status := Main(t.Context(), args, in, &out, &errs); status != 0 || strings.Count(out.String(), "\n") < 1 || strings.HasPrefix(line, "bin/veille search") && strings.Count(out.String(), "\n") < 3 {
					t.Errorf("%s: `%s` ends with %d and prints %q\n%s", doc, line, status, out.String(), errs.String())
				}
			default:
				t.Errorf("%s: no test knows how to run `%s`", doc, line)
			}
		}
	}
	// What the tour's table asks has an answer on the sample press.
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, m := range regexp.MustCompile("(?m)^\\| [^|`]+ \\| `([^`]+)`(.*)\\|$").FindAllStringSubmatch(string(readme), -1) {
		args := []string{"search", m[1], "--fail-empty"}
		if strings.Contains(m[2], "Prices") {
			args = append(args, "--view", "prices")
		}
		asked++
		if status, out, errs := run(t.Context(), args...); status != 0 {
			t.Errorf("README.md asks %s: %d\n%s%s", m[1], status, out, errs)
		}
	}
	if asked < 5 {
		t.Errorf("only %d questions of the tour were found", asked)
	}
	if ran < 8 {
		t.Errorf("only %d commands were found", ran)
	}
}

// words splits a command line as a shell does, as far as the documents need it.
func words(t *testing.T, line string) (args []string, stdin string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2])
	}
	for i, a := range args {
		if a == "<" {
			return args[:i], args[i+1]
		}
	}
	return args, ""
}
