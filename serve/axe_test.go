package serve_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"example.org/veille/internal/browser"
	"example.org/veille/serve"
	"example.org/veille/serve/accounts"
)

// TestAxe holds every page, in both languages and both colour schemes, states of error
// included, against axe-core (scenario 20). It needs axe-core, which npm brings, and two
// minutes: `make a11y` runs it, otherwise it is skipped.
func TestAxe(t *testing.T) {
	if os.Getenv("VEILLE_A11Y") == "" {
		t.Skip("VEILLE_A11Y is not set: make a11y")
	}
	script, err := browser.AxeScript()
	if err != nil {
		t.Fatal(err)
	}
	if script == "" {
		t.Fatal("axe-core is not there: npm install --no-save axe-core@4")
	}
	b := browser.Test(t)
	people := accounts.Open(filepath.Join(t.TempDir(), "users.json"))
	for name, role := range map[string]string{"rita": accounts.Reader, "anna@example.org": accounts.Analyst} {
		if err := people.Add(name, role, "", now); err != nil {
			t.Fatal(err)
		}
	}
	w := full(t, func(o *serve.Options) {
		o.Accounts = people
		o.Correct, o.Corrections = noCorrections, someCorrections(o)
	})
	link := muteLink(t)
	pages := append(everything(w), "/people", "/problems/invalid-query", link, "/deals/"+w.deals[2].Deal.ID+"?did=apart", "/quarantine?did=retried", "/alerts/nutanix-et-les-grossistes?did=muted")
	least := 1 << 30
	for _, lang := range serve.Languages {
		for _, scheme := range []string{"light", "dark"} {
			// One tab for each, so that none has to live for minutes.
			d := browser.NewDesk(t, b, w.http.URL)
			d.Open("/sign-in?hl=" + lang)
			d.Type("#token", "the-administrators-token\r")
			d.Wait(`document.querySelector('form[action="/sign-out"]')`)
			d.Do(browser.Look(1280, 900, scheme))
			for i, path := range pages {
				sep := "?"
				if strings.Contains(path, "?") {
					sep = "&"
				}
				d.Do(chromedp.Navigate(w.http.URL+path+sep+"hl="+lang), browser.True(`document.readyState == "complete"`))
				passed, faults, err := browser.Axe(d.Ctx, script)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				for _, f := range faults {
					t.Errorf("%s in %s, %s: %s", path, lang, scheme, f)
				}
				if least = min(least, passed); passed <= 20 {
					t.Errorf("%s in %s, %s: only %d rules passed: the check did not look at it", path, lang, scheme, passed)
				}
				if i%12 == 11 { // a fresh guard
					d = browser.Another(t, b, w.http.URL)
					d.Do(browser.Look(1280, 900, scheme))
				}
			}
		}
	}
	t.Logf("%d pages in two languages and two schemes, at least %d rules passed on each", len(pages), least)
}
