package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"example.org/veille/alert"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// alerts answers for the saved searches: one object that is a search, an alert and
// a feed.
type alerts struct {
	*Server
	notifier *alert.Notifier
}

// alertRoutes puts the routes of rules on the mux, with the checks that every
// request passes. The feeds, /alerts/SLUG.atom, are no pattern of a mux:
// withAlertFeeds stands in front of it.
func (s *Server) alertRoutes(mux *http.ServeMux, n *alert.Notifier) {
	for _, op := range s.alertOperations(n) {
		mux.Handle(op.Method+" "+op.Path, s.serve(op))
	}
}

var (
	ruleReply = reply{Status: http.StatusOK, Type: "application/json", Body: reflect.TypeFor[savedRow](), Doc: "the rule; its secrets are hidden"}
	draftBody = reflect.TypeFor[ruleDraft]()
	paramSlug = param{Name: "slug", In: "path", Doc: "slug of the rule"}
	anyReply  = []reply{{Status: http.StatusOK, Type: "application/json"}}
)

// alertOperations describes the routes of rules.
func (s *Server) alertOperations(n *alert.Notifier) []operation {
	a := alerts{s, n}
	const saved = "/api/v1/saved"
	write := []string{"unauthenticated", "forbidden", "invalid-rule", "unknown-parameter"}
	one := append([]string{"not-found"}, write...)
	return []operation{
		{Method: "GET", Path: saved, ID: "listSaved", Summary: "The saved searches and how they fare", Scope: scopeRead,
			OK: []reply{jsonReply(savedList{})}, Fails: []string{"unknown-parameter"}, Fresh: true, handle: a.list},
		{Method: "POST", Path: saved, ID: "createSaved", Summary: "Save a search; with destinations it is an alert. Idempotency-Key makes a repetition harmless for a day", Scope: scopeAlerts,
			Body: draftBody, OK: []reply{{Status: http.StatusCreated, Type: "application/json", Body: reflect.TypeFor[savedRow](), Doc: "the rule, and once only the secrets that were made for it"}}, Fails: append([]string{"conflict", "idempotency-mismatch", "idempotency-in-progress"}, write...), Fresh: true, handle: a.create},
		{Method: "POST", Path: saved + "/backtest", ID: "backtestDraft", Summary: "What a rule that is not saved yet would have sent", Scope: scopeRead,
			OK: anyReply, Fails: []string{"invalid-rule", "invalid-query", "unknown-parameter"}, Fresh: true, handle: a.backtest},
		{Method: "POST", Path: saved + "/preview", ID: "previewDraft", Summary: "What a rule would send to each of its destinations, about an invented deal", Scope: scopeRead,
			OK: anyReply, Fails: []string{"invalid-rule", "unknown-parameter"}, Fresh: true, handle: a.preview},
		{Method: "GET", Path: saved + "/{slug}", ID: "getSaved", Summary: "One saved search", Scope: scopeRead,
			Params: []param{paramSlug}, OK: []reply{ruleReply}, Fails: []string{"not-found", "unknown-parameter"}, Fresh: true, handle: a.get},
		{Method: "PUT", Path: saved + "/{slug}", ID: "putSaved", Summary: "Change a saved search; If-Match guards against losing what somebody else changed. A hidden secret stays what it was", Scope: scopeAlerts,
			Params: []param{paramSlug}, Body: draftBody, OK: []reply{ruleReply}, Fails: append([]string{"precondition-failed"}, one...), Fresh: true, handle: a.put},
		{Method: "DELETE", Path: saved + "/{slug}", ID: "deleteSaved", Summary: "Delete a saved search; its log stays", Scope: scopeAlerts,
			Params: []param{paramSlug}, OK: []reply{{Status: http.StatusNoContent}}, Fails: []string{"unauthenticated", "forbidden", "not-found", "precondition-failed", "unknown-parameter"}, Fresh: true, handle: a.delete},
		{Method: "POST", Path: saved + "/{slug}/backtest", ID: "backtestSaved", Summary: "What a rule would have sent, {\"days\": 90}", Scope: scopeRead,
			Params: []param{paramSlug}, OK: anyReply, Fails: []string{"not-found", "invalid-rule", "unknown-parameter"}, Fresh: true, handle: a.backtest},
		{Method: "POST", Path: saved + "/{slug}/test", ID: "testSaved", Summary: "Send a message about an invented deal now, {\"channel\": id of a destination}", Scope: scopeAlerts,
			Params: []param{paramSlug}, OK: anyReply, Fails: one, Fresh: true, handle: a.test},
		{Method: "POST", Path: saved + "/{slug}/mute", ID: "muteSaved", Summary: "Keep quiet: {\"until\": time}, {\"deal\": id}, {\"vendor\": id}; with \"undo\": true, no longer", Scope: scopeAlerts,
			Params: []param{paramSlug}, OK: []reply{ruleReply}, Fails: one, Fresh: true, handle: a.mute},
		{Method: "GET", Path: saved + "/{slug}/deliveries", ID: "listDeliveries", Summary: "What was sent, folded, muted or failed, newest first", Scope: scopeRead,
			Params: []param{paramSlug, {Name: "limit", Doc: "rows of a page", Min: 1, Max: 200, Default: "50"}, paramCursor}, OK: anyReply, Fails: []string{"not-found", "invalid-cursor", "invalid-parameter", "unknown-parameter"}, Fresh: true, handle: a.deliveries},
		{Method: "POST", Path: saved + "/{slug}/deliveries/{n}/redeliver", ID: "redeliver", Summary: "Send an entry of the log again, under the same id", Scope: scopeAlerts,
			Params: []param{paramSlug, {Name: "n", In: "path", Doc: "id of the delivery"}}, OK: anyReply, Fails: append([]string{"idempotency-in-progress"}, one...), Fresh: true, handle: a.redeliver},
		{Method: "POST", Path: saved + "/{slug}/replay", ID: "replaySaved", Summary: "Send a destination again all it was told since a moment: {\"channel\": id, \"since\": time}", Scope: scopeAlerts,
			Params: []param{paramSlug}, OK: anyReply, Fails: one, Fresh: true, handle: a.replay},
		// Whoever holds the link may use it: its signature is the authority. GET only
		// shows, since mail scanners follow links; POST is also RFC 8058's one click.
		{Method: "GET", Path: alert.LinkPath + "{token}", ID: "showLink", Summary: "What a signed link of a message would do", Scope: scopeNone, AnyParams: true,
			Params: []param{{Name: "token", In: "path", Doc: "as it stands in the message"}}, OK: []reply{{Status: http.StatusOK, Type: "text/html"}}, Fails: []string{"not-found"}, Fresh: true, handle: a.showLink},
		{Method: "POST", Path: alert.LinkPath + "{token}", ID: "doLink", Summary: "Do what a signed link says: mute, unsubscribe, make it a daily digest", Scope: scopeNone, AnyParams: true,
			Params: []param{{Name: "token", In: "path", Doc: "as it stands in the message"}}, OK: []reply{{Status: http.StatusOK, Type: "text/html"}}, Fails: []string{"not-found"}, Fresh: true, handle: a.doLink},
	}
}

