package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/veille/schemas"
)

// TestAsk puts every question the command line knows to a running veille, and then
// to its data folder: the answers are the same.
func TestAsk(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	t.Setenv("VEILLE_DATA", w.dir)
	t.Setenv("VEILLE_LISTEN", strings.TrimPrefix(w.base, "http://"))

	status, out, errs := run(t.Context(), "search", "vendor:nutanix type:distribution", "--json")
	var found []schemas.Deal
	if err := json.Unmarshal([]byte(out), &found); status != 0 || err != nil || len(found) < 3 {
		t.Fatalf("search: %d, %v, %d deals\n%s", status, err, len(found), errs)
	}
	id := found[0].ID

	status, out, errs = run(t.Context(), "tail", "vendor:nutanix", "--since", "0", "--limit", "3")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 0 || len(lines) != 3 || !strings.Contains(lines[0], "\tdeal.new\t") || !strings.Contains(lines[0], "Nutanix") {
		t.Errorf("tail: %d, %q\n%s", status, out, errs)
	}

	questions := [][]string{
		{"search", "vendor:nutanix type:distribution"},
		{"search", "vendor:nutanix type:distribution", "--group", "distributor"},
		{"search", "vendor:nutanix", "--json=id,status"},
		{"deals", "show", id, "--json=id,parties"},
		{"stats", "type:distribution", "--group", "month", "--from", "2026-01-01", "--to", "2026-09-30", "--json=time,value"},
		{"search", "prix:>100", "--view", "prices"},
		{"search", "nutanix", "--view", "articles", "--json"},
		{"deals", "show", id},
		{"deals", "show", id, "--json"},
		{"prices", "price_kind:product_price"},
		{"stats", "type:distribution", "--group", "month,vendor", "--from", "2026-01-01", "--to", "2026-09-30"},
		{"stats", "--view", "articles", "--group", "month,lang", "--from", "2026-01-01", "--to", "2026-09-30", "--json"},
		{"vendors", "unknown"},
		{"vendors", "unknown", "type:acquisition", "--json"},
		{"export", "vendor:nutanix", "--format", "csv"},
		{"export", "vendor:nutanix", "--format", "ndjson"},
		{"export", "vendor:nutanix", "--format", "md"},
	}
	answers := make([]string, len(questions))
	for i, q := range questions {
		status, out, errs := run(t.Context(), q...)
		if status != 0 || len(out) < 20 {
			t.Errorf("%q: %d, %q\n%s", q, status, out, errs)
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%q colours what is no terminal", q)
		}
		answers[i] = out
	}
	lines = strings.Split(strings.TrimSpace(answers[1]), "\n")
	if !strings.HasPrefix(lines[0], "distributor\t") || len(lines) < 3 || !slices.IsSortedFunc(lines[1:], func(a, b string) int {
		a, _, _ = strings.Cut(a, "\t")
		b, _, _ = strings.Cut(b, "\t")
		return strings.Compare(a, b)
	}) || strings.HasPrefix(lines[len(lines)-1], "\t") {
		t.Errorf("rows by distributor:\n%s", answers[1])
	}
	var kept []map[string]any
	if err := json.Unmarshal([]byte(answers[2]), &kept); err != nil || len(kept) == 0 || len(kept[0]) != 2 || kept[0]["id"] == nil || kept[0]["status"] == nil {
		t.Errorf("--json=id,status: %v\n%s", err, answers[2])
	}
	var one map[string]any
	if err := json.Unmarshal([]byte(answers[3]), &one); err != nil || len(one) != 2 || one["id"] != id {
		t.Errorf("--json=id,parties of a deal: %v\n%s", err, answers[3])
	}
	file := filepath.Join(t.TempDir(), "accords.csv")
	if status, _, errs := run(t.Context(), "export", "vendor:nutanix", "--format", "csv", "--dialect", "fr", "-o", file); status != 0 {
		t.Errorf("export to a file: %d\n%s", status, errs)
	}
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(body), "\uFEFF")))
	r.Comma, r.FieldsPerRecord = ';', -1
	if rows, err := r.ReadAll(); err != nil || len(rows) < 4 || !strings.HasPrefix(string(body), "\uFEFF") {
		t.Errorf("French CSV: %d rows, %v", len(rows), err)
	}
	if _, out, _ := run(t.Context(), "export", "vendor:nutanix", "--format", "atom"); xml.Unmarshal([]byte(out), new(struct{ XMLName xml.Name })) != nil {
		t.Errorf("the feed is no XML: %.200s", out)
	}
	for _, tt := range []struct {
		args   []string
		status int
	}{
		{[]string{"deals", "show", "d_nobody"}, exitFailed},
		{[]string{"search", "vendr:x"}, exitUsage},
		{[]string{"search", "nutanix", "--json=id,colour"}, exitUsage},
		{[]string{"deals", "show", id, "--json=colour"}, exitUsage},
		{[]string{"search", "nutanix", "--group", "colour"}, exitUsage},
		{[]string{"search", "nutanix", "--json=,"}, exitUsage},
		{[]string{"vendors", "list", "--json=colour"}, exitUsage},
		{[]string{"search", "zzzzzz", "--fail-empty"}, exitEmpty},
		{[]string{"export", "--format", "docx"}, exitUsage},
		{[]string{"stats", "--group", "century"}, exitUsage},
		{[]string{"search", "x", "--server", "http://127.0.0.1:1"}, exitUnreachable},
		{[]string{"tail", "--server", "http://127.0.0.1:1"}, exitUnreachable},
	} {
		if status, out, errs := run(t.Context(), tt.args...); status != tt.status || out != "" && tt.status != exitEmpty || !strings.Contains(errs, "veille: error: ") {
			t.Errorf("%q: %d, want %d; %q\n%s", tt.args, status, tt.status, out, errs)
		}
	}

	// The same from the folder, once nobody holds it.
	w.close()
	for i, q := range questions {
		status, out, errs := run(t.Context(), q...)
		if status != 0 || out != answers[i] {
			t.Errorf("%q from the folder: %d, and not what the server said\n%s\nserver: %s\nfolder: %s", q, status, errs, answers[i], out)
		}
	}
}
