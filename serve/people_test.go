package serve_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"example.org/veille/alert"
	"example.org/veille/serve"
	"example.org/veille/serve/accounts"
)

// browserless is a reader with a cookie jar of one and no browser.
type browserless struct {
	w      *world
	cookie string
	from   string // address, as the server sees it; loopback if ""
	header http.Header
}

func (b *browserless) send(method, path string, form url.Values) answer {
	b.w.t.Helper()
	req := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(form.Encode()))
	req.RemoteAddr = "127.0.0.1:1"
	if b.from != "" {
		req.RemoteAddr = b.from + ":1"
	}
	req.Header.Set("Accept", "text/html")
	for k, v := range b.header {
		req.Header[k] = v
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != "" {
		req.Header.Set("Cookie", b.cookie)
	}
	rec := httptest.NewRecorder()
	b.w.srv.Handler().ServeHTTP(rec, req)
	res := rec.Result()
	res.Request = req
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if c.Name == "__Host-veille" {
			b.cookie = c.Name + "=" + c.Value
		}
	}
	return answer{res, body}
}

func (b *browserless) signIn(name, password string) int {
	b.w.t.Helper()
	return b.send(http.MethodPost, "/sign-in", url.Values{"user": {name}, "token": {password}, "next": {"/search"}}).StatusCode
}

// TestRoles: each role does what it may and no more, in a session and over HTTP's own
// dialogue; an account taken away, another password or another role count at once.
func TestRoles(t *testing.T) {
	people := accounts.Open(filepath.Join(t.TempDir(), "users.json"))
	w := full(t, func(o *serve.Options) { o.Accounts = people })
	anyone := &browserless{w: w}
	if a := anyone.send(http.MethodGet, "/search", nil); a.StatusCode != http.StatusOK {
		t.Errorf("without accounts, loopback reads: %d", a.StatusCode)
	}
	passwords := map[string]string{"rita": "a reader's password", "anna": "an analyst's password", "adam": "an admin's password"}
	for name, role := range map[string]string{"rita": accounts.Reader, "anna": accounts.Analyst, "adam": accounts.Admin} {
		if err := people.Add(name, role, passwords[name], now); err != nil {
			t.Fatal(err)
		}
	}
	deal := w.deals[0].Deal.ID
	acts := []struct {
		method, path string
		form         url.Values
		want         map[string]int // by name; "" is nobody
	}{
		{http.MethodGet, "/search", nil, map[string]int{"": 401, "rita": 200, "anna": 200, "adam": 200}},
		{http.MethodGet, "/api/v1/deals", nil, map[string]int{"": 401, "rita": 200, "anna": 200, "adam": 200}},
		{http.MethodGet, "/deals.atom", nil, map[string]int{"": 401, "rita": 200, "anna": 200, "adam": 200}},
		{http.MethodGet, "/help/query", nil, map[string]int{"": 200, "rita": 200, "anna": 200, "adam": 200}},
		{http.MethodPost, "/feedback", url.Values{"deal": {deal}, "wrong": {"type"}}, map[string]int{"": 401, "rita": 403, "anna": 303, "adam": 303}},
		{http.MethodPost, "/alerts/preview", url.Values{"query": {"vendor:dell"}, "filled": {"1"}}, map[string]int{"": 401, "rita": 200, "anna": 200, "adam": 200}},
		{http.MethodPost, "/sources/lemag/fetch", url.Values{}, map[string]int{"": 401, "rita": 403, "anna": 403, "adam": 303}},
		{http.MethodPost, "/quarantine", url.Values{"place": {"7"}, "do": {"retry"}}, map[string]int{"": 401, "rita": 403, "anna": 403, "adam": 303}},
		{http.MethodGet, "/people", nil, map[string]int{"": 401, "rita": 403, "anna": 403, "adam": 200}},
		{http.MethodPost, "/people", url.Values{"name": {"new"}, "role": {"reader"}, "password": {"long enough"}}, map[string]int{"": 401, "rita": 403, "anna": 403, "adam": 303}},
	}
	for name := range map[string]bool{"": true, "rita": true, "anna": true, "adam": true} {
		session := &browserless{w: w}
		if name != "" {
			if code := session.signIn(name, "wrong password"); code != http.StatusUnauthorized || session.cookie != "" {
				t.Errorf("%s with a wrong password: %d", name, code)
			}
			if code := session.signIn(" "+strings.ToUpper(name), passwords[name]); code != http.StatusSeeOther {
				t.Fatalf("%s signs in: %d", name, code)
			}
		}
		for _, act := range acts {
			if a := session.send(act.method, act.path, act.form); a.StatusCode != act.want[name] {
				t.Errorf("%q: %s %s: %d, want %d", name, act.method, act.path, a.StatusCode, act.want[name])
			} else if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
				sound(t, act.path+" for "+name, a)
			}
		}
	}
	basic := &browserless{w: w, header: http.Header{}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth("rita", passwords["rita"])
	basic.header.Set("Authorization", r.Header.Get("Authorization"))
	if a := basic.send(http.MethodGet, "/api/v1/deals", nil); a.StatusCode != http.StatusOK {
		t.Errorf("name and password over HTTP: %d", a.StatusCode)
	}
	if a := basic.send(http.MethodGet, "/people", nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("a reader over HTTP among the people: %d", a.StatusCode)
	}
	// What ends a session.
	for what, change := range map[string]func() error{
		"another password": func() error { return people.Add("anna", accounts.Analyst, "quite another one", now) },
		"taken away":       func() error { return people.Remove("anna") },
	} {
		if err := people.Add("anna", accounts.Analyst, passwords["anna"], now); err != nil {
			t.Fatal(err)
		}
		s := &browserless{w: w}
		if code := s.signIn("anna", passwords["anna"]); code != http.StatusSeeOther {
			t.Fatalf("%s: %d", what, code)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if a := s.send(http.MethodGet, "/search", nil); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the session goes on: %d", what, a.StatusCode)
		}
	}
	s := &browserless{w: w}
	s.signIn("adam", passwords["adam"])
	if err := people.Add("adam", accounts.Reader, "", now); err != nil {
		t.Fatal(err)
	}
	if a := s.send(http.MethodGet, "/people", nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("no longer an admin: %d", a.StatusCode)
	}
	// The token opens all the same.
	s = &browserless{w: w}
	if code := s.signIn("", "the-administrators-token"); code != http.StatusSeeOther {
		t.Fatalf("the token: %d", code)
	}
	for _, c := range []struct {
		form url.Values
		want int
	}{
		{url.Values{"name": {"x y"}, "role": {"reader"}, "password": {"long enough"}}, 422}, {url.Values{"name": {"z"}, "role": {"king"}, "password": {"long enough"}}, 422},
		{url.Values{"name": {"z"}, "role": {"reader"}, "password": {"short"}}, 422}, {url.Values{"name": {"z"}, "role": {"reader"}}, 422}, {url.Values{"name": {"nobody"}, "do": {"remove"}}, 404}, {url.Values{"name": {"rita"}, "do": {"remove"}}, 303},
	} {
		if a := s.send(http.MethodPost, "/people", c.form); a.StatusCode != c.want {
			t.Errorf("%v: %d, want %d", c.form, a.StatusCode, c.want)
		} else if c.want == 422 {
			sound(t, "/people refused", a)
			if bytes.Contains(a.body, []byte("long enough")) {
				t.Error("a password comes back on the page")
			}
		}
	}
}

