// Look opens every page of veille in headless Chromium, in both languages and both
// colour schemes, on the sample press: to write screenshots of them, or to check
// them for accessibility with axe-core.
//
//	go run ./internal/browser/look -shots shots
//	go run ./internal/browser/look -axe node_modules/axe-core/axe.min.js
//
// It starts bin/veille itself, on a free port of loopback and a folder of its own,
// unless -base names a veille that runs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"example.org/veille/internal/browser"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "look:", err)
		os.Exit(1)
	}
}

type options struct {
	binary, base, shots, axe, only, token string
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	fs := flag.NewFlagSet("look", flag.ContinueOnError)
	fs.StringVar(&o.binary, "veille", "bin/veille", "program to start")
	fs.StringVar(&o.base, "base", "", "address of a veille that runs already")
	fs.StringVar(&o.shots, "shots", "", "folder to write screenshots to")
	fs.StringVar(&o.axe, "axe", "", "axe.min.js of axe-core to check with")
	fs.StringVar(&o.only, "only", "", "only pages whose name contains this")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.shots == "" && o.axe == "" {
		return errors.New("nothing to do: give -shots FOLDER or -axe FILE")
	}
	var script string
	if o.axe != "" {
		body, err := os.ReadFile(o.axe)
		if err != nil {
			return fmt.Errorf("read axe-core (npm install --no-save axe-core): %w", err)
		}
		script = string(body)
	}
	if o.base == "" {
		base, token, end, err := start(ctx, o.binary)
		if err != nil {
			return err
		}
		defer end()
		o.base, o.token = base, token
	} else {
		o.token = os.Getenv("VEILLE_TOKEN")
	}
	if o.token != "" {
		if err := furnish(ctx, o); err != nil {
			return err
		}
	}
	pages, err := visits(ctx, o.base)
	if err != nil {
		return err
	}
	b, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	if o.shots != "" {
		if err := os.MkdirAll(o.shots, 0o755); err != nil {
			return fmt.Errorf("make the folder: %w", err)
		}
	}
	tab, end := b.Tab()
	defer end()
	// Opened here, the tab outlives the time that each page is given.
	if err := chromedp.Run(tab); err != nil {
		return fmt.Errorf("open a tab: %w", err)
	}
	// Those that take a session come last.
	slices.SortStableFunc(pages, func(a, b place) int {
		return map[bool]int{true: 1}[a.signed] - map[bool]int{true: 1}[b.signed]
	})
	session := false
	faults, least := 0, 1<<30
	for _, p := range pages {
		if !strings.Contains(p.name, o.only) || p.signed && o.token == "" {
			continue
		}
		if p.signed && !session {
			if err := signIn(tab, o); err != nil {
				return fmt.Errorf("sign in: %w", err)
			}
			session = true
		}
		for _, lang := range []string{"fr", "en"} {
			for _, scheme := range []string{"light", "dark"} {
				n, passed, err := visit(tab, o, p, lang, scheme, script, out)
				if err != nil {
					return fmt.Errorf("%s in %s, %s: %w", p.name, lang, scheme, err)
				}
				faults += n
				least = min(least, passed)
			}
		}
	}
	if o.axe != "" {
		fmt.Fprintf(out, "%d pages, %d faults, at least %d rules passed on each\n", len(pages), faults, least)
		if faults > 0 {
			return fmt.Errorf("%d faults of accessibility", faults)
		}
		if least <= 20 {
			return fmt.Errorf("only %d rules passed on a page: the check did not look at it", least)
		}
	}
	return nil
}

