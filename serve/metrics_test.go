package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// measured is a world whose figures all have a value.
func measured(t *testing.T) *world {
	return press(t, func(o *serve.Options) {
		alertFigures(t, o)
		o.Lag = func(context.Context) (map[string]uint64, error) {
			return map[string]uint64{"index": 3, "extract": 0}, nil
		}
		o.Dead = func(context.Context) (map[string]int, error) { return map[string]int{"extract": 1}, nil }
		o.IndexBytes = func() (int64, error) { return 12345, nil }
		o.Sources = func(context.Context) ([]serve.SourceStatus, error) {
			return []serve.SourceStatus{{ID: "lemag", State: schemas.SourceUp, LastSuccess: now, Articles: 4}, {ID: "muet", State: schemas.SourceSilent}}, nil
		}
	})
}

func TestMetrics(t *testing.T) {
	w := measured(t)
	w.get("/api/v1/deals", "facets", "type")
	w.get("/api/v1/deals", "q", "vendr:x")
	call(w, "count_deals", map[string]any{"query": ""}, nil)
	body := string(w.ok(nil, "/metrics").body)
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	for _, want := range []string{
		`veille_build_info{version="test"} 1`, `veille_index_documents{kind="article"} 7`, `veille_index_documents{kind="deal"} 4`, `veille_index_bytes 12345`,
		`veille_deals{status="announced"} 2`, `veille_deals{status="denied"} 0`, `veille_deals{status="background"} 1`, `veille_stage_pending{stage="index"} 3`, `veille_quarantine_messages{stage="extract"} 1`,
		`veille_feed_last_success_timestamp_seconds{source="lemag"} 1.7762`, `veille_feeds{state="silent"} 1`, `veille_http_requests_total{code="400",route="listDeals"} 1`,
		`veille_search_duration_seconds_count{faceted="true",view="deals"} 1`, `veille_seen_to_sent_seconds_bucket{channel="email",le="2"} 1`, `veille_deliveries_writable 1`, `veille_sse_clients 0`, `veille_mcp_calls_total{outcome="ok",tool="count_deals"} 1`, "go_goroutines ",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	// The number of series is that of the configuration, not of the data.
	series := func() int {
		n := 0
		for line := range strings.Lines(string(w.ok(nil, "/metrics").body)) {
			if !strings.HasPrefix(line, "#") {
				n++
			}
		}
		return n
	}
	before := series()
	w.put(many(0, 200)) // 200 more parties
	if after := series(); after != before {
		t.Errorf("%d series, before %d", after, before)
	}
}

// dashboards are the boards that are shipped.
func dashboards(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("../contrib/grafana/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("dashboards %v (%v), want two", files, err)
	}
	out := map[string]map[string]any{}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var d map[string]any
		if err := json.Unmarshal(body, &d); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[filepath.Base(f)] = d
	}
	return out
}

// targets calls f for every query of a board.
func targets(d map[string]any, f func(panel string, target map[string]any)) {
	for _, p := range d["panels"].([]any) {
		p := p.(map[string]any)
		list, _ := p["targets"].([]any)
		for _, x := range list {
			f(fmt.Sprint(p["title"]), x.(map[string]any))
		}
	}
}

// Every figure the pipeline's board asks for is there.
func TestPipelineDashboard(t *testing.T) {
	w := measured(t)
	w.get("/api/v1/deals")
	call(w, "count_deals", map[string]any{"query": ""}, nil)
	body := string(w.ok(nil, "/metrics").body)
	n := 0
	targets(dashboards(t)["veille-pipeline.json"], func(panel string, target map[string]any) {
		for _, name := range regexp.MustCompile(`\b(veille|go|process)_[a-z_]+\b`).FindAllString(target["expr"].(string), -1) {
			n++
			if !regexp.MustCompile(`(?m)^` + name + `[ {]`).MatchString(body) {
				t.Errorf("panel %q asks for %s, which /metrics does not have", panel, name)
			}
		}
	})
	if n < 10 {
		t.Errorf("only %d figures are asked for", n)
	}
	rules, err := os.ReadFile("../contrib/grafana/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\bveille_[a-z_]+\b`).FindAllString(string(rules), -1) {
		if !regexp.MustCompile(`(?m)^` + name + `[ {]`).MatchString(body) {
			t.Errorf("an alerting rule asks for %s, which /metrics does not have", name)
		}
	}
}

