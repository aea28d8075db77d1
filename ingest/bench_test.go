package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// BenchmarkPoll reads feeds of 20 new articles each, whose pages have 60 to 150 KB,
// from loopback through the real log and archive, and tells articles per second,
// bytes and memory. The number of feeds is in the name: memory should not follow it.
func BenchmarkPoll(b *testing.B) {
	for _, feeds := range []int{50, 500} {
		b.Run(fmt.Sprintf("feeds=%d", feeds), func(b *testing.B) {
			if feeds > 50 && testing.Short() {
				b.Skip("short")
			}
			const line = `<li class="nav"><a href="/rubrique/cloud">Cloud et infrastructures, les dossiers</a></li>` + "\n"
			var sent atomic.Int64
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var f, i int
				switch {
				case strings.HasPrefix(r.URL.Path, "/feed/"):
					fmt.Sscanf(r.URL.Path, "/feed/%d", &f)
					var s strings.Builder
					s.WriteString(`<rss version="2.0"><channel><title>x</title>`)
					for i := range 20 {
						fmt.Fprintf(&s, `<item><guid>%d</guid><title>Story %d of outlet %d %s</title><link>http://%s/page/%d/%d</link><pubDate>%s</pubDate><description>s</description></item>`,
							i, i, f, prose(f*20+i, 1), r.Host, f, i, noon.Add(-time.Duration(i)*time.Minute).Format(time.RFC1123Z))
					}
					s.WriteString("</channel></rss>")
					w.Header().Set("ETag", `"1"`)
					fmt.Fprint(w, s.String())
				case strings.HasPrefix(r.URL.Path, "/page/"):
					fmt.Sscanf(r.URL.Path, "/page/%d/%d", &f, &i)
					n := (56 + (f*7+i*13)%90) << 10
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
					m, _ := fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>Story %d of outlet %d</title></head><body><ul>%s</ul><article><h1>Story %d of outlet %d</h1>%s</article></body></html>`,
						i, f, strings.Repeat(line, n/len(line)), i, f, paragraphs(prose(f*20+i, 40)))
					sent.Add(int64(m))
				default:
					http.NotFound(w, r)
				}
			})
			var hosts [16]string // a host answers one request at a time
			for i := range hosts {
				srv := httptest.NewServer(handler)
				defer srv.Close()
				hosts[i] = srv.URL
			}
			var list []schemas.Source
			for f := range feeds {
				list = append(list, schemas.Source{ID: fmt.Sprintf("outlet-%d", f), Name: "Outlet", Feed: fmt.Sprintf("%s/feed/%d", hosts[f%len(hosts)], f), Lang: "en"})
			}
			for b.Loop() {
				b.StopTimer()
				n, log := bustest.Open(b), slog.New(slog.DiscardHandler)
				kv, err := n.KV(b.Context(), schemas.BucketSources)
				if err != nil {
					b.Fatal(err)
				}
				ar, err := warc.Open(b.TempDir(), warc.Options{})
				if err != nil {
					b.Fatal(err)
				}
				var published atomic.Int64
				c := guard.New(guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
				p := New(log, Options{
					Sources: list, Client: c, Archive: ar, Store: kv, Now: func() time.Time { return noon },
					Publish: func(ctx context.Context, arts []schemas.Article, event string) ([]uint64, error) {
						published.Add(int64(len(arts)))
						return publishOn(ctx, n, arts, event)
					},
				})
				var peak atomic.Uint64
				stop := make(chan struct{})
				go func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(50 * time.Millisecond):
							var m runtime.MemStats
							runtime.ReadMemStats(&m)
							peak.Store(max(peak.Load(), m.HeapInuse+m.StackInuse))
						}
					}
				}()
				runtime.GC()
				sent.Store(0)
				b.StartTimer()
				start, used := time.Now(), cpu()
				done := 0
				err = p.Once(b.Context(), func(r Result, _, _ int) {
					done += r.New + r.Duplicate
				})
				if err != nil {
					b.Fatal(err)
				}
				took, used := time.Since(start), cpu()-used
				b.StopTimer()
				close(stop)
				if done != feeds*20 {
					b.Fatalf("%d articles of %d", done, feeds*20)
				}
				b.ReportMetric(float64(published.Load())/took.Seconds(), "articles/s")
				b.ReportMetric(float64(used.Milliseconds())/float64(published.Load()), "cpu-ms/article")
				b.ReportMetric(float64(sent.Load())/(1<<20), "page-MiB")
				b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MiB")
				ar.Close()
				c.Close()
				b.StartTimer()
			}
		})
	}
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
