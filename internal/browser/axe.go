package browser

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeCheck runs axe-core on the page by the tags of WCAG 2.2 at level AA, and gives
// what it found wrong.
const axeCheck = `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}).then(r => ({
  passed: r.passes.length,
  faults: r.violations.map(v => v.id + " (" + v.impact + "): " + v.help + "\n" + v.nodes.slice(0, 4).map(n => "      " + n.html.slice(0, 160) + " " + (n.any[0] ? n.any[0].message.slice(0, 160) : "")).join("\n")),
}))`

// Axe checks the page of a tab with axe-core, whose text is script. passed counts the
// rules that held.
func Axe(ctx context.Context, script string) (passed int, faults []string, err error) {
	var got struct {
		Passed int
		Faults []string
	}
	err = chromedp.Run(ctx, chromedp.Evaluate(script+"\n;true", nil), chromedp.Evaluate(axeCheck, &got, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return got.Passed, got.Faults, err
}

// AxeScript is the text of axe-core where npm has put it, in the nearest node_modules
// of this folder or one above; "" when it is not there.
func AxeScript() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		body, missing := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
		if missing == nil {
			return string(body), nil
		}
		if !errors.Is(missing, fs.ErrNotExist) {
			return "", missing
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", nil
		}
		dir = up
	}
	return "", err
}
