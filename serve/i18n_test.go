package serve

import (
	"testing"
	"time"
)

func TestTongue(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	fr, en := newTongue("fr", paris), newTongue("en", paris)
	s := func(v string) *string { return &v }
	at := time.Date(2026, 3, 11, 23, 30, 0, 0, time.UTC) // the 12th in Paris
	for _, c := range []struct{ got, want string }{
		{fr.Num(1234567), "1\u202f234\u202f567"}, {en.Num(1234567), "1,234,567"}, {fr.Num(-1200), "−1\u202f200"}, {en.Num(12), "12"},
		{fr.Decimal("9.5"), "9,50"}, {en.Decimal("1234.5"), "1,234.50"}, {en.Decimal("0.004"), "0.004"}, {fr.Decimal("10.00"), "10"},
		{fr.Money(s("9900"), nil, "EUR"), "≥\u00a09\u202f900\u00a0€"}, {en.Money(s("9900"), s("9900"), "EUR"), "€9,900"}, {en.Money(nil, s("3.1"), "USD"), "≤\u00a0$3.10"},
		{fr.Money(s("10"), s("20"), "%"), "10\u00a0–\u00a020\u202f%"}, {en.Money(s("10"), s("20"), "CHF"), "10\u00a0CHF\u00a0–\u00a020\u00a0CHF"}, {fr.Money(nil, nil, "EUR"), ""},
		{fr.Day(at), "12\u00a0mars\u00a02026"}, {en.Day(at), "12\u00a0Mar\u00a02026"}, {fr.Clock(at), "12\u00a0mars\u00a02026 00\u202fh\u202f30"}, {en.Clock(at), "12\u00a0Mar\u00a02026 00:30"},
		{fr.N("n.deals", 0), "0 accord"}, {fr.N("n.deals", 1), "1 accord"}, {fr.N("n.deals", 2), "2 accords"}, {en.N("n.deals", 0), "0 deals"}, {en.N("n.deals", 1), "1 deal"},
		{fr.Ago(at.Add(8*time.Second), at), "il y a 8\u00a0s"}, {en.Ago(at.Add(50*time.Hour), at), "2\u00a0d ago"}, {en.Ago(at, time.Time{}), "never"}, {fr.Ago(at, at.Add(2*time.Hour)), "dans 2\u00a0h"},
		{fr.axis("10k", "EUR"), "10\u00a0k€"}, {en.axis("10k", "EUR"), "€10k"}, {fr.axis("0.1", "USD"), "0,1\u00a0$"}, {en.axis("1M", "CHF"), "1M\u00a0CHF"},
		{fr.T("sort"), "Tri\u202f:"}, {fr.T("alert.exists"), "Une alerte porte déjà ce nom."}, {en.T("no such key"), "⟦no such key⟧"}, {fr.Label("status", "in_effect"), "en vigueur"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
