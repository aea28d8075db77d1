package browser

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Desk is a tab on one site, watched for a test: no script may fail, no dialogue open,
// nothing be asked of another host.
type Desk struct {
	t    testing.TB
	base string // address of the site
	Ctx  context.Context

	mu      sync.Mutex
	alarms  []string
	foreign []string
}

// hang is a guard, many times what a scenario takes.
const hang = 60 * time.Second

// NewDesk opens a tab that remembers nothing of those before, in a window of 1280 by
// 800 pixels. What goes wrong in it fails the test when the test ends.
func NewDesk(t testing.TB, b *Browser, base string) *Desk {
	t.Helper()
	d := Another(t, b, base)
	d.Do(Fresh(base))
	return d
}

// Another opens one more tab, which shares what the others remember.
func Another(t testing.TB, b *Browser, base string) *Desk {
	t.Helper()
	tab, closeTab := b.Tab()
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(tab, hang)
	t.Cleanup(cancel)
	d := &Desk{t: t, base: base, Ctx: ctx}
	home := strings.TrimPrefix(base, "http://")
	chromedp.ListenTarget(ctx, func(ev any) {
		d.mu.Lock()
		defer d.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			d.alarms = append(d.alarms, "a script failed: "+ev.ExceptionDetails.Error())
		case *page.EventJavascriptDialogOpening:
			d.alarms = append(d.alarms, "a dialogue opened: "+ev.Message)
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(ev.Request.URL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != home {
				d.foreign = append(d.foreign, ev.Request.URL)
			}
		}
	})
	d.Do(network.Enable(), runtime.Enable(), page.Enable(), Look(1280, 800, "light"))
	t.Cleanup(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, a := range d.alarms {
			t.Error(a)
		}
		for _, f := range d.foreign {
			t.Errorf("asked of another host: %s", f)
		}
	})
	return d
}

// Do runs actions; one that fails ends the test.
func (d *Desk) Do(actions ...chromedp.Action) {
	d.t.Helper()
	if err := chromedp.Run(d.Ctx, actions...); err != nil {
		d.t.Fatal(err)
	}
}

// Open goes to a page of the site, or to a whole address of it.
func (d *Desk) Open(path string) {
	d.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = d.base + path
	}
	d.Do(chromedp.Navigate(path))
}

// Wait waits until an expression holds on a page whose script has run.
func (d *Desk) Wait(expr string) {
	d.t.Helper()
	d.Do(True(`document.documentElement.classList.contains("js") && (` + expr + `)`))
}

// Eval gives the value of an expression.
func (d *Desk) Eval(expr string) (out any) {
	d.t.Helper()
	d.Do(chromedp.Evaluate(expr, &out))
	return out
}

// Is compares what an expression gives with what is wanted, as text.
func (d *Desk) Is(expr string, want any) {
	d.t.Helper()
	if got := d.Eval(expr); fmt.Sprint(got) != fmt.Sprint(want) {
		d.t.Errorf("%s is %v, want %v", expr, got, want)
	}
}

// Click presses the first element of a CSS selector.
func (d *Desk) Click(selector string) {
	d.t.Helper()
	d.Do(chromedp.Click(selector, chromedp.ByQuery))
}

// Type writes into the first element of a CSS selector.
func (d *Desk) Type(selector, text string) {
	d.t.Helper()
	d.Do(chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// Path is where the tab is.
func (d *Desk) Path() string {
	d.t.Helper()
	return fmt.Sprint(d.Eval("location.pathname + location.search"))
}

// Press types keys where the focus is.
func (d *Desk) Press(keys string) {
	d.t.Helper()
	for _, r := range keys {
		if r < ' ' || r > '~' {
			d.Do(chromedp.KeyEvent(string(r)))
			continue
		}
		// One event that the page may keep from writing its letter, as a keyboard's.
		d.Do(input.DispatchKeyEvent(input.KeyDown).WithKey(string(r)).WithText(string(r)), input.DispatchKeyEvent(input.KeyUp).WithKey(string(r)))
	}
}
