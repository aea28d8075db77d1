package ingest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	readability "codeberg.org/readeck/go-readability"
	"golang.org/x/net/html"

	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/ingest/page"
	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

const (
	benchHosts = 16 // a host answers one request at a time
	benchItems = 20 // of a feed, all new
)

// BenchmarkPoll reads feeds of 20 new articles each, whose pages have 60 to 150 KB, from a server in a process of its own
// through the real log and archive. It tells articles per second, processor time, bytes and the most memory, and which
// path gave the text; the number of feeds is in the name: memory should not follow it. Beside it stands what parsing the
// same pages takes, and what reading them with ours and with readability does. See docs/bench.md.
func BenchmarkPoll(b *testing.B) {
	for _, feeds := range []int{100, 500} {
		b.Run(fmt.Sprintf("feeds=%d", feeds), func(b *testing.B) {
			if feeds > 100 && testing.Short() {
				b.Skip("short")
			}
			hosts := servePress(b)
			var list []schemas.Source
			for f := range feeds {
				s := schemas.Source{ID: fmt.Sprintf("outlet-%d", f), Name: "Outlet", Feed: fmt.Sprintf("%s/feed/%d", hosts[f%len(hosts)], f), Lang: "en"}
				if f%10 == 3 {
					s.Body = "div.zz-texte" // a rule of the site
				}
				list = append(list, s)
			}
			for b.Loop() {
				b.StopTimer()
				pollAll(b, list)
				b.StartTimer()
			}
			beside(b, hosts, feeds)
		})
	}
}

func pollAll(b *testing.B, list []schemas.Source) {
	n, log := bustest.Open(b), slog.New(slog.DiscardHandler)
	kv, err := n.KV(b.Context(), schemas.BucketSources)
	if err != nil {
		b.Fatal(err)
	}
	ar, err := warc.Open(b.TempDir(), warc.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer ar.Close()
	c := guard.New(guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer c.Close()
	var mu sync.Mutex
	how := map[string]int{}
	var published, bytes, peak atomic.Int64
	p := New(log, Options{
		Sources: list, Client: c, Archive: ar, Store: kv, Now: func() time.Time { return noon },
		Publish: func(ctx context.Context, arts []schemas.Article, event string) ([]uint64, error) {
			published.Add(int64(len(arts)))
			mu.Lock()
			for _, a := range arts {
				how[a.How]++
			}
			mu.Unlock()
			return publishOn(ctx, n, arts, event)
		},
	})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), int64(m.HeapInuse+m.StackInuse)))
			}
		}
	}()
	runtime.GC()
	done := 0
	start, used := time.Now(), cpu()
	b.StartTimer()
	err = p.Once(b.Context(), func(r Result, _, _ int) {
		done += r.New + r.Duplicate
		bytes.Add(r.Bytes)
	})
	b.StopTimer()
	took, used := time.Since(start), cpu()-used
	close(stop)
	<-stopped
	if err != nil {
		b.Fatal(err)
	}
	if want := len(list) * benchItems; done != want || int(published.Load()) != want {
		b.Fatalf("%d articles, %d published, want %d; by path %v", done, published.Load(), want, how)
	}
	total := float64(published.Load())
	b.ReportMetric(total/took.Seconds(), "articles/s")
	b.ReportMetric(float64(used.Microseconds())/1000/total, "cpu-ms/article")
	b.ReportMetric(float64(bytes.Load())/(1<<20), "fetched-MiB")
	b.ReportMetric(float64(peak.Load())/(1<<20), "peak-heap-MiB")
	for _, h := range []string{"feed", "jsonld", "rule", "own", "fallback"} {
		b.ReportMetric(100*float64(how[h])/total, h+"-%")
	}
}

// beside reads some of the pages again, alone: parsed only, by our extractor, by readability.
func beside(b *testing.B, hosts []string, feeds int) {
	var pages [][]byte
	for i := range 200 {
		f := (i * 7) % feeds
		res, err := http.Get(fmt.Sprintf("%s/page/%d/%d", hosts[f%len(hosts)], f, i%benchItems))
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, body)
	}
	u, _ := url.Parse("https://outlet.example/a")
	for _, x := range []struct {
		name string
		read func([]byte)
	}{
		{"parse", func(p []byte) { html.Parse(bytes.NewReader(p)) }},
		{"extract", func(p []byte) { page.Extract(p, page.Options{URL: u.String()}) }},
		{"readability", func(p []byte) { readability.FromReader(bytes.NewReader(p), u) }},
	} {
		used := cpu()
		for _, p := range pages {
			x.read(p)
		}
		b.ReportMetric(float64((cpu()-used).Microseconds())/1000/float64(len(pages)), x.name+"-ms/page")
	}
}

// servePress starts the press of the benchmark in another process, so that what it costs to make pages is not counted.
func servePress(b *testing.B) (hosts []string) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), "VEILLE_TEST_PRESS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	for s := bufio.NewScanner(out); len(hosts) < benchHosts && s.Scan(); {
		hosts = append(hosts, s.Text())
	}
	if len(hosts) < benchHosts {
		b.Fatal("the press did not start")
	}
	return hosts
}

