package pubdate

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want, prec string }{
		{"Wed, 12 Nov 2025 10:15:00 +0100", "2025-11-12T09:15:00Z", Second},
		{"Wed, 12 Nov 2025 10:15 GMT", "2025-11-12T10:15:00Z", Minute},
		{"12 Nov 25 10:15:00 EST", "2025-11-12T15:15:00Z", Second},
		{"mar., 12 nov. 2025 10:15:00 +0100", "2025-11-12T09:15:00Z", Second},
		{"Mer, 12 Nov 2025 08:00:00 CET", "2025-11-12T07:00:00Z", Second},
		{"sam. 12 juil. 2025 08:00 CEST", "2025-07-12T06:00:00Z", Minute},
		{"mardi 1er avril 2025", "2025-04-01T00:00:00Z", Day},
		{"Publié le 12 novembre 2025 à 10h15", "2025-11-12T10:15:00Z", Minute},
		{"Le 3 août 2025 à 18 h", "2025-08-03T18:00:00Z", Minute},
		{"12 décembre 2025", "2025-12-12T00:00:00Z", Day},
		{"12/11/2025 10:00", "2025-11-12T10:00:00Z", Minute},
		{"12/11/2025", "2025-11-12T00:00:00Z", Day},
		{"13.11.2025", "2025-11-13T00:00:00Z", Day},
		{"11/13/2025", "2025-11-13T00:00:00Z", Day},
		{"2025-11-12", "2025-11-12T00:00:00Z", Day},
		{"2025-11-12T10:15:30Z", "2025-11-12T10:15:30Z", Second},
		{"2025-11-12T10:15:30.123+01:00", "2025-11-12T09:15:30Z", Second},
		{"2025-11-12 10:15:30 +0100", "2025-11-12T09:15:30Z", Second},
		{"2025-11-12T10:15", "2025-11-12T10:15:00Z", Minute},
		{"2025-11-12T24:00:00Z", "2025-11-13T00:00:00Z", Second},
		{"2025/11/12", "2025-11-12T00:00:00Z", Day},
		{"20251112", "2025-11-12T00:00:00Z", Day},
		{"20251112T101530Z", "2025-11-12T10:15:30Z", Second},
		{"20251112101530", "2025-11-12T10:15:30Z", Second},
		{"2025-316", "2025-11-12T00:00:00Z", Day},
		{"1762942500", "2025-11-12T10:15:00Z", Second},
		{"1762942500000", "2025-11-12T10:15:00Z", Second},
		{"Wed Nov 12 10:15:30 2025", "2025-11-12T10:15:30Z", Second},
		{"Wed Nov 12 10:15:30 CET 2025", "2025-11-12T09:15:30Z", Second},
		{"November 12, 2025", "2025-11-12T00:00:00Z", Day},
		{"Nov. 12th, 2025 at 9:05 p.m. EST", "2025-11-13T02:05:00Z", Minute},
		{"Nov 12, 2025 9:05 AM ET", "2025-11-12T14:05:00Z", Minute},
		{"12 May 2025", "2025-05-12T00:00:00Z", Day},
		{"Mon, May 12, 2025 - 14:30", "2025-05-12T14:30:00Z", Minute},
		{"12. März 2025", "2025-03-12T00:00:00Z", Day},
		{"12 de noviembre de 2025", "2025-11-12T00:00:00Z", Day},
		{"12-Nov-2025", "2025-11-12T00:00:00Z", Day},
		{"10:15 12/11/2025", "2025-11-12T10:15:00Z", Minute},
		{"2025-11", "2025-11-01T00:00:00Z", None},
		{"2025", "2025-01-01T00:00:00Z", None},
		{"Wednesday, 12-Nov-25 10:15:30 GMT", "2025-11-12T10:15:30Z", Second},
		{"2025-11-12T10:15:30 UTC+1", "2025-11-12T09:15:30Z", Second},
		{"12 novembre 2025 à 10h15 heure de Paris", "2025-11-12T09:15:00Z", Minute},
		{"Thu, 12 Nov 2025 25:99:00 GMT", "2025-11-12T00:00:00Z", Day},
		{"发布于 2025年11月12日 10:15", "2025-11-12T10:15:00Z", Minute},
		// refused
		{"31 févr. 2025", "", ""}, {"Mon, 32 Foo", "", ""}, {"", "", ""}, {"hier", "", ""}, {"0000-00-00", "", ""},
		{"292277026596-12-04T15:30:08Z", "", ""}, {"9999-01-01", "", ""}, {"0001-01-01T00:00:00Z", "", ""},
		{"il y a 3 ans", "", ""}, {strings.Repeat("9", 10_000), "", ""}, {"mai 2025", "", ""}, {"2025-13-01", "", ""},
	} {
		got, prec, ok := Parse(c.in, Options{})
		if !ok {
			if c.want != "" {
				t.Errorf("Parse(%q) failed, want %s", c.in, c.want)
			}
			continue
		}
		if g := got.Format(time.RFC3339); g != c.want || prec != c.prec {
			t.Errorf("Parse(%.60q) = %s %s, want %s %s", c.in, g, prec, c.want, c.prec)
		}
	}
	if got, _, _ := Parse("11/12/2025", Options{MonthFirst: true}); got.Month() != time.November {
		t.Errorf("month first: got %s", got)
	}
	if got, _, _ := Parse("2025-02-23T23:18:13-08:00", Options{Stated: true}); got.Format(time.RFC3339) != "2025-02-23T23:18:13-08:00" {
		t.Errorf("in the zone stated: got %s", got)
	}
	paris, _ := time.LoadLocation("Europe/Paris")
	if got, _, _ := Parse("12/07/2025 10:00", Options{Location: paris}); got.Hour() != 8 {
		t.Errorf("a time without zone takes the source's: got %s", got)
	}
}

func TestFind(t *testing.T) {
	text := "Actualités | Par Jeanne Moreau, publié le 12 novembre 2025 à 10h15, mis à jour le 13/11/2025. Prix : 12.50 € en 3.5.1; v2.10.2024x; © 2025. On May 3, 2024 we wrote."
	got := Find(text, Options{}, 10)
	var days []string
	for _, m := range got {
		days = append(days, m.Time.Format(time.DateOnly)+"="+text[m.Start:m.End])
	}
	want := "2025-11-12=12 novembre 2025 à 10h15 2025-11-13=13/11/2025 2024-05-03=May 3, 2024"
	if g := strings.Join(days, " "); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"mar., 12 nov. 2025 10:15:00 +0100", "2025-11-12T10:15:30Z", "Nov 12 10:15:30 CET 2025", "12 é", "1er \u00a0mai 2025", "İ 12 mai 2025"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, _, ok := Parse(s, Options{}); ok && (got.Year() < 1989 || got.Year() > 2101) {
			t.Errorf("Parse(%q) = %s", s, got)
		}
		for _, m := range Find(s, Options{}, 5) {
			if m.Start < 0 || m.End > len(s) || m.Start >= m.End {
				t.Errorf("Find(%q): span %d:%d", s, m.Start, m.End)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Parse("mar., 12 nov. 2025 10:15:00 +0100", Options{})
	}
}
