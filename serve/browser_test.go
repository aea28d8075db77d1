package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.org/veille/alert"
	"example.org/veille/bus/bustest"
	"example.org/veille/index"
	"example.org/veille/internal/browser"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

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

// TestInBrowser tries in Chromium what analysts do with the pages. A scenario's number
// begins the name of its test:
//
//	01–14, 17, 19, 21–23, 25, 26  here
//	15, 16, 18                    TestInBrowser of cmd/veille: with feeds, mail and all stages
//	20                            make a11y (axe-core comes from npm), and TestEveryPage for what
//	                              can be told without it
//	24                            TestBudgets; make budgets for 200,000 articles
//
// The untranslated texts of 08 are TestPseudolocale's, the words of 23 in every field
// and address TestHostileTextOnPages'. Each tab fails its test when a script fails, a
// dialogue opens, or another host is asked.
func TestInBrowser(t *testing.T) {
	b := browser.Test(t)
	w := full(t, func(o *serve.Options) { o.Lag = nil })
	w.put(nil, crowd(30))
	nutanix := w.deals[0].Deal
	const a1 = "vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01"

	t.Run("01 the first question, from today's page", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/?hl=fr")
		d.Do(chromedp.SendKeys("#q", a1+kb.Enter, chromedp.ByID))
		d.Wait(`location.pathname == "/search" && document.querySelector("#results .row")`)
		d.Is(`document.querySelectorAll("#results > .row").length`, 1)
		d.Is(`[...document.querySelectorAll("#results > .row")].every(r => r.querySelector("blockquote[lang] mark.ev") && r.querySelector("a.src").href.includes("#:~:text="))`, true)
		d.Is(`document.querySelector("#q").value`, a1)
		d.Is(`document.querySelector("#echo").textContent.includes("fournisseur Nutanix · distribution")`, true)
	})

	t.Run("03 04 facets write the query, back restores it, counts ignore their own selection", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?hl=en")
		all := d.Eval(dealIDs)
		d.Do(chromedp.Click(`input[name=type][value=acquisition]`, chromedp.ByQuery))
		d.Wait(`document.querySelector("#q") && document.querySelector("#q").value == "type:acquisition"`)
		d.Is(`document.querySelector("input[name=type][value=acquisition]").checked`, true)
		chosen := d.Eval(dealIDs)
		if chosen == all {
			t.Error("the facet changes nothing")
		}
		sum := `[...document.querySelectorAll("input[name=type]")].map(i => i.value + i.parentNode.querySelector(".fc").textContent).sort().join()`
		counts := d.Eval(sum)
		d.Do(chromedp.Reload())
		d.Is(dealIDs, chosen)
		shared := d.Path()
		d.Eval(`void history.back()`)
		d.Wait(`document.querySelector("#q") && document.querySelector("#q").value == ""`)
		d.Is(dealIDs, all)
		d.Is(sum, counts)
		d.Open(shared)
		d.Is(dealIDs, chosen)
		// With the alternative key, or its own link, a value is left out.
		d.Do(chromedp.Click(`input[name=type][value=acquisition]`, chromedp.ByQuery))
		d.Wait(`document.querySelector("#q") && document.querySelector("#q").value == ""`)
		d.Do(chromedp.Click(`li:has(input[value=acquisition]) a.not`, chromedp.ByQuery))
		d.Wait(`document.querySelector("#q") && document.querySelector("#q").value == "-type:acquisition"`)
	})

	t.Run("05 a column of the histogram narrows the dates", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?q=vendor:nutanix&hl=en")
		d.Do(chromedp.Focus(`.hist svg a`, chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
		d.Wait(`document.querySelector("#q").value.includes("date:")`)
		d.Is(`document.querySelectorAll("#results > .row").length >= 1`, true)
	})

	t.Run("06 a fault is pointed at and repaired in one click", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		res, err := chromedp.RunResponse(d.Ctx, chromedp.Navigate(w.http.URL+"/search?hl=en&q=vendr%3Anutanix"))
		if err != nil || res.Status != http.StatusBadRequest {
			t.Fatalf("%v %v", res, err)
		}
		d.Is(`document.querySelector(".caret").textContent`, "vendr:nutanix\n^^^^^^")
		d.Is(`document.querySelectorAll("#results, .facets").length`, 0)
		d.Is(`document.querySelector("#q").value`, "vendr:nutanix")
		d.Do(chromedp.Click(".fix", chromedp.ByQuery))
		d.Wait(`document.querySelector("#q").value == "vendor:nutanix" && document.querySelector("#results .row")`)
	})

	t.Run("07 a lower-case or is pointed out", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?hl=en&q=" + url.QueryEscape("woman or women"))
		d.Do(chromedp.Click(".hint .fix", chromedp.ByQuery))
		d.Wait(`document.querySelector("#q").value == "woman OR women"`)
	})

	t.Run("08 the other language keeps address and results", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?q=vendor%3Anutanix&hl=fr")
		ids := d.Eval(dealIDs)
		quote := d.Eval(`document.querySelector("blockquote").lang`)
		d.Do(chromedp.Click(`.langs a[hreflang=en]`, chromedp.ByQuery))
		d.Wait(`document.documentElement.lang == "en"`)
		d.Is(dealIDs, ids)
		d.Is(`document.querySelector("blockquote").lang`, quote)
		d.Is(`document.querySelector("#q").value`, "vendor:nutanix")
		d.Open("/vendors") // remembered
		d.Is(`document.documentElement.lang`, "en")
	})

	t.Run("09 keys alone lead from the question to the citation", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Do(chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(`navigator.clipboard.writeText = s => { window.copied = s; return Promise.resolve(); }`).Do(ctx)
			return err
		}))
		d.Open("/?hl=fr")
		d.Press("/")
		d.Wait(`document.activeElement.id == "q"`)
		d.Press("jjk?") // letters in a box are letters
		d.Is(`document.querySelector("#q").value`, "jjk?")
		d.Eval(`document.querySelector("#q").value = ""`)
		d.Press(a1 + kb.Enter)
		d.Wait(`location.pathname == "/search" && document.querySelector("#results .row")`)
		d.Press("j")
		d.Wait(`document.activeElement.classList.contains("cur")`)
		d.Press("y")
		d.Wait(`window.copied && window.copied.includes("Nutanix has signed") && window.copied.includes("Channel Post")`)
		d.Press("o")
		d.Wait(`location.pathname == "/deals/` + nutanix.ID + `" && document.documentElement.classList.contains("js")`)
		d.Press("j")
		d.Is(`document.querySelector(".cur").id`, "e1")
		d.Press("gv")
		d.Wait(`location.pathname == "/vendors"`)
		// Switched off, they stay off.
		d.Open("/help/keys")
		d.Do(chromedp.Click("#keys-on", chromedp.ByID), chromedp.Reload())
		d.Is(`document.querySelector("#keys-on").checked`, false)
		d.Press("gs")
		d.Press("?")
		d.Is(`location.pathname`, "/help/keys")
		// Given other keys, they obey those and no longer ours; one key does one thing.
		d.Do(chromedp.Click("#keys-on", chromedp.ByID))
		d.Eval(`(() => { const i = document.querySelector("input[data-was='g']"); i.value = "j"; i.dispatchEvent(new Event("change")); })()`)
		d.Is(`document.querySelector("#keys-taken").hidden`, false)
		d.Eval(`(() => { const i = document.querySelector("input[data-was='g']"); i.value = "z"; i.dispatchEvent(new Event("change")); })()`)
		d.Is(`document.querySelector("#keys-taken").hidden`, true)
		d.Do(chromedp.Reload())
		d.Wait(`document.querySelector("input[data-was='g']").value == "z"`)
		d.Press("gv")
		d.Is(`location.pathname`, "/help/keys")
		d.Press("zv")
		d.Wait(`location.pathname == "/vendors"`)
		d.Open("/help/keys")
		d.Click("#keys-reset")
		d.Wait(`document.querySelector("input[data-was='g']").value == "g"`)
	})

	t.Run("10 a deal shows who says what", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/deals/" + nutanix.ID + "?hl=fr")
		d.Is(`document.querySelectorAll(".evidence > li").length`, 2)
		d.Is(`document.querySelector(".against").textContent.includes("serait en discussion")`, true)
		d.Is(`document.querySelectorAll("svg.lanes a").length == document.querySelectorAll("figure table tbody tr").length`, true)
		// What matters stands above the fold.
		d.Is(`document.querySelector(".head .status").getBoundingClientRect().bottom < 720 && document.querySelector(".against").getBoundingClientRect().bottom < 720`, true)
	})

	t.Run("12 another name of a vendor leads to it", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/vendors/" + url.PathEscape("Hewlett Packard Enterprise"))
		d.Is(`location.pathname`, "/vendors/hpe")
	})

	t.Run("13 a price keeps its bound, its currency and its tax", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/prices?hl=fr")
		d.Is(`document.querySelector(".amount").textContent.replace(/\s/g, " ")`, "≥ 9 900 €")
		d.Is(`document.querySelector(".amount").closest("tr").textContent.includes("HT")`, true)
		d.Open("/prices?q=price_kind:revenue&hl=fr")
		d.Is(`document.querySelectorAll(".amount").length`, 0)
	})

	t.Run("suggestions complete field, value and vendor", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?hl=en")
		d.Do(chromedp.SendKeys("#q", "ven", chromedp.ByID))
		d.Wait(`[...document.querySelectorAll("[role=option]")].some(o => o.textContent.startsWith("vendor:"))`)
		d.Press(kb.ArrowDown + kb.Tab)
		d.Wait(`document.querySelector("#q").value.startsWith("vendor:")`)
		d.Is(`document.activeElement.id`, "q")
		d.Is(`document.querySelector("#q").getAttribute("role")`, "combobox")
		d.Press("nutan")
		d.Wait(`[...document.querySelectorAll("[role=option]")].some(o => o.textContent.startsWith("nutanix"))`)
		d.Press(kb.ArrowDown + kb.Enter)
		d.Wait(`document.querySelector("#q").value == "vendor:nutanix "`)
		d.Press(kb.Escape)
		d.Press(kb.Enter)
	})

	t.Run("02 without scripts all of it works", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Do(emulation.SetScriptExecutionDisabled(true))
		d.Open("/search?hl=en")
		d.Do(chromedp.Click(`input[name=type][value=distribution]`, chromedp.ByQuery), chromedp.Click("button.apply", chromedp.ByQuery))
		var value, href string
		at := func(want string) {
			t.Helper()
			d.Do(chromedp.ActionFunc(func(ctx context.Context) error {
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
		d.Do(chromedp.WaitReady("#results .row", chromedp.ByQuery), chromedp.AttributeValue("#q", "value", &value, nil, chromedp.ByID))
		if value != "type:distribution" {
			t.Errorf("the box says %q", value)
		}
		d.Do(chromedp.Click(`.pager a[rel=next]`, chromedp.ByQuery))
		at("cursor=")
		d.Do(chromedp.WaitReady("#results .row", chromedp.ByQuery), chromedp.Click(`#results a.open`, chromedp.ByQuery))
		at("/deals/d_")
		d.Do(chromedp.WaitReady(".evidence", chromedp.ByQuery), chromedp.AttributeValue(`.menu a[href*=".csv"]`, "href", &href, nil, chromedp.ByQuery))
		if a := w.get(href); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") {
			t.Errorf("%s: %d %s", href, a.StatusCode, a.Header.Get("Content-Type"))
		}
		d.Do(chromedp.Click(`.head a[data-key=a]`, chromedp.ByQuery))
		at("/alerts/new")
		d.Type("#name", "Without a script")
		d.Click(`.stack p > button:not(.quiet)`)
		d.Do(chromedp.WaitReady("#token", chromedp.ByID))
		d.Type("#token", "the-administrators-token"+kb.Enter)
		d.Do(chromedp.WaitReady("#query", chromedp.ByID), chromedp.AttributeValue("#name", "value", &value, nil, chromedp.ByID))
		if value != "Without a script" {
			t.Errorf("the form came back with %q", value)
		}
		d.Click(`.stack p > button:not(.quiet)`)
		at("/alerts/without-a-script")
	})

	t.Run("26 an alert is made from a search, and a session that ended loses nothing", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?hl=en&q=" + url.QueryEscape("vendor:nutanix type:distribution"))
		d.Press("a")
		d.Wait(`location.pathname == "/alerts/new" && document.querySelector("#name")`)
		d.Is(`document.querySelector(".backtest h2").textContent.startsWith("Would have sent 1 message")`, true)
		d.Do(chromedp.SendKeys("#name", "Made in a browser", chromedp.ByID), chromedp.Click(`.stack p > button:not(.quiet)`, chromedp.ByQuery))
		d.Wait(`document.querySelector("#token")`)
		d.Do(chromedp.SendKeys("#token", "the-administrators-token"+kb.Enter, chromedp.ByID))
		d.Wait(`location.pathname == "/alerts/new" && document.querySelector("#name")`)
		d.Is(`document.querySelector("#name").value`, "Made in a browser")
		d.Is(`document.querySelector("#query").value`, "vendor:nutanix type:distribution")
		d.Do(chromedp.Click(`.stack p > button:not(.quiet)`, chromedp.ByQuery))
		d.Wait(`location.pathname == "/alerts/made-in-a-browser"`)
		d.Do(chromedp.Click(`button[value=mute]`, chromedp.ByQuery))
		d.Wait(`document.querySelector("button[value=unmute]")`)
		d.Do(chromedp.Click(`button[value=unmute]`, chromedp.ByQuery))
		d.Wait(`document.querySelector("button[value=mute]")`)
	})

	t.Run("a source is fetched by who signed in", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/sources/lemag?hl=en")
		d.Do(chromedp.Click(`form[action$="/fetch"] button`, chromedp.ByQuery))
		d.Wait(`document.querySelector("#token")`)
		d.Do(chromedp.SendKeys("#token", "the-administrators-token"+kb.Enter, chromedp.ByID))
		d.Wait(`location.pathname == "/sources/lemag" && document.querySelector('form[action$="/fetch"] button')`)
		d.Do(chromedp.Click(`form[action$="/fetch"] button`, chromedp.ByQuery))
		d.Wait(`location.search.includes("fetched=ok")`)
	})

	t.Run("25 live, an event appears by itself, nothing is lost offline", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?q=vendor:ovhcloud&hl=en")
		d.Do(chromedp.Click("#live", chromedp.ByID))
		d.Wait(`document.body.dataset.stream == "open"`)
		had := d.Eval(`document.querySelectorAll("#results > .row").length`)
		s := hosting
		s.title, s.day = "OVHcloud again", "2026-04-15 09:00"
		s.parties = []schemas.Party{party("ovhcloud", "OVHcloud", "partner"), party("x-live", "Live Partner", "partner")}
		deal := dealOf(s)
		w.announce("new", deal)
		d.Wait(`document.getElementById("` + deal.ID + `")`)
		d.Is(`document.querySelectorAll("#results > .row").length`, fmt.Sprint(had.(float64)+1))
		// Offline, then online: nothing is lost, nothing stands twice.
		d.Do(network.OverrideNetworkState(true, 0, -1, -1))
		s.title, s.parties = "OVHcloud offline", []schemas.Party{party("ovhcloud", "OVHcloud", "partner"), party("x-off", "Offline Partner", "partner")}
		second := dealOf(s)
		w.announce("new", second)
		d.Do(network.OverrideNetworkState(false, 0, -1, -1))
		d.Eval(`dispatchEvent(new Event("online"))`)
		d.Wait(`document.getElementById("` + second.ID + `")`)
		d.Is(`new Set([...document.querySelectorAll("#results > .row")].map(r => r.id)).size == document.querySelectorAll("#results > .row").length`, true)
		d.Is(`document.querySelectorAll("#results > .row").length`, fmt.Sprint(had.(float64)+2))
	})

	t.Run("19 320 pixels suffice, and what is touched is large enough", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Do(browser.Look(320, 640, "light"))
		for _, path := range everything(w) {
			sep := "?"
			if strings.Contains(path, "?") {
				sep = "&"
			}
			d.Open(path + sep + "hl=fr")
			if over := d.Eval(`document.documentElement.scrollWidth`); fmt.Sprint(over) != "320" {
				t.Errorf("%s is %v pixels wide: %v", path, over, d.Eval(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 320 && !e.closest(".scroll, .hide, pre, [hidden]")).slice(0, 4).map(e => e.outerHTML.slice(0, 120)).join("\n")`))
			}
			if small := d.Eval(smallTargets); small != "" {
				t.Errorf("%s: targets under 24 pixels: %v", path, small)
			}
		}
	})

	t.Run("drawings are whole: nothing in them is cut at an edge", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		for _, width := range []int64{1440, 1280, 1024, 840, 360} {
			d.Do(browser.Look(width, 900, "light"))
			for _, path := range []string{"/?hl=fr", "/?hl=en", "/trends?hl=fr", "/vendors/nutanix?hl=en", "/vendors/nutanix?vs=dell&hl=fr", "/prices?hl=fr", "/deals/" + nutanix.ID + "?hl=fr", "/pairs/ingram-micro~nutanix?hl=en"} {
				d.Open(path)
				d.Is(`document.querySelectorAll("svg.chart").length > 0`, true)
				if cut := d.Eval(cutDrawings); cut != "" {
					t.Errorf("%s at %d pixels: %v", path, width, cut)
				}
			}
		}
	})

	t.Run("21 results are told to those who do not see them", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?q=vendor:nutanix&hl=en")
		d.Is(`document.querySelector("[role=status]#count").textContent.includes("deals")`, true)
		d.Is(`[...document.querySelectorAll("svg.chart")].every(s => s.getAttribute("aria-labelledby").split(" ").every(i => document.getElementById(i).textContent))`, true)
		d.Is(`[...document.querySelectorAll("figure")].every(f => f.querySelector("figcaption") && f.querySelector("table"))`, true)
		d.Press(kb.Tab)
		d.Is(`document.activeElement.className`, "skip")
		d.Press(kb.Enter)
		d.Wait(`document.activeElement.id == "main"`)
	})

	t.Run("11 a merged deal leads to its survivor, a retracted one says why", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		s := hosting
		s.title, s.day = "Two that are one", "2026-04-02 09:00"
		s.parties = []schemas.Party{party("scality", "Scality", "partner"), party("x-eleven", "Eleven", "partner")}
		one := dealOf(s)
		s.title = "The other telling"
		two := dealOf(s)
		s.title = "A deal that was none"
		s.parties = []schemas.Party{party("wallix", "Wallix", "partner"), party("x-none", "Nobody", "partner")}
		none := dealOf(s)
		w.put(nil, []schemas.DealEvent{{Kind: "new", Deal: one}, {Kind: "new", Deal: two}, {Kind: "new", Deal: none}, {Kind: "merged", Deal: two, Into: one.ID}, {Kind: "retracted", Deal: none}})
		d.Open("/deals/" + two.ID + "?hl=en")
		d.Is(`location.pathname`, "/deals/"+one.ID)
		d.Is(`document.querySelector("h1").textContent`, "Scality × Eleven")
		res, err := chromedp.RunResponse(d.Ctx, chromedp.Navigate(w.http.URL+"/deals/"+none.ID+"?hl=en"))
		if err != nil || res.Status != http.StatusGone {
			t.Fatalf("%v %v", res, err)
		}
		d.Is(`document.querySelector("h1").textContent`, "Deal retracted")
		d.Is(`document.querySelector("main p").textContent.length > 20`, true)
	})

	t.Run("12 a doubtful name asks which is meant", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		res, err := chromedp.RunResponse(d.Ctx, chromedp.Navigate(w.http.URL+"/search?hl=fr&q=vendor%3Ahp"))
		if err != nil || res.Status != http.StatusBadRequest {
			t.Fatalf("%v %v", res, err)
		}
		d.Is(`document.querySelector(".error strong").textContent`, "« hp » peut être HP Inc. ou Hewlett Packard Enterprise ou Hewlett-Packard")
		d.Is(`[...document.querySelectorAll(".fix")].map(a => a.textContent).join()`, "vendor:=hp,vendor:hpe,vendor:hewlett-packard")
		d.Click(".fix")
		d.Wait(`document.querySelector("#q").value == "vendor:=hp" && document.querySelector("#echo").textContent.includes("HP Inc.")`)
		d.Open("/vendors/HP?hl=en")
		d.Is(`[...document.querySelectorAll("main li a")].map(a => a.pathname).join()`, "/vendors/hp,/vendors/hpe,/vendors/hewlett-packard")
		d.Click("main li a")
		d.Wait(`location.pathname == "/vendors/hp" && document.querySelector("h1").textContent == "HP Inc."`)
		p := w.fails(http.StatusBadRequest, "invalid-query", "/api/v1/deals", "q", "vendor:hp")
		if len(p.Errors) != 1 || p.Errors[0].Code != "ambiguous-vendor" || fmt.Sprint(p.Errors[0].Suggestion) != "[vendor:=hp vendor:hpe vendor:hewlett-packard]" && fmt.Sprint(p.Errors[0].Suggestion) != "[=hp hpe hewlett-packard]" {
			t.Errorf("the API says %+v", p)
		}
	})

	t.Run("14 the preview counts what it lists, and what is sent later", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/alerts/new?hl=en&query=" + url.QueryEscape("type:distribution,acquisition"))
		n := d.Eval(`parseInt(document.querySelector(".backtest h2").textContent.replace(/\D+(\d+).*/, "$1"))`)
		d.Click(".backtest summary")
		d.Is(`document.querySelectorAll(".backtest li").length`, n)
		// The same events, taken in by a rule of that query, in a log of their own.
		sent := map[string]bool{}
		for _, li := range d.Eval(`[...document.querySelectorAll(".backtest li a")].map(a => a.pathname)`).([]any) {
			sent[fmt.Sprint(li)] = true
		}
		r := filledRule("Fourteen", "type:distribution,acquisition")
		r.On = []string{"new", "status"}
		now := w.replay(t, r)
		if fmt.Sprint(len(now)) != fmt.Sprint(n) {
			t.Errorf("%d messages are sent for what the preview counted as %v", len(now), n)
		}
		for path := range now {
			if !sent[path] {
				t.Errorf("%s is sent, and was not in the preview", path)
			}
		}
	})

	t.Run("17 where there is nothing, it says what to try", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		d.Open("/search?hl=fr&q=" + url.QueryEscape("vendor:nutanix type:distribution territory:be"))
		d.Is(`document.querySelectorAll("#results > .row").length`, 0)
		d.Is(`[...document.querySelectorAll(".empty a")].some(a => /article/.test(a.textContent) && a.search.includes("view=articles"))`, true)
		want := d.Eval(`(() => { const li = [...document.querySelectorAll(".widen li")].find(l => l.textContent.includes("territory:be")); return li.querySelector(".badge").textContent; })()`)
		d.Do(chromedp.Evaluate(`[...document.querySelectorAll(".widen li")].find(l => l.textContent.includes("territory:be")).querySelector("a").click()`, nil))
		d.Wait(`document.querySelector("#results .row")`)
		d.Is(`document.querySelectorAll("#results > .row").length`, want)
		d.Open("/search?hl=fr&q=" + url.QueryEscape("vendor:nutanix territory:be"))
		d.Do(chromedp.Evaluate(`[...document.querySelectorAll(".empty a")].find(a => a.pathname == "/alerts/new").click()`, nil))
		d.Wait(`location.pathname == "/alerts/new" && document.querySelector("#query").value == "vendor:nutanix territory:be"`)
		d.Open("/search?hl=en&q=vendor:nutanx")
		d.Is(`document.querySelector(".hint .fix").textContent`, "vendor:nutanix")
	})

	t.Run("22 the sheet for a French Excel opens as one", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		dir := t.TempDir()
		d.Do(cdpbrowser.SetDownloadBehavior(cdpbrowser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir).WithEventsEnabled(true))
		d.Open("/search?hl=fr&q=" + url.QueryEscape("vendor:nutanix,ovhcloud OR price_kind:product_price"))
		done := make(chan struct{})
		var once sync.Once
		chromedp.ListenTarget(d.Ctx, func(ev any) {
			if e, ok := ev.(*cdpbrowser.EventDownloadProgress); ok && e.State == cdpbrowser.DownloadProgressStateCompleted {
				once.Do(func() { close(done) })
			}
		})
		d.Open("/search?hl=fr&q=vendor:nutanix,ovhcloud")
		d.Do(chromedp.Evaluate(`(() => { const m = [...document.querySelectorAll("details.menu")].pop(); m.open = true; [...m.querySelectorAll("a")].find(a => a.search.includes("dialect=fr")).click(); })()`, nil))
		select {
		case <-done:
		case <-d.Ctx.Done():
			t.Fatal("nothing was downloaded")
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
		if err != nil || len(files) != 1 {
			t.Fatalf("downloaded %v %v", files, err)
		}
		body, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		frenchSheet(t, body, len(w.find(t, "vendor:nutanix,ovhcloud")))
	})

	t.Run("25 many tabs share one stream", func(t *testing.T) {
		var tabs []*browser.Desk
		for i := range 7 {
			var d *browser.Desk
			if i == 0 {
				d = browser.NewDesk(t, b, w.http.URL)
			} else {
				d = browser.Another(t, b, w.http.URL)
			}
			d.Open("/search?q=vendor:kyndryl&hl=en")
			d.Do(page.BringToFront())
			d.Click("#live")
			d.Wait(`document.querySelector("#live").getAttribute("aria-pressed") == "true"`)
			tabs = append(tabs, d)
		}
		tabs[0].Wait(`document.body.dataset.stream == "open"`)
		s := hosting
		s.title, s.day = "Kyndryl in seven tabs", "2026-04-15 09:30"
		s.parties = []schemas.Party{party("kyndryl", "Kyndryl", "partner"), party("x-seven", "Seven Tabs", "partner")}
		deal := dealOf(s)
		w.announce("new", deal)
		streams := 0
		for _, d := range tabs {
			d.Wait(`document.getElementById("` + deal.ID + `")`)
			if d.Eval(`document.body.dataset.stream || ""`) == "open" {
				streams++
			}
		}
		// A browser opens six connections to a host at most: seven streams would starve.
		if streams != 1 {
			t.Errorf("%d tabs hold a stream, want one for all", streams)
		}
	})

	t.Run("23 hostile text runs nothing", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.http.URL)
		for i, p := range poisons {
			if i%2 == 0 {
				d.Open("/search?q=" + url.QueryEscape(p.text))
			} else {
				d.Open("/vendors?name=" + url.QueryEscape(p.text))
			}
			d.Is(`document.querySelectorAll("main").length`, 1)
		}
		d.Open("/search?q=vendor:ovhcloud") // its title is hostile
		d.Is(`document.querySelectorAll("#results script, #results img").length`, 0)
	})
}

// cutDrawings lists what stands beyond the edge of its drawing, or is cut by what the
// drawing stands in without a way to scroll there.
const cutDrawings = `[...document.querySelectorAll("svg.chart")].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  const out = [...svg.querySelectorAll("text, rect, circle, path")].filter(e => {
    if (e.closest("defs")) return false;
    const r = e.getBoundingClientRect();
    return r.width > 0 && (r.right > box.right + 1.5 || r.left < box.left - 1.5 || r.bottom > box.bottom + 1.5) && !e.classList.contains("hit");
  }).map(e => e.outerHTML.slice(0, 120));
  const scroll = svg.closest(".scroll");
  const room = scroll || svg.parentElement;
  if (!scroll && box.right > room.getBoundingClientRect().right + 1.5) out.push(svg.getAttribute("class") + " is wider than its place");
  return out;
}).slice(0, 4).join("\n")`

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

// find counts what a query finds among the deals.
func (w *world) find(t *testing.T, q string) []schemas.Deal {
	t.Helper()
	var got dealList
	w.ok(&got, "/api/v1/deals", "q", q, "limit", "200")
	return got.Data
}

// replay tells a rule of the events that the world has seen, and gives the pages of the
// deals that it would send, a message each.
func (w *world) replay(t *testing.T, r schemas.Rule) map[string]int {
	t.Helper()
	b := bustest.Open(t)
	rules, err := b.KV(t.Context(), schemas.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	box, err := b.KV(t.Context(), schemas.BucketDeliveries)
	if err != nil {
		t.Fatal(err)
	}
	client := alert.NewClient(guard.Policy{})
	defer client.Close()
	clock := now.AddDate(0, 0, -90) // the rule is there before the window begins
	n, err := alert.New(t.Context(), nilLogger(), alert.Options{Rules: rules, Deliveries: box, Analyze: index.Analyze, Client: client, Key: []byte("0123456789abcdef"),
		Now: func() time.Time { return clock }, Parse: serve.NewParser(w.cat, func() time.Time { return clock })})
	if err != nil {
		t.Fatal(err)
	}
	r.To = []schemas.Destination{{Webhook: &schemas.WebhookTo{URL: "https://hooks.example.com/x"}}}
	r.Fill()
	made, _, err := n.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	deals := slices.Clone(w.deals)
	slices.SortStableFunc(deals, func(a, b schemas.DealEvent) int { return a.Deal.Seen.Compare(b.Deal.Seen) })
	seq := 0
	for _, e := range deals {
		if e.Deal.Seen.Before(clock) && e.Deal.Seen.Before(now.AddDate(0, 0, -90)) {
			continue
		}
		// One event for each state that the deal went through, as the pipeline tells them.
		for i, h := range e.Deal.History {
			d := e.Deal
			d.Status, d.Updated, d.History, d.Rev = h.Status, h.At, e.Deal.History[:i+1], i+1
			kind, from := "new", ""
			if i > 0 {
				kind, from = "status", e.Deal.History[i-1].Status
			}
			if h.At.Before(now.AddDate(0, 0, -90)) {
				continue
			}
			clock = h.At.Add(10 * time.Minute)
			seq++
			ev, err := schemas.NewEvent(schemas.TypeDeal, fmt.Sprint("replay-", seq), schemas.DealSubject(kind, d), clock, schemas.DealEvent{Kind: kind, From: from, Deal: d})
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Take(t.Context(), []schemas.Event{ev}); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows, _, err := n.Deliveries(t.Context(), made.Slug, "", 200)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, row := range rows {
		if row.State == schemas.DeliveryPending || row.State == schemas.DeliverySent {
			out["/deals/"+row.Deal]++
		}
	}
	return out
}

// frenchSheet reads a sheet as a French spreadsheet does: in UTF-8 for its mark, cells
// parted by semicolons, a comma in numbers, dates as they are written there.
func frenchSheet(t *testing.T, body []byte, rows int) {
	t.Helper()
	text, ok := strings.CutPrefix(string(body), "\ufeff")
	if !ok || !utf8.ValidString(text) {
		t.Fatalf("not UTF-8 with its mark: %.40q", body)
	}
	var table [][]string
	var rec []string
	var cell strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '"' && i+1 < len(text) && text[i+1] == '"':
			cell.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ';':
			rec = append(rec, cell.String())
			cell.Reset()
		case !quoted && c == '\n':
			table = append(table, append(rec, strings.TrimSuffix(cell.String(), "\r")))
			rec = nil
			cell.Reset()
		default:
			cell.WriteByte(c)
		}
	}
	if len(table) != rows+1 || quoted || cell.Len() > 0 || rec != nil {
		t.Fatalf("%d lines, want %d", len(table), rows+1)
	}
	kind := func(s string) string {
		if regexp.MustCompile(`^-?\d+(,\d+)?$`).MatchString(s) {
			return "number"
		}
		for _, form := range []string{"02/01/2006", "02/01/2006 15:04", "02/01/2006 15:04:05", "2006-01-02", "2006-01-02 15:04:05"} {
			if _, err := time.Parse(form, s); err == nil {
				return "date"
			}
		}
		if s == "" {
			return ""
		}
		return "text"
	}
	kinds := map[string]map[string]bool{}
	for _, line := range table[1:] {
		if len(line) != len(table[0]) {
			t.Errorf("%d cells under %d heads: %q", len(line), len(table[0]), line)
			continue
		}
		for i, cell := range line {
			head := table[0][i]
			if kinds[head] == nil {
				kinds[head] = map[string]bool{}
			}
			if k := kind(cell); k != "" {
				kinds[head][k] = true
			}
		}
	}
	all := strings.Join(slices.Concat(table...), "\n")
	if !strings.Contains(all, "serait en discussion") && !strings.Contains(all, "dix-huit mois") && !strings.Contains(all, "États-Unis") {
		t.Errorf("the French sentence is gone: %s", all)
	}
	for head, want := range map[string]string{"id": "text", "type": "text", "status": "text", "first": "date", "updated": "date", "outlets": "number", "confidence": "number"} {
		got := kinds[head]
		if got == nil {
			t.Errorf("there is no column %q among %q", head, table[0])
		} else if len(got) != 1 || !got[want] {
			t.Errorf("column %s holds %v, want %s", head, got, want)
		}
	}
	if strings.Contains(all, "Ã") || strings.Contains(all, "�") {
		t.Error("accents are broken")
	}
}
