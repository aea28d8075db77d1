package serve

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/alert"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// backtestDays is how far back a form looks.
const backtestDays = 90

// cadences are those that the form offers; others are kept as they are.
var cadences = []string{"at_once", "grouped 15m", "daily 08:00 Europe/Paris", "weekly monday 08:00 Europe/Paris"}

// channels are the kinds of destination of the form.
var channels = []string{"", "email", "webhook", "slack", "teams", "chat", "nats"}

type alertsData struct {
	Trouble string // why nothing can be sent
	Rows    []alertRow
}

type alertRow struct {
	alert.State
	Words string
	Where []string
}

// trouble says why no alert can be sent, in the language of the page.
func (s *Server) trouble(f *frame) string {
	fr, en := s.opt.Alerts.Trouble()
	if f.lang == "fr" {
		return fr
	}
	return en
}

func (s *Server) alertsPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav, f.Title = "alerts", f.T("nav.alerts")
	d := &alertsData{Trouble: s.trouble(f)}
	a := alerts{s, s.opt.Alerts}
	for _, st := range s.opt.Alerts.Rules() {
		st.Rule = a.shown(r, st.Rule)
		if f.lang == "fr" {
			st.Fault = st.Faute
		}
		row := alertRow{State: st}
		if q, err := s.parse(st.Rule.Query); err == nil {
			row.Words = q.Words(f.lang)
		}
		for _, to := range st.Rule.To {
			row.Where = append(row.Where, to.Kind())
		}
		d.Rows = append(d.Rows, row)
	}
	return showing("alerts", d)
}

// ruleForm is a rule as it is being written.
type ruleForm struct {
	Slug     string // of one that is saved
	Name     string
	Query    string
	On       []string
	Sources  int
	Cadence  string
	Channel  string
	Address  string
	Keep     []schemas.Destination
	Rates    []string // cadences to choose from
	Kinds    []string
	Events   []string
	Words    string
	Error    *query.SyntaxError
	Caret    string
	Fixes    []string
	Faults   []string
	Tested   bool
	Fires    []alert.Fire
	Total    int
	PerWeek  string
	Partial  bool
	Days     int
	MoreText string
}

// readForm reads a rule from a form, or from an address that fills one in.
func readForm(v url.Values, f *frame) ruleForm {
	clean := func(name string, most int) string {
		return clip(strings.ToValidUTF8(strings.TrimSpace(v.Get(name)), "\uFFFD"), most)
	}
	d := ruleForm{Name: clean("name", schemas.MaxRuleName), Query: clean("query", query.MaxBytes), Cadence: first(clean("cadence", 60), "at_once"),
		Channel: clean("channel", 20), Address: clean("address", 2000), Rates: cadences, Kinds: channels, Events: schemas.RuleEvents, Days: backtestDays}
	for _, e := range v["on"] {
		if slices.Contains(schemas.RuleEvents, e) && !slices.Contains(d.On, e) {
			d.On = append(d.On, e)
		}
	}
	if d.On == nil && !v.Has("filled") {
		d.On = []string{"new"}
	}
	d.Sources, _ = strconv.Atoi(v.Get("sources_min")) // nothing: the default
	if !slices.Contains(d.Rates, d.Cadence) {
		d.Rates = append(slices.Clone(d.Rates), d.Cadence)
	}
	return d
}

// rule makes a rule of the form. The faults are in the reader's language.
func (d *ruleForm) rule(f *frame, old schemas.Rule, v url.Values) (schemas.Rule, []string) {
	rule := old.Clone()
	rule.Name, rule.Query, rule.On, rule.Sources = d.Name, d.Query, filled(d.On), d.Sources
	if rule.Lang == "" {
		rule.Lang = f.lang
	}
	var faults []string
	c, err := schemas.ParseCadence(d.Cadence)
	if err != nil {
		faults = append(faults, f.T("alert.bad.cadence"))
	}
	rule.Cadence = c
	if v.Has("dests") {
		rule.To = slices.DeleteFunc(rule.To, func(to schemas.Destination) bool { return !slices.Contains(v["keep"], to.ID) })
	}
	var to schemas.Destination
	switch d.Channel {
	case "email":
		to.Email = &schemas.EmailTo{To: d.Address}
	case "webhook":
		to.Webhook = &schemas.WebhookTo{URL: schemas.SecretURL(d.Address)}
	case "slack":
		to.Slack = &schemas.ChatTo{URL: schemas.SecretURL(d.Address)}
	case "teams":
		to.Teams = &schemas.ChatTo{URL: schemas.SecretURL(d.Address)}
	case "chat":
		to.Chat = &schemas.ChatTo{URL: schemas.SecretURL(d.Address)}
	case "nats":
		to.NATS = &schemas.NATSTo{}
	}
	if to.Kind() != "" {
		rule.To = append(rule.To, to)
	}
	rule.Fill()
	return rule, faults
}