// start runs the sample press and waits until it is indexed.
func start(ctx context.Context, binary string) (base, token string, end func(), err error) {
	dir, err := os.MkdirTemp("", "veille-look-")
	if err != nil {
		return "", "", nil, fmt.Errorf("make a folder: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, binary, "demo", "--data", dir, "--listen", "127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	end = func() {
		cancel()
		_ = cmd.Wait() // it was told to end
		_ = os.RemoveAll(dir)
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return "", "", nil, fmt.Errorf("start %s (run `make build`): %w", binary, err)
	}
	lines := bufio.NewScanner(r)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		// The last line of the first pass is the address alone.
		if u := strings.TrimSpace(lines.Text()); strings.HasPrefix(u, "http://") && !strings.Contains(u, " ") {
			go func() { _, _ = io.Copy(io.Discard, r) }() // what it says later
			secret, err := os.ReadFile(filepath.Join(dir, "admin-token"))
			if err != nil {
				end()
				return "", "", nil, fmt.Errorf("read the token: %w", err)
			}
			return strings.TrimSuffix(u, "/"), strings.TrimSpace(string(secret)), end, nil
		}
	}
	end()
	return "", "", nil, fmt.Errorf("%s ended: %s", binary, strings.Join(said, " / "))
}

// furnish saves searches, so that there are alerts to look at.
func furnish(ctx context.Context, o options) error {
	for _, rule := range []string{
		`{"name": "Grossistes en France", "query": "type:distribution territory:fr", "on": ["new", "status"], "lang": "fr", "to": [{"webhook": {"url": "https://hooks.example.com/veille"}}]}`,
		`{"name": "Hyperscalers", "query": "kind:hyperscaler status:announced,in_effect", "on": ["new"], "lang": "en"}`,
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.base+"/api/v1/saved", strings.NewReader(rule))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+o.token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("save a search: %w", err)
		}
		_ = res.Body.Close()
		if res.StatusCode >= 300 && res.StatusCode != http.StatusConflict {
			return fmt.Errorf("save a search: %s", res.Status)
		}
	}
	return nil
}

// signIn begins a session in a tab.
func signIn(tab context.Context, o options) error {
	return chromedp.Run(tab, chromedp.Navigate(o.base+"/sign-in"), chromedp.SendKeys("#token", o.token+"\r", chromedp.ByID), browser.True(`document.querySelector('form[action="/sign-out"]')`))
}

// place is one page to look at, signed in or not.
type place struct {
	name, path string
	width      int64
	signed     bool
}

// visits lists the pages, with the deal, vendors and article that say most.
func visits(ctx context.Context, base string) ([]place, error) {
	var deals struct {
		Data []struct {
			ID       string
			Parties  []struct{ ID string }
			Evidence []struct{ Article string }
		}
	}
	if err := get(ctx, base+"/api/v1/deals?limit=200", &deals); err != nil {
		return nil, err
	}
	if len(deals.Data) == 0 {
		return nil, errors.New("there is no deal to look at")
	}
	best := deals.Data[0]
	for _, d := range deals.Data {
		if len(d.Evidence) > len(best.Evidence) && len(d.Parties) == 2 {
			best = d
		}
	}
	vendor := best.Parties[0].ID
	a, b := best.Parties[0].ID, best.Parties[len(best.Parties)-1].ID
	if a > b {
		a, b = b, a
	}
	var sources struct{ Data []struct{ ID string } }
	if err := get(ctx, base+"/api/v1/sources", &sources); err != nil {
		return nil, err
	}
	q := func(s string) string { return url.QueryEscape(s) }
	out := []place{
		{"today", "/", 1280, false}, {"search", "/search", 1280, false}, {"search-query", "/search?q=" + q("vendor:"+vendor+" type:distribution"), 1280, false}, {"search-words", "/search?q=contrat+distribution", 1280, false},
		{"search-articles", "/search?view=articles&q=cloud", 1280, false}, {"search-prices", "/search?view=prices", 1280, false}, {"search-fault", "/search?q=" + q("vendr:hpe"), 1280, false}, {"search-empty", "/search?q=" + q("vendor:"+vendor+" territory:jp"), 1280, false},
		{"deal", "/deals/" + best.ID, 1280, false}, {"article", "/articles/" + best.Evidence[0].Article, 1280, false}, {"vendors", "/vendors", 1280, false}, {"vendor", "/vendors/" + vendor, 1280, false}, {"vendor-versus", "/vendors/" + vendor + "?vs=google", 1280, false},
		{"pair", "/pairs/" + url.PathEscape(a) + "~" + url.PathEscape(b), 1280, false}, {"prices", "/prices", 1280, false}, {"trends", "/trends", 1280, false}, {"sources", "/sources", 1280, false}, {"help-query", "/help/query", 1280, false}, {"help-keys", "/help/keys", 1280, false},
		{"api", "/api", 1280, false}, {"sign-in", "/sign-in", 1280, false}, {"missing", "/nowhere", 1280, false},
		{"phone-today", "/", 320, false}, {"phone-search", "/search", 320, false}, {"phone-deal", "/deals/" + best.ID, 320, false}, {"phone-vendor", "/vendors/" + vendor, 320, false}, {"phone-prices", "/prices", 320, false}, {"phone-trends", "/trends", 320, false}, {"phone-sources", "/sources", 320, false},
	}
	if len(sources.Data) > 0 {
		out = append(out, place{"source", "/sources/" + sources.Data[0].ID, 1280, false}, place{"phone-source", "/sources/" + sources.Data[0].ID, 320, false})
	}
	var saved struct {
		Data []struct{ Rule struct{ Slug string } }
	}
	if err := get(ctx, base+"/api/v1/saved", &saved); err == nil {
		for i, r := range saved.Data {
			out = append(out, place{fmt.Sprint("alert-", i+1), "/alerts/" + r.Rule.Slug, 1280, i == 0})
		}
	}
	out = append(out, place{"people", "/people", 1280, true}, place{"phone-people", "/people", 320, true}, place{"deal-signed", "/deals/" + best.ID, 1280, true}, place{"problem", "/problems/invalid-query", 1280, false}, place{"vendor-doubtful", "/vendors/HP", 1280, false},
		place{"search-doubtful", "/search?q=vendor:hp", 1280, false}, place{"search-about", "/search?view=articles&q=" + q("vendor:"+vendor), 1280, false}, place{"phone-keys", "/help/keys", 320, false}, place{"phone-alerts", "/alerts", 320, false}, place{"phone-quarantine", "/quarantine", 320, false})
	for _, p := range []place{{"alerts", "/alerts", 1280, false}, {"alert-new", "/alerts/new?query=" + q("vendor:"+vendor), 1280, false}, {"phone-alert", "/alerts/new?query=" + q("vendor:"+vendor), 320, false}, {"quarantine", "/quarantine", 1280, false}} {
		if status(ctx, base+p.path) == http.StatusOK {
			out = append(out, p)
		}
	}
	return out, nil
}

