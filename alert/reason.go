package alert

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.org/veille/alert/channel"
	"example.org/veille/schemas"
)

// raisons are the reasons of the log in French. A reason is written down once, in
// English; it is said in the reader's language.
var raisons = []struct {
	en *regexp.Regexp
	fr string
}{
	{regexp.MustCompile(`^the rule is muted until (.*)$`), "la règle est en sourdine jusqu’au $1 UTC"},
	{regexp.MustCompile(`^the deal is muted$`), "l’accord est en sourdine"},
	{regexp.MustCompile(`^the vendor (.*) is muted$`), "$1 est en sourdine"},
	{regexp.MustCompile(`^the destination is off: gone$`), "la destination est coupée : elle a répondu 410"},
	{regexp.MustCompile(`^the destination is off: unsubscribed$`), "la destination est coupée : désabonnement"},
	{regexp.MustCompile(`^the destination is off: (.*)$`), "la destination est coupée ($1)"},
	{regexp.MustCompile(`^history is repeated$`), "l’histoire est rejouée"},
	{regexp.MustCompile(`^fetched (.*), a replay$`), "lu le $1 : une reprise"},
	{regexp.MustCompile(`^published (.*), a backfill$`), "paru le $1 : un rattrapage"},
	{regexp.MustCompile(`^the deal was merged before it was sent$`), "l’accord a été fusionné avant l’envoi"},
	{regexp.MustCompile(`^the deal was retracted before it was sent$`), "l’accord a été retiré avant l’envoi"},
	{regexp.MustCompile(`^the rule or its destination is gone$`), "la règle ou sa destination n’existe plus"},
	{regexp.MustCompile(`^too many for one hour$`), "trop de messages en une heure"},
	{regexp.MustCompile(`^was told as (.*)$`), "dit sous le nom $1"},
	{regexp.MustCompile(`^it answered (\d+): redirects are not followed, give the new address$`), "réponse $1 : les redirections ne sont pas suivies, donnez la nouvelle adresse"},
	{regexp.MustCompile(`^it answered (\d+)$`), "réponse $1"},
	{regexp.MustCompile(`^it answered (\d+): (.*)$`), "réponse $1 : $2"},
	{regexp.MustCompile(`^the mail server answered (\d+): (.*)$`), "le serveur de courrier a répondu $1 : $2"},
	{regexp.MustCompile(`^the mail server did not answer in time$`), "le serveur de courrier n’a pas répondu à temps"},
	{regexp.MustCompile(`^the mail server could not be used: (.*)$`), "le serveur de courrier est inutilisable : $1"},
	{regexp.MustCompile(`^gone$`), "elle a répondu 410"},
	{regexp.MustCompile(`^unsubscribed$`), "désabonnement"},
}

// Raison is a reason of the log in French, or as it stands where only a machine
// has a word for it.
func Raison(reason string) string {
	for _, r := range raisons {
		if r.en.MatchString(reason) {
			return r.en.ReplaceAllString(reason, r.fr)
		}
	}
	return strings.TrimSpace(reason)
}

// Say puts an entry of the log into words: what happened, and what came of it
// where there is something to say: why it rang nobody, how long after it was seen
// it was sent, the last attempt that failed and when the next one is due.
func Say(d schemas.Delivery, lang string) (what, note string) {
	pick := func(fr, en string) string {
		if lang == "fr" {
			return fr
		}
		return en
	}
	event, _, _ := strings.Cut(d.Event, "-")
	switch event {
	case "folded":
		what = pick("Repris sans bruit", "Folded in silently")
		if d.Count > 1 {
			what += fmt.Sprintf(" ×%d", d.Count)
		}
	case "digest":
		what = fmt.Sprintf(pick("%d changements groupés", "%d changes in one message"), d.Count)
	default:
		what = channel.Happened(d, lang)
	}
	if note = d.Reason; lang == "fr" {
		note = Raison(d.Reason)
	}
	if d.Notice != "" && note == "" {
		note = d.Notice
	}
	delay := d.Sent.Sub(d.Seen)
	switch tries := len(d.Attempts); {
	case d.State == schemas.DeliveryPending && tries > 0:
		last := d.Attempts[tries-1].Error
		if lang == "fr" {
			last = Raison(last)
		}
		note = fmt.Sprintf(pick("essai %d : %s ; prochain à %s UTC", "attempt %d: %s; next at %s UTC"), tries, last, d.Due.UTC().Format("2006-01-02 15:04:05"))
	case d.State == schemas.DeliveryPending && note == "" && d.Due.After(d.At):
		note = fmt.Sprintf(pick("prévu à %s UTC", "due at %s UTC"), d.Due.UTC().Format("2006-01-02 15:04"))
	case d.State == schemas.DeliverySent && !d.Seen.IsZero() && note == "" && d.Channel != feedChannel:
		note = fmt.Sprintf(pick("%s après lecture", "%s after it was seen"), briefly(delay, lang))
		if tries > 1 {
			note += fmt.Sprintf(pick(", au %dᵉ essai", ", at attempt %d"), tries)
		}
	}
	return what, note
}

// briefly writes a duration as people say it.
func briefly(d time.Duration, lang string) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		s := strconv.FormatFloat(d.Seconds(), 'f', 1, 64)
		if lang == "fr" {
			s = strings.Replace(s, ".", ",", 1)
		}
		return s + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	if lang == "fr" {
		return fmt.Sprintf("%.0f j", d.Hours()/24)
	}
	return fmt.Sprintf("%.0f d", d.Hours()/24)
}