// atomOf finds the slug in /alerts/SLUG.atom. The mux has no pattern for it: the
// page of a rule asks.
func atomOf(path string) (slug string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/alerts/")
	if !ok {
		return "", false
	}
	slug, ok = strings.CutSuffix(rest, ".atom")
	return slug, ok && !strings.Contains(slug, "/")
}

// withAlertFeeds answers /alerts/SLUG.atom in front of next.
func (s *Server) withAlertFeeds(n *alert.Notifier, next http.Handler) http.Handler {
	a := alerts{s, n}
	feed := s.serve(operation{ID: "feedSaved", Scope: scopeFeed, Params: []param{{Name: "token"}}, Fresh: true, handle: a.feed})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slug, ok := atomOf(r.URL.Path); ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			r.SetPathValue("slug", slug)
			feed.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answer turns what went wrong with a rule into a problem.
func (a alerts) answer(w http.ResponseWriter, r *http.Request, err error) {
	var bad schemas.RuleError
	var p *Problem
	switch {
	case errors.As(err, &bad):
		p = fail("invalid-rule", "Voir errors.", "See errors.")
		for _, f := range bad {
			detail := f.EN
			if lang(r) == "fr" {
				detail = f.FR
			}
			p.Errors = append(p.Errors, ProblemError{Code: "invalid-rule", Parameter: f.Field, Detail: detail, Suggestion: filled(f.Fix)})
		}
	case errors.Is(err, alert.ErrNoRule):
		p = fail("not-found", "Aucune recherche enregistrée ne porte ce nom.", "No saved search has that name.")
	case errors.Is(err, alert.ErrNoDelivery):
		p = fail("not-found", "Le journal n’a pas cette entrée, ou sa destination n’est plus.", "The log has no such entry, or its destination is gone.")
	case errors.Is(err, alert.ErrExists):
		p = fail("conflict", "Une recherche enregistrée porte déjà ce nom.", "A saved search of that name exists.")
	case errors.Is(err, alert.ErrChanged):
		p = fail("precondition-failed", "Quelqu’un l’a modifiée entre-temps ; relisez-la.", "Somebody changed it meanwhile; read it again.")
	case errors.Is(err, alert.ErrOtherBody):
		p = fail("idempotency-mismatch", "Cette clé a servi pour un autre corps.", "That key was used with another body.")
	case errors.Is(err, alert.ErrInProgress):
		p = fail("idempotency-in-progress", "Attendez la première.", "Wait for the first.")
	case errors.Is(err, alert.ErrLink):
		p = fail("not-found", "Ce lien n’est pas d’ici, ou sa règle n’est plus.", "That link was not made here, or its rule is gone.")
	default:
		a.problem(w, r, err)
		return
	}
	a.problem(w, r, p)
}

const maxRuleBody = 128 << 10

func (a alerts) body(r *http.Request) ([]byte, error) {
	if mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Header.Get("Content-Type") != "" && (err != nil || mt != "application/json") {
		return nil, fail("invalid-rule", "Le corps doit être du JSON (Content-Type: application/json).", "The body must be JSON (Content-Type: application/json).")
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxRuleBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if len(b) > maxRuleBody {
		return nil, fail("invalid-rule", "Le corps dépasse 128 Kio.", "The body is over 128 KiB.")
	}
	return b, nil
}

// options reads a small JSON object; an empty body is an empty one.
func (a alerts) options(r *http.Request, into any) error {
	b, err := a.body(r)
	if err != nil || len(strings.TrimSpace(string(b))) == 0 {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil || !errors.Is(errorOf(dec), io.EOF) {
		return fail("invalid-rule", "Le corps n’a pas la forme attendue ; voir /openapi.json.", "The body does not have the form expected; see /openapi.json.")
	}
	return nil
}

// ruleDraft is a rule as it is sent in.
type ruleDraft schemas.Rule

// savedList is all rules.
type savedList struct {
	Data    []savedRow `json:"data"`
	Page    pageInfo   `json:"page"`
	Trouble string     `json:"trouble,omitempty" jsonschema:"why nothing is sent at present"`
}

// savedRow is a rule as the API shows it.
type savedRow struct {
	alert.State
	Counts map[string]int `json:"deliveries"` // by state
	Feed   string         `json:"feed"`
	// Secrets of webhooks that were just made, by destination. They are shown once.
	Secrets map[string]string `json:"secrets,omitempty"`
}

func (a alerts) show(r *http.Request, st alert.State) savedRow {
	st.Rule = a.shown(r, st.Rule)
	if lang(r) == "fr" {
		st.Fault = st.Faute
	}
	return savedRow{State: st, Counts: a.notifier.Count(st.Rule.Slug), Feed: "/alerts/" + st.Rule.Slug + ".atom"}
}

// shown hides the mailboxes from whoever may only read.
func (a alerts) shown(r *http.Request, rule schemas.Rule) schemas.Rule {
	if a.trusted(r) {
		return rule
	}
	rule = rule.Clone()
	for _, d := range rule.To {
		if d.Email != nil {
			d.Email.To = hideMailbox(d.Email.To)
		}
	}
	rule.Owner = hideMailbox(rule.Owner)
	return rule
}

func hideMailbox(s string) string {
	name, host, ok := strings.Cut(s, "@")
	if !ok || name == "" {
		return s
	}
	return string([]rune(name)[:1]) + "…@" + host
}

func (a alerts) list(w http.ResponseWriter, r *http.Request) {
	out := savedList{Data: []savedRow{}}
	for _, st := range a.notifier.Rules() {
		out.Data = append(out.Data, a.show(r, st))
	}
	out.Page = pageInfo{Limit: len(out.Data), Total: len(out.Data)}
	fr, en := a.notifier.Trouble()
	if lang(r) == "fr" {
		en = fr
	}
	out.Trouble = en
	a.json(w, http.StatusOK, out)
}

func (a alerts) get(w http.ResponseWriter, r *http.Request) {
	st, err := a.notifier.Rule(r.PathValue("slug"))
	if err != nil {
		a.answer(w, r, err)
		return
	}
	w.Header().Set("ETag", `"`+st.Tag+`"`)
	if match := r.Header.Get("If-None-Match"); match != "" && tagIn(match, st.Tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	a.json(w, http.StatusOK, a.show(r, st))
}

func tagIn(header, tag string) bool {
	for _, t := range strings.Split(header, ",") {
		if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == "*" || t == `"`+tag+`"` {
			return true
		}
	}
	return false
}

// ifMatch reads the tag that a change is conditional on, "" for any.
func (a alerts) ifMatch(r *http.Request) (string, error) {
	h := strings.TrimSpace(r.Header.Get("If-Match"))
	if h == "" || h == "*" {
		return "", nil
	}
	tag, ok := strings.CutPrefix(h, `"`)
	tag, ok2 := strings.CutSuffix(tag, `"`)
	if !ok || !ok2 || tag == "" || strings.ContainsAny(tag, `",`) {
		return "", alert.ErrChanged // weak tags and lists never match here
	}
	return tag, nil
}

func (a alerts) create(w http.ResponseWriter, r *http.Request) {
	body, err := a.body(r)
	var rule schemas.Rule
	if err == nil {
		rule, err = schemas.DecodeRule(body)
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	asked := rule.Clone()
	key := r.Header.Get("Idempotency-Key")
	if len(key) > 255 {
		a.answer(w, r, fail("invalid-rule", "Idempotency-Key dépasse 255 octets.", "Idempotency-Key is over 255 bytes."))
		return
	}
	rule, tag, err := a.notifier.CreateOnce(r.Context(), key, body, rule)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	st, err := a.notifier.Rule(rule.Slug)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	row := a.show(r, st)
	for i, d := range rule.To {
		if d.Webhook != nil && i < len(asked.To) && asked.To[i].Webhook != nil && asked.To[i].Webhook.Secret == "" {
			if row.Secrets == nil {
				row.Secrets = map[string]string{}
			}
			row.Secrets[d.ID] = d.Webhook.Secret.Reveal()
		}
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	w.Header().Set("Location", "/api/v1/saved/"+rule.Slug)
	a.json(w, http.StatusCreated, row)
}

func (a alerts) put(w http.ResponseWriter, r *http.Request) {
	slug := r.PathValue("slug")
	body, err := a.body(r)
	var rule schemas.Rule
	if err == nil {
		rule, err = schemas.DecodeRule(body)
	}
	var tag string
	if err == nil {
		tag, err = a.ifMatch(r)
	}
	if err == nil {
		_, tag, err = a.notifier.Edit(r.Context(), slug, tag, func(old *schemas.Rule) error {
			*old = rule.Clone()
			return nil
		})
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	st, err := a.notifier.Rule(slug)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	a.json(w, http.StatusOK, a.show(r, st))
}

func (a alerts) delete(w http.ResponseWriter, r *http.Request) {
	tag, err := a.ifMatch(r)
	if err == nil {
		err = a.notifier.Delete(r.Context(), r.PathValue("slug"), tag)
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// rule is the one of the path, or the one of the body while it is not saved.
func (a alerts) rule(slug string, draft json.RawMessage) (schemas.Rule, error) {
	if slug != "" {
		st, err := a.notifier.Rule(slug)
		return st.Rule, err
	}
	rule, err := schemas.DecodeRule(draft)
	if err == nil && rule.Name == "" { // it need not have one yet
		rule.Name, rule.Slug = "draft", "draft"
	}
	return rule, err
}

// backtestMost is how many deals a backtest looks at.
const backtestMost = 2000

func (a alerts) backtest(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Days int             `json:"days"`
		Rule json.RawMessage `json:"rule"`
	}{Days: 90}
	err := a.options(r, &in)
	if err == nil && (in.Days < 1 || in.Days > 365) {
		err = fail("invalid-rule", "days : de 1 à 365.", "days: from 1 to 365.")
	}
	var rule schemas.Rule
	if err == nil {
		rule, err = a.rule(r.PathValue("slug"), in.Rule)
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	q, err := a.parse(rule.Query)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	fires, more, err := a.wouldFire(r, rule, q, in.Days)
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.json(w, http.StatusOK, map[string]any{
		"data": fires[:min(len(fires), 500)], "total": len(fires), "per_week": float64(len(fires)) * 7 / float64(in.Days),
		"days": in.Days, "partial": more, "query": a.echo(r, q),
	})
}

// wouldFire tells what a rule would have sent in the last days, and whether there
// were more deals than it looked at.
func (a alerts) wouldFire(r *http.Request, rule schemas.Rule, q query.Query, days int) (fires []alert.Fire, more bool, err error) {
	from := a.opt.Now().AddDate(0, 0, -days)
	// What a deal is now says nothing of what it was when it would have rung: its
	// status is left to the life-line.
	all := q.Drop("status")
	var found []schemas.Deal
	req := index.Request{View: index.Deals, Query: all, Sort: index.Updated, Limit: 200}
	for {
		res, err := a.find(r, req)
		if err != nil {
			return nil, false, err
		}
		found = append(found, res.Deals...)
		if res.Next == "" || len(res.Deals) == 0 || res.Deals[len(res.Deals)-1].Updated.Before(from) {
			break
		}
		if len(found) >= backtestMost {
			more = true
			break
		}
		req.Cursor = res.Next
	}
	fires, err = a.notifier.Backtest(rule, found, from)
	return fires, more, err
}

func (a alerts) preview(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Rule json.RawMessage `json:"rule"`
	}{}
	err := a.options(r, &in)
	var rule schemas.Rule
	if err == nil {
		rule, err = a.rule("", in.Rule)
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	type shown struct {
		Channel string `json:"channel"`
		Media   string `json:"media"`
		Body    string `json:"body"`
		Error   string `json:"error,omitempty"`
	}
	out := []shown{}
	for _, d := range rule.To {
		media, body, err := a.notifier.Preview(rule, d)
		row := shown{Channel: d.ID, Media: media, Body: string(body)}
		if err != nil {
			row.Error = err.Error()
		}
		out = append(out, row)
	}
	a.json(w, http.StatusOK, map[string]any{"data": out})
}

func (a alerts) test(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Channel string `json:"channel"`
	}
	err := a.options(r, &in)
	var d schemas.Delivery
	if err == nil {
		d, err = a.notifier.Test(r.Context(), r.PathValue("slug"), in.Channel)
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.json(w, http.StatusOK, d)
}

func (a alerts) mute(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Until  time.Time `json:"until"`
		Deal   string    `json:"deal"`
		Vendor string    `json:"vendor"`
		Undo   bool      `json:"undo"`
	}
	err := a.options(r, &in)
	if err == nil && in.Until.IsZero() && in.Deal == "" && in.Vendor == "" && !in.Undo {
		err = fail("invalid-rule", "Un de until, deal, vendor est nécessaire.", "One of until, deal, vendor is needed.")
	}
	var tag string
	if err == nil {
		_, tag, err = a.notifier.Edit(r.Context(), r.PathValue("slug"), "", func(rule *schemas.Rule) error {
			set := func(list *[]string, id string) {
				if id == "" {
					return
				}
				*list = slices.DeleteFunc(*list, func(s string) bool { return s == id })
				if !in.Undo {
					*list = append(*list, id)
				}
			}
			set(&rule.Mutes.Deals, in.Deal)
			set(&rule.Mutes.Vendors, in.Vendor)
			switch {
			case in.Undo && in.Deal == "" && in.Vendor == "":
				rule.Mutes.Until = time.Time{}
			case !in.Until.IsZero():
				rule.Mutes.Until = in.Until
			}
			return nil
		})
	}
	var st alert.State
	if err == nil {
		st, err = a.notifier.Rule(r.PathValue("slug"))
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	a.json(w, http.StatusOK, a.show(r, st))
}

func (a alerts) deliveries(w http.ResponseWriter, r *http.Request) {
	limit := number(r.URL.Query(), param{Name: "limit", Default: "50"})
	rows, next, err := a.notifier.Deliveries(r.Context(), r.PathValue("slug"), r.URL.Query().Get("cursor"), limit)
	if errors.Is(err, alert.ErrNoDelivery) {
		err = fail("invalid-cursor", "Reprenez sans curseur.", "Begin again without a cursor.")
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	if !a.trusted(r) {
		for i := range rows {
			rows[i].To = hideMailbox(rows[i].To)
		}
	}
	total := 0
	counts := a.notifier.Count(r.PathValue("slug"))
	for _, n := range counts {
		total += n
	}
	page := pageInfo{Limit: limit, Total: total}
	if next != "" {
		page.Next = &next
		w.Header().Set("Link", "<"+r.URL.Path+"?"+url.Values{"limit": {fmt.Sprint(limit)}, "cursor": {next}}.Encode()+`>; rel="next"`)
	}
	a.json(w, http.StatusOK, map[string]any{"data": rows, "page": page, "counts": counts})
}

func (a alerts) redeliver(w http.ResponseWriter, r *http.Request) {
	d, err := a.notifier.Redeliver(r.Context(), r.PathValue("slug"), r.PathValue("n"))
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.json(w, http.StatusOK, d)
}

func (a alerts) replay(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Channel string    `json:"channel"`
		Since   time.Time `json:"since"`
	}
	err := a.options(r, &in)
	if err == nil && in.Since.IsZero() {
		err = fail("invalid-rule", "since est nécessaire.", "since is needed.")
	}
	n := 0
	if err == nil {
		n, err = a.notifier.Replay(r.Context(), r.PathValue("slug"), in.Channel, in.Since)
	}
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.json(w, http.StatusOK, map[string]int{"messages": n})
}

func (a alerts) feed(w http.ResponseWriter, r *http.Request) {
	body, tag, err := a.notifier.Feed(r.Context(), r.PathValue("slug"))
	if err != nil {
		a.answer(w, r, err)
		return
	}
	w.Header().Set("ETag", `"`+tag+`"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	if match := r.Header.Get("If-None-Match"); match != "" && tagIn(match, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	_, _ = w.Write(body) // the reader is gone: nobody to tell
}

func (a alerts) showLink(w http.ResponseWriter, r *http.Request) {
	act, err := a.notifier.Peek(r.PathValue("token"))
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.linkScreen(w, r, act)
}

func (a alerts) doLink(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	act, err := a.notifier.Do(r.Context(), r.PathValue("token"), r.PostFormValue("undo") == "1")
	if err != nil {
		a.answer(w, r, err)
		return
	}
	a.linkScreen(w, r, act)
}