func request(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/html, application/json")
	return http.DefaultClient.Do(req)
}

func status(ctx context.Context, address string) int {
	res, err := request(ctx, address)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func get(ctx context.Context, address string, into any) error {
	res, err := request(ctx, address)
	if err != nil {
		return fmt.Errorf("ask veille: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask veille: %s gives %s", address, res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 32<<20)).Decode(into)
}

func visit(tab context.Context, o options, p place, lang, scheme, script string, out io.Writer) (faults, passed int, err error) {
	ctx, cancel := context.WithTimeout(tab, 2*time.Minute)
	defer cancel()
	address := o.base + p.path + "?hl=" + lang
	if strings.Contains(p.path, "?") {
		address = o.base + p.path + "&hl=" + lang
	}
	height := int64(900)
	if p.width < 500 {
		height = 640
	}
	if err := chromedp.Run(ctx, page.BringToFront(), browser.Look(p.width, height, scheme), chromedp.Navigate(address), browser.True(`document.readyState == "complete"`)); err != nil {
		return 0, 0, err
	}
	if o.shots != "" {
		var shot []byte
		err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
			_, _, _, _, _, size, err := page.GetLayoutMetrics().Do(ctx)
			if err != nil {
				return err
			}
			// The window is made as tall as the page: nothing is drawn beyond it then.
			if err := browser.Look(p.width, int64(min(size.Height, 4000)), scheme).Do(ctx); err != nil {
				return err
			}
			shot, err = page.CaptureScreenshot().Do(ctx)
			return err
		}))
		if err != nil {
			return 0, 0, err
		}
		file := filepath.Join(o.shots, p.name+"."+lang+"."+scheme+".png")
		if err := os.WriteFile(file, shot, 0o644); err != nil {
			return 0, 0, err
		}
		fmt.Fprintln(out, file)
	}
	if script == "" {
		return 0, 1 << 30, nil
	}
	passed, list, err := browser.Axe(ctx, script)
	if err != nil {
		return 0, 0, err
	}
	for _, f := range list {
		fmt.Fprintf(out, "%s in %s, %s: %s\n", p.name, lang, scheme, f)
	}
	return len(list), passed, nil
}
