package query

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEdits(t *testing.T) {
	for _, test := range []struct {
		in   string
		edit func(Query) Query
		want string
	}{
		{``, func(q Query) Query { return q.Toggle("type", "reseller") }, `type:reseller`},
		{`type:distribution a`, func(q Query) Query { return q.Toggle("type", "reseller") }, `type:distribution,reseller a`},
		{`type:distribution,reseller a`, func(q Query) Query { return q.Toggle("type", "distribution") }, `type:reseller a`},
		{`type:distribution a`, func(q Query) Query { return q.Toggle("type", "distribution") }, `a`},
		{`type:distribution`, func(q Query) Query { return q.Toggle("type", "distribution") }, ``},
		{`a OR b`, func(q Query) Query { return q.Toggle("type", "distribution") }, `(a OR b) type:distribution`},
		{`-type:acquisition`, func(q Query) Query { return q.Toggle("type", "distribution") }, `-type:acquisition type:distribution`},
		{`type:distribution`, func(q Query) Query { return q.ToggleNot("type", "acquisition") }, `type:distribution -type:acquisition`},
		{`a -type:acquisition`, func(q Query) Query { return q.ToggleNot("type", "acquisition") }, `a`},
		{`vendor:dell`, func(q Query) Query { return q.Toggle("vendor", "hp") }, `vendor:dell,=hp`},
		{`vendor:dell type:distribution sort:newest`, func(q Query) Query { return q.Drop("type") }, `vendor:dell sort:newest`},
		{`-type:distribution`, func(q Query) Query { return q.Drop("type") }, `-type:distribution`},
	} {
		q, err := Parse(test.in, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		before := q.String()
		got := test.edit(q)
		if got.String() != test.want || got.Input != test.want {
			t.Errorf("%q becomes %q, want %q", test.in, got, test.want)
		}
		if q.String() != before {
			t.Errorf("%q was changed in place to %q", before, q)
		}
		if again, err := Parse(got.String(), testOptions()); err != nil || again.String() != got.String() {
			t.Errorf("%q does not parse again: %q, %v", got, again, err)
		}
	}
	q, _ := Parse(`vendor:dell,@hyperscalers -type:acquisition lang:fr`, testOptions())
	if got := q.Selected("vendor"); !slices.Equal(got, []string{"dell"}) {
		t.Errorf("selected vendors %v", got)
	}
	if got := q.Excluded("type"); !slices.Equal(got, []string{"acquisition"}) {
		t.Errorf("excluded types %v", got)
	}
	var wider []string
	for _, w := range q.Widen() {
		wider = append(wider, w.String())
	}
	if got, want := strings.Join(wider, " | "), `-type:acquisition lang:fr | vendor:dell,@hyperscalers lang:fr | vendor:dell,@hyperscalers -type:acquisition`; got != want {
		t.Errorf("wider queries\n got %s\nwant %s", got, want)
	}
}

func TestWhy(t *testing.T) {
	q, err := Parse(`(vendor:nutanix OR vendor:dell) distribu* -type:acquisition status:announced,planned`, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	got := Why(q, NewDoc(DealRecord(testDeal, nil), testAnalyze), testAnalyze, testNow)
	if want := []string{"vendor:nutanix", "distribu*", "status:announced,planned"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, m := range Mistakes() {
		_, err := Parse(m.Query, Options{Now: testNow})
		var syn *SyntaxError
		if !errors.As(err, &syn) || syn.Code != m.Code || syn.Pos != m.Pos {
			t.Errorf("Parse(%.60q): %v, want %s at %d", m.Query, err, m.Code, m.Pos)
		}
	}
}

func TestMarkdown(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		doc := Markdown(lang)
		if got, want := strings.Count(doc, "\n"), len(Fields())+2; got != want {
			t.Errorf("%s: %d lines, want %d", lang, got, want)
		}
		for i, line := range strings.Split(strings.TrimSpace(doc), "\n") {
			if strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 4 {
				t.Errorf("%s, line %d has not three cells: %s", lang, i+1, line)
			}
		}
	}
}
