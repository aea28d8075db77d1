package publisher

import "testing"

func TestOf(t *testing.T) {
	for _, c := range []struct{ address, outlet, source, want string }{
		{"https://www.press.example.co.uk/a", "Press", "press", "example.co.uk"},
		{"https://cloud.presse.fr/a", "Presse, cloud", "presse-cloud", "presse.fr"},
		{"https://PRESSE.fr./b", "Presse, réseaux", "presse-reseaux", "presse.fr"},
		{"https://anna.github.io/a", "Anna", "anna", "anna.github.io"}, // a host of many
		{"http://127.0.0.1:8080/channel-ledger/a", "Channel Ledger", "channel-ledger", "Channel Ledger"},
		{"http://localhost/a", "", "one", "one"},
		{"", "Outlet", "s", "Outlet"},
		{"http://[::1", "Outlet", "s", "Outlet"},
		{"https://co.uk/", "Outlet", "s", "Outlet"},
	} {
		if got := Of(c.address, c.outlet, c.source); got != c.want {
			t.Errorf("Of(%q, %q, %q) = %q, want %q", c.address, c.outlet, c.source, got, c.want)
		}
	}
}
