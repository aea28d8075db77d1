// Package browser drives a headless Chromium for the tests of the pages, their
// screenshots and their check of accessibility.
//
// [Start] runs one browser; [Browser.Tab] opens a tab in it.
// Tests call [Test]. What is done in a tab waits for conditions, never for time.
// The package installs nothing: [Find] says in one sentence what to install.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// NoBrowser is the variable that lets the tests of the pages be skipped by name.
const NoBrowser = "VEILLE_NO_BROWSER"

// ErrNone tells that there is no browser.
var ErrNone = errors.New("no Chromium was found: install one with `apt-get install chromium`, or set " + NoBrowser + "=1 to leave its tests out")

// Find looks for a browser.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// Browser is one running browser.
type Browser struct {
	ctx  context.Context
	stop []context.CancelFunc
	dir  string
}

// Start runs a browser until Close.
func Start(ctx context.Context) (*Browser, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "veille-browser-")
	if err != nil {
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	b := &Browser{dir: dir}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.UserDataDir(dir), chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-features", "Translate,MediaRouter,OptimizationHints"), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-backgrounding-occluded-windows", true),
	}
	alloc, cancel := chromedp.NewExecAllocator(ctx, opts...)
	b.stop = append(b.stop, cancel)
	tab, cancel := chromedp.NewContext(alloc)
	b.stop = append(b.stop, cancel)
	b.ctx = tab
	if err := chromedp.Run(tab); err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

// Close ends the browser and forgets its profile.
func (b *Browser) Close() {
	for i := len(b.stop) - 1; i >= 0; i-- {
		b.stop[i]()
	}
	_ = os.RemoveAll(b.dir) // in the folder for temporary files anyway
}

// Tab opens a tab. It is closed with the returned function. All tabs share one
// profile: see [Fresh].
func (b *Browser) Tab() (context.Context, context.CancelFunc) {
	return chromedp.NewContext(b.ctx)
}

// Fresh forgets cookies and all that pages of an origin have stored.
func Fresh(origin string) chromedp.Tasks {
	return chromedp.Tasks{network.ClearBrowserCookies(), storage.ClearDataForOrigin(origin, "all")}
}

// Look sets the width and height of a tab in CSS pixels, and its colour scheme,
// "light" or "dark".
func Look(width, height int64, scheme string) chromedp.Tasks {
	return chromedp.Tasks{
		emulation.SetDeviceMetricsOverride(width, height, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
	}
}

// True waits until a JavaScript expression holds in the page, or the context ends.
func True(expr string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			var ok bool
			// While a page is being left, there is nothing to ask.
			if err := chromedp.Evaluate("!!("+expr+")", &ok).Do(ctx); err == nil && ok {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("never true: %s: %w", expr, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// Test starts the browser of a test and ends it with the test. Without a browser
// the test fails, saying what to install; with [NoBrowser] set it is skipped.
func Test(t testing.TB) *Browser {
	t.Helper()
	if os.Getenv(NoBrowser) != "" {
		t.Skip(NoBrowser + " is set: the pages are not tried in a browser")
	}
	b, err := Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