// Guessing is slowed down: after ten refusals an address waits, also with the right
// password.
func TestGuessing(t *testing.T) {
	people := accounts.Open(filepath.Join(t.TempDir(), "users.json"))
	if err := people.Add("rita", accounts.Reader, "a reader's password", now); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *serve.Options) { o.Accounts = people })
	b := &browserless{w: w}
	for range 10 {
		if code := b.signIn("rita", "guess"); code != http.StatusUnauthorized {
			t.Fatalf("a guess: %d", code)
		}
	}
	if code := b.signIn("rita", "a reader's password"); code != http.StatusTooManyRequests {
		t.Errorf("after ten guesses: %d, want 429", code)
	}
}

// TestProxy: the header of a proxy counts from the proxy alone.
func TestProxy(t *testing.T) {
	people := accounts.Open(filepath.Join(t.TempDir(), "users.json"))
	if err := people.Add("adam", accounts.Admin, "", now); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *serve.Options) {
		o.Accounts = people
		o.Proxy = serve.Proxy{From: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}, Header: "X-Forwarded-User"}
	})
	for _, c := range []struct {
		what, from, path string
		users            []string
		want             int
	}{
		{"a known admin", "10.1.2.3", "/people", []string{"adam"}, 200},
		{"in capitals", "10.1.2.3", "/people", []string{"Adam"}, 200},
		{"over IPv6", "[fd00::1]", "/people", []string{"adam"}, 200},
		{"whoever has no account reads", "10.1.2.3", "/search", []string{"someone@example.org"}, 200},
		{"and no more", "10.1.2.3", "/people", []string{"someone@example.org"}, 403},
		{"from elsewhere the header is ignored", "10.2.0.1", "/search", []string{"adam"}, 401},
		{"from this machine too", "127.0.0.1", "/search", []string{"adam"}, 401},
		{"two of them are none", "10.1.2.3", "/search", []string{"adam", "adam"}, 401},
		{"an empty one is none", "10.1.2.3", "/search", []string{""}, 401},
		{"without the header", "10.1.2.3", "/search", nil, 401},
	} {
		b := &browserless{w: w, from: c.from, header: http.Header{"X-Forwarded-User": c.users}}
		if a := b.send(http.MethodGet, c.path, nil); a.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.what, a.StatusCode, c.want)
		}
	}
}

