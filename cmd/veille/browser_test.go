package main

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/emersion/go-smtp"

	"example.org/veille/internal/browser"
	"example.org/veille/schemas"
)

// postbox is a mail server that keeps what it is sent.
type postbox struct {
	mu      sync.Mutex
	letters []string // decoded texts
	port    int
}

type postSession struct{ box *postbox }

func (postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (postSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (postSession) Reset()                               {}
func (postSession) Logout() error                        { return nil }

func (s postSession) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextRawPart()
	if err != nil {
		return err
	}
	var body io.Reader = part
	if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(part)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.letters = append(s.box.letters, m.Header.Get("Subject")+"\n"+string(text))
	return nil
}

func newPostbox(t *testing.T) *postbox {
	t.Helper()
	box := &postbox{}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return postSession{box}, nil }))
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box.port = l.Addr().(*net.TCPAddr).Port
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return box
}

func (b *postbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.letters...)
}

// TestInBrowser plays the scenarios of the pages that take feeds, mail and all stages;
// the others are in package serve.
func TestInBrowser(t *testing.T) {
	b := browser.Test(t)
	box := newPostbox(t)
	f := &feedServer{guid: "0", title: "Rien de neuf chez les grossistes", text: "Le marché est calme cette semaine, disent les professionnels interrogés, qui attendent la rentrée pour relancer leurs projets et leurs recrutements."}
	srv := httptest.NewServer(f)
	defer srv.Close()
	w := &world{t: t, dir: t.TempDir(), press: srv}
	w.list = []schemas.Source{{ID: "seul", Name: "Seul", Feed: srv.URL + "/feed", Lang: "fr", Country: "FR"}}
	w.openWith(func(c *Config) {
		c.SMTP.Host, c.SMTP.Port, c.SMTP.From, c.SMTP.TLS = "127.0.0.1", box.port, "veille@veille.example", "none"
	})
	t.Cleanup(w.close)
	token, _, err := w.app.data.token()
	if err != nil {
		t.Fatal(err)
	}
	published := 0
	publish := func(title, text string) {
		t.Helper()
		published++
		f.mu.Lock()
		f.guid, f.title, f.text = fmt.Sprint(published), title, text
		f.mu.Unlock()
		if r := w.fetchNow("seul"); r.New != 1 {
			t.Fatalf("poll: %+v", r)
		}
		w.drain()
	}
	w.fetchNow("seul")
	w.drain()

	t.Run("15 one message for a deal, none for what repeats it, one when its status turns", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.base)
		d.Open("/sign-in?hl=fr")
		d.Type("#token", token+kb.Enter)
		d.Wait(`document.querySelector('form[action="/sign-out"]')`)
		d.Open("/alerts/new?query=vendor:nutanix")
		d.Type("#name", "Nutanix en France")
		d.Do(browser.True(`(document.querySelector("select[name=channel]").value = "email") == "email"`))
		d.Type("input[name=address]", "lectrice@example.org")
		d.Click(`input[name=on][value=status]`)
		d.Click(`.stack p > button:not(.quiet)`)
		d.Wait(`location.pathname == "/alerts/nutanix-en-france"`)

		publish("Arrow ECS distribue Nutanix en France", "Arrow ECS a signé avec Nutanix un contrat de distribution pour la France, annonce le grossiste. Les deux sociétés visent les intégrateurs régionaux et les collectivités.")
		within(t, func() bool { return len(box.all()) == 1 })
		if text := box.all()[0]; !strings.Contains(text, "Arrow ECS a signé avec Nutanix") {
			t.Errorf("the message: %s", text)
		}
		for i, text := range []string{
			"Le contrat de distribution signé entre Nutanix et Arrow ECS pour la France est confirmé par le grossiste. Il porte sur toute la gamme, selon deux revendeurs joints par la rédaction.",
			"Nutanix choisit Arrow ECS comme grossiste en France, a annoncé l’éditeur. Ses équipes commerciales du pays l’avaient laissé entendre lors de leur réunion de rentrée à Lyon.",
			"Arrow ECS annonce un accord de distribution avec Nutanix pour la France. Une équipe de six personnes s’en occupera depuis les bureaux de Courbevoie, précise la direction.",
			"Arrow ECS distribue désormais Nutanix en France. Le catalogue en ligne du grossiste présente les offres depuis hier, et les formations des avant-ventes commencent lundi.",
		} {
			publish(fmt.Sprintf("Les grossistes en France, épisode %d", i+2), text)
		}
		if got := box.all(); len(got) != 1 {
			t.Errorf("four more articles of the same deal send %d more messages: %v", len(got)-1, got[1:])
		}
		publish("Arrow ECS et Nutanix se séparent", "Arrow ECS et Nutanix ont mis fin à leur contrat de distribution en France, annoncent les deux sociétés. Les commandes en cours seront livrées jusqu’à la fin du trimestre.")
		within(t, func() bool { return len(box.all()) == 2 })
		// The page accounts for each match: sent, or folded into a deal already told.
		d.Open("/alerts/nutanix-en-france?hl=fr")
		d.Is(`[...document.querySelectorAll("section[aria-labelledby=log-h] tbody tr")].filter(r => r.querySelector(".state").textContent == "envoyé").length`, 2)
	})

	t.Run("16 the mute link of a message works without a session, and can be undone", func(t *testing.T) {
		letters := box.all()
		if len(letters) == 0 {
			t.Skip("the scenario before this one, whose message it reads, did not run or failed")
		}
		links := regexp.MustCompile(regexp.QuoteMeta(w.base)+`/alerts/do/[A-Za-z0-9_.-]+`).FindAllString(letters[0], -1)
		if len(links) == 0 {
			t.Fatalf("the message carries no link: %s", letters[0])
		}
		d := browser.NewDesk(t, b, w.base) // remembers no session
		found := false
		for _, link := range links {
			d.Open(link + "?hl=fr")
			if found = d.Eval(`document.querySelector("main .lead").textContent`) == "Ne plus rien dire de cet accord."; found {
				break
			}
		}
		if !found {
			t.Fatalf("no link mutes the deal: %s", letters[0])
		}
		muted := func() bool {
			st, err := w.app.alerts.Rule("nutanix-en-france")
			if err != nil {
				t.Fatal(err)
			}
			return len(st.Rule.Mutes.Deals) > 0
		}
		if muted() {
			t.Error("looking at the page has muted already")
		}
		d.Is(`document.querySelectorAll("nav.main, .quick").length`, 0)
		d.Click("main form button")
		d.Wait(`document.querySelector("main .ok") && document.querySelector("input[name=undo]")`)
		if !muted() {
			t.Error("confirmed, and nothing is muted")
		}
		d.Click("main form button")
		d.Wait(`!document.querySelector("input[name=undo]")`)
		if muted() {
			t.Error("undone, and still muted")
		}
	})

	t.Run("18 a source that no longer answers says so and why, its accounts balance", func(t *testing.T) {
		d := browser.NewDesk(t, b, w.base)
		d.Open("/sources?hl=en")
		d.Is(`document.querySelector("tbody .state").textContent`, "up")
		srv.Close()
		res, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/api/v1/sources/seul/fetch", nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(res)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		d.Open("/sources?hl=en")
		d.Is(`document.querySelector("tbody .state").textContent != "up"`, true)
		d.Is(`document.querySelector("tbody .state + .soft").textContent.length > 2`, true)
		d.Is(`document.querySelectorAll(".ledger .warn").length`, 0)
		d.Is(`(() => { const [l, r] = document.querySelector(".ledger").textContent.split("="); return parseInt(l) == r.split("+").reduce((a, b) => a + parseInt(b), 0); })()`, true)
		d.Open("/sources/seul?hl=en")
		d.Is(`document.querySelector(".error").textContent.includes("refused")`, true)
		d.Is(`document.querySelectorAll("section[aria-labelledby=polls-h] tbody tr").length > 2 && !!document.querySelector("section[aria-labelledby=polls-h] tbody tr .warn")`, true)
		d.Is(`document.querySelectorAll("section[aria-labelledby=read-h] tbody tr").length > 3`, true)
	})
}