// pressChild prints its addresses and serves until its input ends.
func pressChild() error {
	const line = `<li class="nav__item nav__item--deep"><a href="/rubrique/cloud" title="Cloud">Cloud et infrastructures, les dossiers</a></li>` + "\n"
	const script = "window.dataLayer=window.dataLayer||[];dataLayer.push({event:'view',section:'cloud'});\n"
	// Of what a page weighs, two thirds are menus and a third scripts, as on the sites read.
	menus, scripts := strings.Repeat(line, (110<<10)/len(line)), strings.Repeat(script, (60<<10)/len(script))
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var f, i int
		switch {
		case strings.HasPrefix(r.URL.Path, "/feed/"):
			fmt.Sscanf(r.URL.Path, "/feed/%d", &f)
			w.Header().Set("ETag", `"1"`)
			fmt.Fprint(w, `<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>x</title>`)
			for i := range benchItems {
				fmt.Fprintf(w, `<item><guid>%d</guid><title>%s</title><link>http://%s/page/%d/%d</link><pubDate>%s</pubDate><description>s</description>`,
					i, benchTitle(f, i), r.Host, f, i, noon.Add(-time.Duration(i)*time.Minute).Format(time.RFC1123Z))
				if f%10 == 7 { // one in ten gives its articles whole
					fmt.Fprintf(w, `<content:encoded><![CDATA[%s]]></content:encoded>`, paragraphs(prose(f*benchItems+i, 40)))
				}
				fmt.Fprint(w, `</item>`)
			}
			fmt.Fprint(w, "</channel></rss>")
		case strings.HasPrefix(r.URL.Path, "/page/"):
			fmt.Sscanf(r.URL.Path, "/page/%d/%d", &f, &i)
			size := (56 + (f*7+i*13)%90) << 10
			m, s := size*2/3/len(line)*len(line), size/3/len(script)*len(script)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, benchShape(f), benchTitle(f, i), menus[:m], benchBody(f, i), scripts[:s])
		default:
			http.NotFound(w, r)
		}
	})
	for range benchHosts {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println("http://" + l.Addr().String())
		go http.Serve(l, h)
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func benchTitle(f, i int) string {
	return fmt.Sprintf("Story %d of outlet %d %s", i, f, prose(f*benchItems+i, 1))
}

// benchShape is the frame of an outlet's pages: title, menus, body, scripts.
func benchShape(f int) string {
	const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>%[1]s</title></head><body><header><nav><ul>%[2]s</ul></nav></header>`
	switch f % 10 {
	case 0, 1: // a theme of WordPress
		return head + `<main><article class="post hentry"><h1 class="entry-title">%[1]s</h1><div class="entry-content">%[3]s</div><div class="sharedaddy">Share this</div></article></main><script>%[4]s</script></body></html>`
	case 2: // blocks of no name
		return head + `<div class="x1"><div class="x2"><h1>%[1]s</h1></div><div class="x3">%[3]s</div></div><script>%[4]s</script></body></html>`
	case 4: // tables of 2005
		return head + `<table><tr><td width="160">Menu</td><td><font size="4">%[1]s</font><br><br>%[3]s</td></tr></table><script>%[4]s</script></body></html>`
	case 8: // paragraphs that nothing holds together, one to a row of the page
		return head + `<h1>%[1]s</h1>%[3]s<script>%[4]s</script></body></html>`
	}
	return head + `<main><h1>%[1]s</h1><div class="zz-texte">%[3]s</div></main><script>%[4]s</script></body></html>`
}

func benchBody(f, i int) string {
	text := prose(f*benchItems+i, 40)
	switch f % 10 {
	case 4:
		return strings.ReplaceAll(esc(text), "\n\n", "<br><br>")
	case 5, 6: // the article is in the page's data, too
		return paragraphs(text) + `<script type="application/ld+json">{"@type":"NewsArticle","headline":"` + esc(benchTitle(f, i)) + `","articleBody":"` + strings.ReplaceAll(text, "\n\n", `\n`) + `"}</script>`
	case 8:
		return strings.NewReplacer("<p>", `<div class="row"><div class="widget sidebar"><p>`, "</p>", "</p></div></div>").Replace(paragraphs(text))
	}
	return paragraphs(text)
}

func publishOn(ctx context.Context, n *bus.Bus, arts []schemas.Article, event string) ([]uint64, error) {
	evs := make([]schemas.Event, len(arts))
	for i, a := range arts {
		var err error
		evs[i], err = schemas.NewEvent(schemas.TypeArticle, schemas.EventID("article", a.ID, a.Version, fmt.Sprint(len(a.Also)), a.Fold), schemas.ArticleSubject(event, a.Lang, a.Source), a.Fetched, a)
		if err != nil {
			return nil, err
		}
	}
	return n.Publish(ctx, evs...)
}