// TestQuarantinePage: a letter goes back or away, by an admin, with a note.
func TestQuarantinePage(t *testing.T) {
	type note struct {
		place    uint64
		by, note string
	}
	var retried []uint64
	var gone []note
	w := full(t, func(o *serve.Options) {
		o.Retry = func(_ context.Context, place uint64) error {
			if place != 7 {
				return serve.ErrNoLetter
			}
			retried = append(retried, place)
			return nil
		}
		o.Discard = func(_ context.Context, place uint64, by, text string) error {
			gone = append(gone, note{place, by, text})
			return nil
		}
	})
	page := string(w.page("/quarantine", "en").body)
	for _, want := range []string{"panic: index out of range", "Try again", "Discard", "{&#34;id&#34;:&#34;&lt;b&gt;x"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	s := &browserless{w: w}
	if a := s.send(http.MethodPost, "/quarantine", url.Values{"place": {"7"}, "do": {"retry"}}); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a session: %d", a.StatusCode)
	}
	s.signIn("", "the-administrators-token")
	for _, c := range []struct {
		form url.Values
		want int
	}{
		{url.Values{"place": {"7"}, "do": {"retry"}}, 303}, {url.Values{"place": {"8"}, "do": {"retry"}}, 404}, {url.Values{"place": {"x"}, "do": {"retry"}}, 400},
		{url.Values{"place": {"7"}, "do": {"eat"}}, 400}, {url.Values{"place": {"9"}, "do": {"discard"}, "note": {" a feed's mistake "}}, 303},
	} {
		if a := s.send(http.MethodPost, "/quarantine", c.form); a.StatusCode != c.want {
			t.Errorf("%v: %d, want %d", c.form, a.StatusCode, c.want)
		}
	}
	if len(retried) != 1 || len(gone) != 1 || gone[0] != (note{9, "admin", "a feed's mistake"}) {
		t.Errorf("retried %v, discarded %+v", retried, gone)
	}
}

// TestProblemPages: each problem is explained in both languages.
func TestProblemPages(t *testing.T) {
	w := newWorld(t, nil)
	for _, lang := range serve.Languages {
		a := w.page("/problems/invalid-query", lang)
		sound(t, "/problems/invalid-query", a)
		if !bytes.Contains(a.body, []byte(map[string]string{"fr": "La requête ne peut être lue", "en": "The query cannot be read"}[lang])) {
			t.Errorf("in %s: %.300s", lang, a.body)
		}
	}
	if a := w.page("/problems/none", "fr"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a problem that is none: %d", a.StatusCode)
	}
}

func noCorrections(context.Context, serve.Correction) error { return nil }

// someCorrections are of the first deal of the sample.
func someCorrections(o *serve.Options) func() []serve.Correction {
	return func() []serve.Correction {
		d := dealOf(rumour, signed)
		return []serve.Correction{
			{ID: "c_1", Do: serve.CorrectApart, At: now, By: "anna", Deal: d.ID, Article: d.Evidence[0].Article},
			{ID: "c_2", Do: serve.CorrectSame, At: now, By: "anna", Deal: "d_other", Into: d.ID, Line: "Nutanix – Arrow", IntoLine: "Nutanix – Ingram Micro"},
		}
	}
}

// muteLink is a link that mutes the sample's rule, signed as messages sign it, with the
// key of [full].
func muteLink(t *testing.T) string {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte("0123456789abcdef"), nil, "veille links", 32)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"d":"rule","r":"nutanix-et-les-grossistes"}`)
	h := hmac.New(sha256.New, key)
	h.Write(body)
	b64 := base64.RawURLEncoding
	return alert.LinkPath + b64.EncodeToString(body) + "." + b64.EncodeToString(h.Sum(nil)[:16])
}