// test fills the preview of a form: what the rule would have sent.
func (s *Server) testForm(f *frame, r *http.Request, d *ruleForm, rule schemas.Rule) error {
	q, err := s.parse(d.Query)
	if se := asSyntax(err); se != nil {
		d.Error, d.Caret = se, se.Caret(d.Query)
		for i := range se.Suggestions {
			d.Fixes = append(d.Fixes, se.Fix(d.Query, i))
		}
		return nil
	}
	if err != nil {
		return err
	}
	d.Words = q.Words(f.lang)
	if d.Query == "" {
		return nil
	}
	fires, more, err := alerts{s, s.opt.Alerts}.wouldFire(r, rule, q, backtestDays)
	if err != nil {
		return err
	}
	d.Tested, d.Total, d.Partial = true, len(fires), more
	d.PerWeek = f.Float(float64(len(fires))*7/backtestDays, 1)
	d.Fires = fires[:min(len(fires), 20)]
	return nil
}

func (s *Server) alertNewPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav, f.Title = "alerts", f.T("alert.new")
	d := readForm(r.URL.Query(), f)
	rule, faults := d.rule(f, schemas.Rule{}, r.URL.Query())
	d.Faults = faults
	if err := s.testForm(f, r, &d, rule); err != nil {
		return screen{}, err
	}
	return showing("alert_form", &d)
}

// alertPreview shows the form again with what the rule would have sent. It changes
// nothing, and is a POST because an address of a chat is no part of an address here.
func (s *Server) alertPreview(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	f.Nav, f.Title = "alerts", f.T("alert.new")
	d := readForm(r.PostForm, f)
	rule, faults := d.rule(f, schemas.Rule{}, r.PostForm)
	d.Faults = faults
	if err := s.testForm(f, r, &d, rule); err != nil {
		return screen{}, err
	}
	return showing("alert_form", &d)
}

// alertCreate saves a new rule; what is wrong with it comes back with the form.
func (s *Server) alertCreate(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	d := readForm(r.PostForm, f)
	rule, faults := d.rule(f, schemas.Rule{}, r.PostForm)
	var err error
	if len(faults) == 0 {
		if rule, _, err = s.opt.Alerts.Create(r.Context(), rule); err == nil {
			return screen{to: "/alerts/" + rule.Slug + "?did=saved"}, nil
		}
		if faults = f.faults(err); faults == nil {
			return screen{}, err
		}
	}
	f.Nav, f.Title, d.Faults = "alerts", f.T("alert.new"), faults
	if err := s.testForm(f, r, &d, rule); err != nil {
		return screen{}, err
	}
	return screen{name: "alert_form", status: http.StatusUnprocessableEntity, data: &d}, nil
}

// faults says what is wrong with a rule, nil for an error of another kind.
func (f *frame) faults(err error) []string {
	var bad schemas.RuleError
	switch {
	case errors.As(err, &bad):
		var out []string
		for _, e := range bad {
			out = append(out, f.pick(e.FR, e.EN))
		}
		return out
	case errors.Is(err, alert.ErrExists):
		return []string{f.T("alert.exists")}
	case errors.Is(err, alert.ErrChanged):
		return []string{f.T("alert.changed")}
	}
	return nil
}

type alertData struct {
	Trouble string
	ruleForm
	Form *ruleForm // the same, for the template of the form
	alert.State
	Where    []where
	Log      []logRow
	Counts   []kpi
	Next     string
	Muted    bool
	Feed     string
	Search   string
	MutedFor []string
}

type where struct {
	schemas.Destination
	Shown string
}

func (s *Server) alertPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if did := r.URL.Query().Get("did"); slices.Contains([]string{"saved", "muted", "unmuted", "tested", "redelivered"}, did) {
		f.Notice = f.T("alert.did." + did)
	}
	return s.alertScreen(f, r, r.PathValue("slug"), nil, nil)
}

