package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.org/veille/internal/browser"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// desk is a tab on a world, watched: no script may fail, no dialogue open, nothing
// be asked of another host.
type desk struct {
	t   *testing.T
	w   *world
	ctx context.Context

	mu      sync.Mutex
	alarms  []string
	foreign []string
}

// scenarioTime is a guard against hanging, many times what a scenario takes.
const scenarioTime = 60 * time.Second

func newDesk(t *testing.T, b *browser.Browser, w *world) *desk {
	t.Helper()
	tab, closeTab := b.Tab()
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(tab, scenarioTime)
	t.Cleanup(cancel)
	d := &desk{t: t, w: w, ctx: ctx}
	d.watch(ctx)
	d.do(network.Enable(), runtime.Enable(), page.Enable(), browser.Fresh(w.http.URL), browser.Look(1280, 800, "light"))
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

func (d *desk) watch(ctx context.Context) {
	home := strings.TrimPrefix(d.w.http.URL, "http://")
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
}

func (d *desk) do(actions ...chromedp.Action) {
	d.t.Helper()
	if err := chromedp.Run(d.ctx, actions...); err != nil {
		d.t.Fatal(err)
	}
}

// open goes to a page and waits for its script to have run.
func (d *desk) open(path string) {
	d.t.Helper()
	d.do(chromedp.Navigate(d.w.http.URL + path))
}

// wait waits until an expression holds on a page whose script has run.
func (d *desk) wait(expr string) {
	d.t.Helper()
	d.do(browser.True(`document.documentElement.classList.contains("js") && (` + expr + `)`))
}

func (d *desk) eval(expr string) (out any) {
	d.t.Helper()
	d.do(chromedp.Evaluate(expr, &out))
	return out
}

// is compares what an expression gives with what is wanted, as text.
func (d *desk) is(expr string, want any) {
	d.t.Helper()
	if got := d.eval(expr); fmt.Sprint(got) != fmt.Sprint(want) {
		d.t.Errorf("%s is %v, want %v", expr, got, want)
	}
}

func (d *desk) path() string { return fmt.Sprint(d.eval("location.pathname + location.search")) }

// press types a key where the focus is.
func (d *desk) press(keys string) {
	d.t.Helper()
	for _, r := range keys {
		if r < ' ' || r > '~' {
			d.do(chromedp.KeyEvent(string(r)))
			continue
		}
		// One event that the page may keep from writing its letter, as a keyboard's.
		d.do(input.DispatchKeyEvent(input.KeyDown).WithKey(string(r)).WithText(string(r)), input.DispatchKeyEvent(input.KeyUp).WithKey(string(r)))
	}
}

const dealIDs = `[...document.querySelectorAll("#results > .row")].map(r => r.id).join(" ")`

// crowd makes many deals, for pages.
func crowd(n int) (ds []schemas.DealEvent) {
	for i := range n {
		s := signed
		s.source, s.title, s.day = "channelpost", fmt.Sprint("Deal number ", i), fmt.Sprintf("2026-01-%02d 10:%02d", 1+i%28, i%60)
		s.parties = []schemas.Party{party("dell", "Dell", "vendor"), party(fmt.Sprint("x-firm-", i), fmt.Sprint("Firm ", i), "distributor")}
		ds = append(ds, schemas.DealEvent{Kind: "new", Deal: dealOf(s)})
	}
	return ds
}

// TestInBrowser tries in Chromium what analysts do with the pages.
func TestInBrowser(t *testing.T) {
	b := browser.Test(t)
	w := full(t, func(o *serve.Options) { o.Lag = nil })
	w.put(nil, crowd(30))
	nutanix := w.deals[0].Deal
	const a1 = "vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01"

	t.Run("the first question, from today's page", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/?hl=fr")
		d.do(chromedp.SendKeys("#q", a1+kb.Enter, chromedp.ByID))
		d.wait(`location.pathname == "/search" && document.querySelector("#results .row")`)
		d.is(`document.querySelectorAll("#results > .row").length`, 1)
		d.is(`[...document.querySelectorAll("#results > .row")].every(r => r.querySelector("blockquote[lang] mark.ev") && r.querySelector("a.src").href.includes("#:~:text="))`, true)
		d.is(`document.querySelector("#q").value`, a1)
		d.is(`document.querySelector("#echo").textContent.includes("fournisseur Nutanix · distribution")`, true)
	})

	t.Run("facets write the query, back restores it", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?hl=en")
		all := d.eval(dealIDs)
		d.do(chromedp.Click(`input[name=type][value=acquisition]`, chromedp.ByQuery))
		d.wait(`document.querySelector("#q") && document.querySelector("#q").value == "type:acquisition"`)
		d.is(`document.querySelector("input[name=type][value=acquisition]").checked`, true)
		chosen := d.eval(dealIDs)
		if chosen == all {
			t.Error("the facet changes nothing")
		}
		sum := `[...document.querySelectorAll("input[name=type]")].map(i => i.value + i.parentNode.querySelector(".fc").textContent).sort().join()`
		counts := d.eval(sum)
		d.do(chromedp.Reload())
		d.is(dealIDs, chosen)
		shared := d.path()
		d.eval(`void history.back()`)
		d.wait(`document.querySelector("#q") && document.querySelector("#q").value == ""`)
		d.is(dealIDs, all)
		d.is(sum, counts)
		d.open(shared)
		d.is(dealIDs, chosen)
		// With the alternative key, or its own link, a value is left out.
		d.do(chromedp.Click(`input[name=type][value=acquisition]`, chromedp.ByQuery))
		d.wait(`document.querySelector("#q") && document.querySelector("#q").value == ""`)
		d.do(chromedp.Click(`li:has(input[value=acquisition]) a.not`, chromedp.ByQuery))
		d.wait(`document.querySelector("#q") && document.querySelector("#q").value == "-type:acquisition"`)
	})

	t.Run("a column of the histogram narrows the dates", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?q=vendor:nutanix&hl=en")
		d.do(chromedp.Focus(`.hist svg a`, chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
		d.wait(`document.querySelector("#q").value.includes("date:")`)
		d.is(`document.querySelectorAll("#results > .row").length >= 1`, true)
	})

	t.Run("a fault is pointed at and repaired in one click", func(t *testing.T) {
		d := newDesk(t, b, w)
		res, err := chromedp.RunResponse(d.ctx, chromedp.Navigate(w.http.URL+"/search?hl=en&q=vendr%3Anutanix"))
		if err != nil || res.Status != http.StatusBadRequest {
			t.Fatalf("%v %v", res, err)
		}
		d.is(`document.querySelector(".caret").textContent`, "vendr:nutanix\n^^^^^^")
		d.is(`document.querySelectorAll("#results, .facets").length`, 0)
		d.is(`document.querySelector("#q").value`, "vendr:nutanix")
		d.do(chromedp.Click(".fix", chromedp.ByQuery))
		d.wait(`document.querySelector("#q").value == "vendor:nutanix" && document.querySelector("#results .row")`)
	})

	t.Run("a lower-case or is pointed out", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?hl=en&q=" + url.QueryEscape("woman or women"))
		d.do(chromedp.Click(".hint .fix", chromedp.ByQuery))
		d.wait(`document.querySelector("#q").value == "woman OR women"`)
	})

	t.Run("the other language keeps address and results", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?q=vendor%3Anutanix&hl=fr")
		ids := d.eval(dealIDs)
		quote := d.eval(`document.querySelector("blockquote").lang`)
		d.do(chromedp.Click(`.langs a[hreflang=en]`, chromedp.ByQuery))
		d.wait(`document.documentElement.lang == "en"`)
		d.is(dealIDs, ids)
		d.is(`document.querySelector("blockquote").lang`, quote)
		d.is(`document.querySelector("#q").value`, "vendor:nutanix")
		d.open("/vendors") // remembered
		d.is(`document.documentElement.lang`, "en")
	})

	t.Run("keys alone lead from the question to the citation", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.do(chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(`navigator.clipboard.writeText = s => { window.copied = s; return Promise.resolve(); }`).Do(ctx)
			return err
		}))
		d.open("/?hl=fr")
		d.press("/")
		d.wait(`document.activeElement.id == "q"`)
		d.press("jjk?") // letters in a box are letters
		d.is(`document.querySelector("#q").value`, "jjk?")
		d.eval(`document.querySelector("#q").value = ""`)
		d.press(a1 + kb.Enter)
		d.wait(`location.pathname == "/search" && document.querySelector("#results .row")`)
		d.press("j")
		d.wait(`document.activeElement.classList.contains("cur")`)
		d.press("y")
		d.wait(`window.copied && window.copied.includes("Nutanix has signed") && window.copied.includes("Channel Post")`)
		d.press("o")
		d.wait(`location.pathname == "/deals/` + nutanix.ID + `" && document.documentElement.classList.contains("js")`)
		d.press("j")
		d.is(`document.querySelector(".cur").id`, "e1")
		d.press("gv")
		d.wait(`location.pathname == "/vendors"`)
		// Switched off, they stay off.
		d.open("/help/keys")
		d.do(chromedp.Click("#keys-on", chromedp.ByID), chromedp.Reload())
		d.is(`document.querySelector("#keys-on").checked`, false)
		d.press("gs")
		d.press("?")
		d.is(`location.pathname`, "/help/keys")
	})

	t.Run("a deal shows who says what", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/deals/" + nutanix.ID + "?hl=fr")
		d.is(`document.querySelectorAll(".evidence > li").length`, 2)
		d.is(`document.querySelector(".against").textContent.includes("serait en discussion")`, true)
		d.is(`document.querySelectorAll("svg.lanes a").length == document.querySelectorAll("figure table tbody tr").length`, true)
		// What matters stands above the fold.
		d.is(`document.querySelector(".head .status").getBoundingClientRect().bottom < 720 && document.querySelector(".against").getBoundingClientRect().bottom < 720`, true)
	})

	t.Run("another name of a vendor leads to it, a doubtful one asks", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/vendors/" + url.PathEscape("Hewlett Packard Enterprise"))
		d.is(`location.pathname`, "/vendors/hpe")
	})

	t.Run("a price keeps its bound, its currency and its tax", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/prices?hl=fr")
		d.is(`document.querySelector(".amount").textContent.replace(/\s/g, " ")`, "≥ 9 900 €")
		d.is(`document.querySelector(".amount").closest("tr").textContent.includes("HT")`, true)
		d.open("/prices?q=price_kind:revenue&hl=fr")
		d.is(`document.querySelectorAll(".amount").length`, 0)
	})

	t.Run("suggestions complete field, value and vendor", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?hl=en")
		d.do(chromedp.SendKeys("#q", "ven", chromedp.ByID))
		d.wait(`[...document.querySelectorAll("[role=option]")].some(o => o.textContent.startsWith("vendor:"))`)
		d.press(kb.ArrowDown + kb.Tab)
		d.wait(`document.querySelector("#q").value.startsWith("vendor:")`)
		d.is(`document.activeElement.id`, "q")
		d.is(`document.querySelector("#q").getAttribute("role")`, "combobox")
		d.press("nutan")
		d.wait(`[...document.querySelectorAll("[role=option]")].some(o => o.textContent.startsWith("nutanix"))`)
		d.press(kb.ArrowDown + kb.Enter)
		d.wait(`document.querySelector("#q").value == "vendor:nutanix "`)
		d.press(kb.Escape)
		d.press(kb.Enter)
	})

	t.Run("without scripts all of it works", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.do(emulation.SetScriptExecutionDisabled(true))
		d.open("/search?hl=en")
		d.do(chromedp.Click(`input[name=type][value=distribution]`, chromedp.ByQuery), chromedp.Click("button.apply", chromedp.ByQuery))
		var value, href string
		at := func(want string) {
			t.Helper()
			d.do(chromedp.ActionFunc(func(ctx context.Context) error {
				for {
					var u string
					if err := chromedp.Location(&u).Do(ctx); err == nil && strings.Contains(u, want) {
						return nil
					}
					select {
					case <-ctx.Done():
						return fmt.Errorf("never at %s: %w", want, ctx.Err())
					case <-time.After(20 * time.Millisecond):
					}
				}
			}))
		}
		at("q=type%3Adistribution")
		d.do(chromedp.WaitReady("#results .row", chromedp.ByQuery), chromedp.AttributeValue("#q", "value", &value, nil, chromedp.ByID))
		if value != "type:distribution" {
			t.Errorf("the box says %q", value)
		}
		d.do(chromedp.Click(`.pager a[rel=next]`, chromedp.ByQuery))
		at("cursor=")
		d.do(chromedp.WaitReady("#results .row", chromedp.ByQuery), chromedp.Click(`#results a.open`, chromedp.ByQuery))
		at("/deals/d_")
		d.do(chromedp.WaitReady(".evidence", chromedp.ByQuery), chromedp.AttributeValue(`.menu a[href*=".csv"]`, "href", &href, nil, chromedp.ByQuery))
		if a := w.get(href); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%s: %d %s", href, a.StatusCode, a.Header.Get("Content-Type"))
		}
	})

	t.Run("an alert is made from a search, and a session that ended loses nothing", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?hl=en&q=" + url.QueryEscape("vendor:nutanix type:distribution"))
		d.press("a")
		d.wait(`location.pathname == "/alerts/new" && document.querySelector("#name")`)
		d.is(`document.querySelector(".backtest h2").textContent.startsWith("Would have sent 1 message")`, true)
		d.do(chromedp.SendKeys("#name", "Made in a browser", chromedp.ByID), chromedp.Click(`.stack p > button:not(.quiet)`, chromedp.ByQuery))
		d.wait(`document.querySelector("#token")`)
		d.do(chromedp.SendKeys("#token", "the-administrators-token"+kb.Enter, chromedp.ByID))
		d.wait(`location.pathname == "/alerts/new" && document.querySelector("#name")`)
		d.is(`document.querySelector("#name").value`, "Made in a browser")
		d.is(`document.querySelector("#query").value`, "vendor:nutanix type:distribution")
		d.do(chromedp.Click(`.stack p > button:not(.quiet)`, chromedp.ByQuery))
		d.wait(`location.pathname == "/alerts/made-in-a-browser"`)
		d.do(chromedp.Click(`button[value=mute]`, chromedp.ByQuery))
		d.wait(`document.querySelector("button[value=unmute]")`)
		d.do(chromedp.Click(`button[value=unmute]`, chromedp.ByQuery))
		d.wait(`document.querySelector("button[value=mute]")`)
	})

	t.Run("a source is fetched by who signed in", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/sources/lemag?hl=en")
		d.do(chromedp.Click(`form[action$="/fetch"] button`, chromedp.ByQuery))
		d.wait(`document.querySelector("#token")`)
		d.do(chromedp.SendKeys("#token", "the-administrators-token"+kb.Enter, chromedp.ByID))
		d.wait(`location.pathname == "/sources/lemag" && document.querySelector('form[action$="/fetch"] button')`)
		d.do(chromedp.Click(`form[action$="/fetch"] button`, chromedp.ByQuery))
		d.wait(`location.search.includes("fetched=ok")`)
	})

	t.Run("live, an event appears by itself", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?q=vendor:ovhcloud&hl=en")
		d.do(chromedp.Click("#live", chromedp.ByID))
		d.wait(`document.body.dataset.stream == "open"`)
		had := d.eval(`document.querySelectorAll("#results > .row").length`)
		s := hosting
		s.title, s.day = "OVHcloud again", "2026-04-15 09:00"
		s.parties = []schemas.Party{party("ovhcloud", "OVHcloud", "partner"), party("x-live", "Live Partner", "partner")}
		deal := dealOf(s)
		w.announce("new", deal)
		d.wait(`document.getElementById("` + deal.ID + `")`)
		d.is(`document.querySelectorAll("#results > .row").length`, fmt.Sprint(had.(float64)+1))
		// Offline, then online: nothing is lost, nothing stands twice.
		d.do(network.OverrideNetworkState(true, 0, -1, -1))
		s.title, s.parties = "OVHcloud offline", []schemas.Party{party("ovhcloud", "OVHcloud", "partner"), party("x-off", "Offline Partner", "partner")}
		second := dealOf(s)
		w.announce("new", second)
		d.do(network.OverrideNetworkState(false, 0, -1, -1))
		d.eval(`dispatchEvent(new Event("online"))`)
		d.wait(`document.getElementById("` + second.ID + `")`)
		d.is(`new Set([...document.querySelectorAll("#results > .row")].map(r => r.id)).size == document.querySelectorAll("#results > .row").length`, true)
		d.is(`document.querySelectorAll("#results > .row").length`, fmt.Sprint(had.(float64)+2))
	})

	t.Run("320 pixels suffice, and what is touched is large enough", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.do(browser.Look(320, 640, "light"))
		for _, path := range everything(w) {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			d.open(path + sep + "hl=fr")
			if over := d.eval(`document.documentElement.scrollWidth`); fmt.Sprint(over) != "320" {
				t.Errorf("%s is %v pixels wide: %v", path, over, d.eval(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 320 && !e.closest(".scroll, .hide, pre, [hidden]")).slice(0, 4).map(e => e.outerHTML.slice(0, 120)).join("\n")`))
			}
			if small := d.eval(smallTargets); small != "" {
				t.Errorf("%s: targets under 24 pixels: %v", path, small)
			}
		}
	})

	t.Run("results are told to those who do not see them", func(t *testing.T) {
		d := newDesk(t, b, w)
		d.open("/search?q=vendor:nutanix&hl=en")
		d.is(`document.querySelector("[role=status]#count").textContent.includes("deals")`, true)
		d.is(`[...document.querySelectorAll("svg.chart")].every(s => s.getAttribute("aria-labelledby").split(" ").every(i => document.getElementById(i).textContent))`, true)
		d.is(`[...document.querySelectorAll("figure")].every(f => f.querySelector("figcaption") && f.querySelector("table"))`, true)
		d.press(kb.Tab)
		d.is(`document.activeElement.className`, "skip")
		d.press(kb.Enter)
		d.wait(`document.activeElement.id == "main"`)
	})

	t.Run("hostile text runs nothing", func(t *testing.T) {
		d := newDesk(t, b, w)
		for i, p := range poisons {
			if i%2 == 0 {
				d.open("/search?q=" + url.QueryEscape(p.text))
			} else {
				d.open("/vendors?name=" + url.QueryEscape(p.text))
			}
			d.is(`document.querySelectorAll("main").length`, 1)
		}
		d.open("/search?q=vendor:ovhcloud") // its title is hostile
		d.is(`document.querySelectorAll("#results script, #results img").length`, 0)
	})
}

// smallTargets lists what can be pressed and is smaller than 24 by 24 pixels, but
// for links within a sentence and what stands far enough from any other.
const smallTargets = `(() => {
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")].filter(e => {
    const r = e.getBoundingClientRect();
    return r.width > 1 && r.height > 1 && !e.closest("svg, .hide, pre") && getComputedStyle(e).visibility != "hidden" && !(e.closest("label") && e.matches("input[type=checkbox], input[type=radio]"));
  });
  return all.filter(e => {
    const r = e.getBoundingClientRect();
    if (r.width >= 23.5 && r.height >= 23.5) return false;
    const inline = getComputedStyle(e).display == "inline" && e.parentElement.textContent.trim().length > e.textContent.trim().length;
    return !inline;
  }).slice(0, 5).map(e => e.outerHTML.slice(0, 110) + " " + Math.round(e.getBoundingClientRect().width) + "x" + Math.round(e.getBoundingClientRect().height)).join("\n");
})()`