// TestTourInBrowser walks the README's tour on the sample press as somebody does who
// has never seen veille: the first question of an analyst is answered in one step from
// today's page, within a minute, and the second step leads to who says so.
func TestTourInBrowser(t *testing.T) {
	b := browser.Test(t)
	w := newWorld(t, nil)
	w.pass()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "fr"} {
		d := browser.NewDesk(t, b, w.base)
		began := time.Now()
		d.Open("/?hl=" + lang)
		d.Click(".examples a")
		d.Wait(`location.pathname == "/search" && document.querySelector("#results .row")`)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s: the answer took %s", lang, took)
		}
		d.Is(`/nutanix/.test(document.querySelector("#q").value) && /distribution/.test(document.querySelector("#q").value)`, true)
		d.Is(`document.querySelectorAll(".groups li").length > 2`, true)
		d.Is(`[...document.querySelectorAll("#results > .row")].every(r => r.querySelector(".status") && r.querySelector("time") && r.querySelector("blockquote[lang] mark.ev") && r.querySelector("a.src[href*='#:~:text=']"))`, true)
		if heading := strings.ToLower(fmt.Sprint(d.Eval(`document.querySelector("#groups-h").textContent`))); lang == "en" && !strings.Contains(string(readme), "*"+heading+"*") {
			t.Errorf("the README does not speak of %q", heading)
		}
		d.Press("jo")
		d.Wait(`location.pathname.startsWith("/deals/") && document.querySelectorAll(".evidence > li").length > 0 && document.querySelector("svg.lanes")`)
	}
	if !strings.Contains(string(readme), "first example under the box") {
		t.Error("the README's tour begins otherwise")
	}
}