// Every address the market's board asks for answers with rows of the columns that
// it names, and with something in them.
func TestMarketDashboard(t *testing.T) {
	w := press(t, nil)
	w.described()
	vars := strings.NewReplacer("${__timeFrom}", fmt.Sprint(now.AddDate(0, 0, -90).UnixMilli()), "${__timeTo}", fmt.Sprint(now.UnixMilli()), "${vendor}", "nutanix", "${type:csv}", "distribution,acquisition", "${lang:csv}", "fr,en")
	board := dashboards(t)["veille-market.json"]
	ask := func(what string, target map[string]any) {
		t.Helper()
		if target["parser"] != "backend" || target["source"] != "url" {
			t.Errorf("%s: parser %v, source %v: alerts need the backend parser", what, target["parser"], target["source"])
		}
		path := vars.Replace(target["url"].(string))
		opts, _ := target["url_options"].(map[string]any)
		list, _ := opts["params"].([]any)
		var params []string
		for _, p := range list {
			p := p.(map[string]any)
			params = append(params, p["key"].(string), vars.Replace(p["value"].(string)))
		}
		if strings.Contains(path+strings.Join(params, " "), "$") {
			t.Errorf("%s: an unknown variable in %s %v", what, path, params)
		}
		var got any
		w.ok(&got, path, params...)
		for _, key := range strings.Split(fmt.Sprint(target["root_selector"]), ".") {
			if m, ok := got.(map[string]any); ok && key != "" {
				got = m[key]
			}
		}
		rows, ok := got.([]any)
		if !ok || len(rows) == 0 {
			t.Errorf("%s: %s %v: no rows in %T", what, path, params, got)
			return
		}
		cols, _ := target["columns"].([]any)
		for _, c := range cols {
			at := any(rows[0])
			for _, key := range strings.Split(c.(map[string]any)["selector"].(string), ".") {
				switch x := at.(type) {
				case map[string]any:
					at = x[key]
				case []any:
					if len(x) == 0 {
						at = nil
						continue
					}
					at = x[0]
				}
			}
			if at == nil {
				t.Errorf("%s: %s has no %s", what, path, c.(map[string]any)["selector"])
			}
		}
	}
	n := 0
	targets(board, func(panel string, target map[string]any) { n++; ask(panel, target) })
	for _, a := range board["annotations"].(map[string]any)["list"].([]any) {
		ask("annotations", a.(map[string]any)["target"].(map[string]any))
	}
	if n < 6 {
		t.Errorf("only %d queries", n)
	}
	var names []string
	for _, v := range board["templating"].(map[string]any)["list"].([]any) {
		v := v.(map[string]any)
		names = append(names, v["name"].(string))
		if q, ok := v["query"].(map[string]any); ok {
			ask("variable "+v["name"].(string), q["infinityQuery"].(map[string]any))
		}
	}
	for _, want := range []string{"vendor", "type", "lang"} {
		if !slices.Contains(names, want) {
			t.Errorf("no variable %s", want)
		}
	}
}

// The alerting rules are written as Prometheus reads them: known keys only, durations,
// expressions whose brackets close, and labels in the messages that the figures have.
func TestAlertingRules(t *testing.T) {
	file, err := os.ReadFile("../contrib/grafana/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name     string `yaml:"name"`
			Interval string `yaml:"interval"`
			Rules    []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(file, &rules, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	w := measured(t)
	w.get("/api/v1/deals")
	body := string(w.ok(nil, "/metrics").body)
	seen := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(r.Alert) || seen[r.Alert] {
				t.Errorf("alert %q: no name, or one that is there already", r.Alert)
			}
			seen[r.Alert] = true
			if r.For != "" && !regexp.MustCompile(`^[1-9][0-9]*[smhd]$`).MatchString(r.For) {
				t.Errorf("%s: for %q is no duration", r.Alert, r.For)
			}
			var open []rune
			for _, c := range regexp.MustCompile(`"[^"]*"`).ReplaceAllString(r.Expr, "") {
				switch c {
				case '(', '[', '{':
					open = append(open, map[rune]rune{'(': ')', '[': ']', '{': '}'}[c])
				case ')', ']', '}':
					if len(open) == 0 || open[len(open)-1] != c {
						t.Fatalf("%s: brackets of %q", r.Alert, r.Expr)
					}
					open = open[:len(open)-1]
				}
			}
			names := regexp.MustCompile(`\bveille_[a-z_]+\b`).FindAllString(r.Expr, -1)
			if len(open) > 0 || len(names) == 0 || r.Annotations["summary"] == "" {
				t.Errorf("%s: expression %q, summary %q", r.Alert, r.Expr, r.Annotations["summary"])
			}
			for _, m := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(strings.Join(slices.Collect(maps.Values(r.Annotations)), " "), -1) {
				if !regexp.MustCompile(`(?m)^` + names[0] + `\{[^}]*\b` + m[1] + `="`).MatchString(body) {
					t.Errorf("%s speaks of the label %s, which %s has not", r.Alert, m[1], names[0])
				}
			}
		}
	}
	for _, want := range []string{"SourceSilent", "StageLag", "DeliveriesFailing", "QuarantineGrowing"} {
		if !seen[want] {
			t.Errorf("there is no alert %s", want)
		}
	}
}