// alertScreen shows a rule, with the form as it was filled in when something was
// wrong with it.
func (s *Server) alertScreen(f *frame, r *http.Request, slug string, filledIn *ruleForm, faults []string) (screen, error) {
	st, err := s.opt.Alerts.Rule(slug)
	if errors.Is(err, alert.ErrNoRule) {
		return screen{}, fail("not-found", "Aucune recherche enregistrée ne porte ce nom.", "No saved search has that name.")
	}
	if err != nil {
		return screen{}, err
	}
	a := alerts{s, s.opt.Alerts}
	d := &alertData{Trouble: s.trouble(f), State: st, Muted: st.Rule.Mutes.Until.After(f.Now), Feed: "/alerts/" + slug + ".atom", Search: searchPath("", st.Rule.Query)}
	shown := a.shown(r, st.Rule)
	for _, to := range shown.To {
		d.Where = append(d.Where, where{to, to.Show()})
	}
	d.State.Rule = shown
	if f.lang == "fr" {
		d.State.Fault = st.Faute
	}
	if filledIn != nil {
		d.ruleForm = *filledIn
	} else {
		v := url.Values{"name": {st.Rule.Name}, "query": {st.Rule.Query}, "on": st.Rule.On, "cadence": {st.Rule.Cadence.String()}, "sources_min": {strconv.Itoa(st.Rule.Sources)}, "filled": {"1"}}
		d.ruleForm = readForm(v, f)
	}
	d.Slug, d.Faults, d.Form = slug, faults, &d.ruleForm
	if err := s.testForm(f, r, &d.ruleForm, st.Rule); err != nil {
		return screen{}, err
	}
	rows, next, err := s.opt.Alerts.Deliveries(r.Context(), slug, r.URL.Query().Get("cursor"), 30)
	if errors.Is(err, alert.ErrNoDelivery) {
		return screen{}, fail("invalid-cursor", "Reprenez sans curseur.", "Begin again without a cursor.")
	}
	if err != nil {
		return screen{}, err
	}
	if !a.trusted(r) {
		for i := range rows {
			rows[i].To = hideMailbox(rows[i].To)
		}
	}
	d.Log = logRows(rows, f.lang)
	counts := s.opt.Alerts.Count(slug)
	for _, k := range []string{schemas.DeliverySent, schemas.DeliveryPending, schemas.DeliveryFolded, schemas.DeliveryMuted, schemas.DeliverySilent, schemas.DeliveryDead, schemas.DeliveryWithdrawn} {
		if counts[k] > 0 {
			d.Counts = append(d.Counts, kpi{Value: f.Num(counts[k]), Label: f.T("delivery." + k)})
		}
	}
	if next != "" {
		d.Next = "/alerts/" + slug + "?cursor=" + url.QueryEscape(next)
	}
	f.Nav, f.Title = "alerts", st.Rule.Name
	f.Feeds = []feedLink{{st.Rule.Name, d.Feed}}
	status := 0
	if faults != nil {
		status = http.StatusUnprocessableEntity
	}
	return screen{name: "alert", status: status, data: d}, nil
}

// alertDo does what a button of a rule's page says.
func (s *Server) alertDo(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	slug, v := r.PathValue("slug"), r.PostForm
	back := func(did string) screen { return screen{to: "/alerts/" + url.PathEscape(slug) + "?did=" + did} }
	n := s.opt.Alerts
	switch v.Get("do") {
	case "save":
		d := readForm(v, f)
		var faults []string
		_, _, err := n.Edit(r.Context(), slug, v.Get("tag"), func(rule *schemas.Rule) error {
			next, bad := d.rule(f, *rule, v)
			if faults = bad; len(bad) > 0 {
				return schemas.RuleError{{Field: "cadence", FR: bad[0], EN: bad[0]}}
			}
			*rule = next
			return nil
		})
		if err == nil {
			return back("saved"), nil
		}
		if faults = f.faults(err); faults != nil {
			return s.alertScreen(f, r, slug, &d, faults)
		}
		return screen{}, s.alertError(err)
	case "mute", "unmute":
		days, err := strconv.Atoi(v.Get("days"))
		if v.Get("do") == "mute" && (err != nil || days < 1 || days > 365) {
			return screen{}, wrong("days", "De 1 à 365 jours.", "From 1 to 365 days.")
		}
		_, _, err = n.Edit(r.Context(), slug, "", func(rule *schemas.Rule) error {
			rule.Mutes.Until = time.Time{}
			if v.Get("do") == "mute" {
				rule.Mutes.Until = s.opt.Now().AddDate(0, 0, days)
			}
			return nil
		})
		return back(v.Get("do") + "d"), s.alertError(err)
	case "test":
		_, err := n.Test(r.Context(), slug, v.Get("channel"))
		return back("tested"), s.alertError(err)
	case "redeliver":
		_, err := n.Redeliver(r.Context(), slug, v.Get("id"))
		return back("redelivered"), s.alertError(err)
	case "delete":
		return screen{to: "/alerts"}, s.alertError(n.Delete(r.Context(), slug, ""))
	}
	return screen{}, wrong("do", "Ce bouton n’existe pas.", "There is no such button.")
}

// alertError turns what can go wrong with a rule into a problem.
func (s *Server) alertError(err error) error {
	switch {
	case errors.Is(err, alert.ErrNoRule):
		return fail("not-found", "Aucune recherche enregistrée ne porte ce nom.", "No saved search has that name.")
	case errors.Is(err, alert.ErrNoDelivery):
		return fail("not-found", "Le journal n’a pas cette entrée, ou sa destination n’est plus.", "The log has no such entry, or its destination is gone.")
	case errors.Is(err, alert.ErrInProgress):
		return fail("conflict", "Ce message est justement en train de partir.", "That message is being sent right now.")
	}
	return err
}

// cadence says when messages go out, in words where the catalogue has them.
func (l *tongue) cadence(c string) string {
	if _, ok := l.text["cadence."+c]; ok {
		return l.T("cadence." + c)
	}
	return c
}
