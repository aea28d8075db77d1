package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"example.org/veille/alert"
	"example.org/veille/alert/channel"
	"example.org/veille/bus"
	"example.org/veille/index"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// openAlerts opens the rules and the outbox.
func (a *app) openAlerts(ctx context.Context) error {
	rules, err := a.bus.KV(ctx, schemas.BucketRules)
	if err != nil {
		return err
	}
	deliveries, err := a.bus.KV(ctx, schemas.BucketDeliveries)
	if err != nil {
		return err
	}
	nets, err := a.cfg.networks()
	if err != nil {
		return err
	}
	key, err := a.data.key("alert-key")
	if err != nil {
		return err
	}
	mail, err := a.mail()
	if err != nil {
		return err
	}
	base := a.cfg.BaseURL
	if base == "" && a.listener != nil {
		base = "http://" + reachable(a.listener.Addr().String())
	}
	figures := serve.NewAlertMetrics()
	client := alert.NewClient(guard.Policy{Allow: nets, UserAgent: a.cfg.Agent})
	a.defer_(client.Close)
	a.alerts, err = alert.New(ctx, a.lg, alert.Options{
		Rules: rules, Deliveries: deliveries,
		Analyze: index.Analyze, Catalogue: trades(a.cat), Parse: serve.NewParser(a.cat, time.Now),
		Client: client, Mail: mail, BaseURL: base, Key: key,
		Node: a.node, Observe: figures.Observe,
		Publish: func(ctx context.Context, evs ...schemas.Event) error {
			_, err := a.bus.Publish(ctx, evs...)
			return err
		},
	})
	if err != nil {
		return err
	}
	a.figures = figures.Collectors(a.alerts)
	return nil
}

// alerting takes events and sends, in the one process of those on a log that holds
// the lease.
func (a *app) alerting(ctx context.Context, g *errgroup.Group) {
	if !a.cfg.has("alert") {
		return
	}
	read := []bus.Consumer{
		{Stream: schemas.StreamDeals, Durable: schemas.DurableAlert, Type: schemas.TypeDeal, Serial: true},
		{Stream: schemas.StreamPrices, Durable: schemas.DurableAlertPrices, Type: schemas.TypePrice, Serial: true},
	}
	a.durables = append(a.durables, read...)
	g.Go(func() error {
		return quiet(a.alerts.Lead(ctx, func(ctx context.Context) error {
			g, ctx := errgroup.WithContext(ctx)
			for _, c := range read {
				g.Go(func() error { return a.bus.Consume(ctx, c, a.alert) })
			}
			return g.Wait()
		}))
	})
}

// mail is the mail server of the configuration, nil for none.
func (a *app) mail() (*channel.Mail, error) {
	c := a.cfg.SMTP
	if c.Host == "" {
		return nil, nil
	}
	m := &channel.Mail{Host: c.Host, Port: c.Port, User: c.User, From: c.From, TLS: c.TLS}
	if c.PasswordFile != "" {
		b, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return nil, usage(fmt.Errorf("read the mail password: %w", pathless(err, c.PasswordFile)), "name a readable file with smtp.password_file")
		}
		m.Password = schemas.Secret(strings.TrimSpace(string(b)))
	}
	if err := m.Check(); err != nil {
		return nil, usage(err, "see smtp in: veille config show")
	}
	return m, nil
}

// alert: deal and price events → outbox.
func (a *app) alert(ctx context.Context, msgs []bus.Message) error {
	evs := make([]schemas.Event, len(msgs))
	for i, m := range msgs {
		evs[i] = m.Event
	}
	err := a.alerts.Take(ctx, evs)
	if errors.Is(err, alert.ErrEvent) {
		return bus.Poison(err)
	}
	return err
}

// key returns 32 secret bytes kept in a file of the data folder, made when missing.
func (d *dataFolder) key(name string) ([]byte, error) {
	b, err := os.ReadFile(d.path(name))
	if err == nil && len(b) == 32 {
		return b, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	b = make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.path(name), b, 0o600); err != nil {
		return nil, fmt.Errorf("keep %s: %w", name, err)
	}
	return b, nil
}

// feedback keeps what readers say of a deal, a JSON object a line, in the form that
// whoever annotates articles can take it from.
func (a *app) feedback(_ context.Context, f serve.Feedback) error {
	return a.data.appendLine("feedback.jsonl", f)
}

// remote is a running veille that is told to change something.
type remote struct {
	base, token string
}

func (c *command) remote(cmd *cobra.Command, server string) (remote, error) {
	cfg, err := c.load(cmd)
	if err != nil {
		return remote{}, err
	}
	cfg.Data = folderOf(cfg)
	if server == "" {
		server = running(cfg)
	}
	token := os.Getenv("VEILLE_TOKEN")
	if token == "" {
		body, err := os.ReadFile(filepath.Join(cfg.Data, "admin-token"))
		if err != nil {
			return remote{}, fail(exitForbidden, fmt.Errorf("read the admin token: %w", pathless(err, cfg.Data)), "name the data folder of the running veille with --data, or set VEILLE_TOKEN")
		}
		token = strings.TrimSpace(string(body))
	}
	return remote{strings.TrimSuffix(server, "/"), token}, nil
}

// do sends a request and returns the answer's body.
func (r remote) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, in)
	if err != nil {
		return nil, usage(err, "--server takes an address such as http://127.0.0.1:8080")
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept-Language", language())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := (&http.Client{Transport: &http.Transport{Proxy: nil}}).Do(req)
	if err != nil {
		return nil, fail(exitUnreachable, fmt.Errorf("no veille answers at %s", r.base), "start one with: veille run")
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return nil, fail(exitUnreachable, fmt.Errorf("read the answer of %s: %w", r.base, err), "try again")
	}
	if res.StatusCode >= 300 {
		return nil, apiError(res, got, "")
	}
	return got, nil
}

// showRule tells what a rule does; of one just made also the secrets, which are told only then.
func (c *command) showRule(body []byte) error {
	var got struct {
		Rule    schemas.Rule      `json:"rule"`
		Health  string            `json:"health"`
		Secrets map[string]string `json:"secrets"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	r := got.Rule
	rows := [][]string{{"name", r.Name}, {"query", r.Query}, {"on", strings.Join(r.On, ", ")}, {"cadence", r.Cadence.String()}}
	for _, d := range r.To {
		to := strings.TrimSpace(d.Kind() + " " + d.Show())
		if d.Off != "" {
			to += " (nothing is sent there: " + d.Off + ")"
		}
		rows = append(rows, []string{"to", to + ", id " + d.ID})
		if secret := got.Secrets[d.ID]; secret != "" {
			rows = append(rows, []string{"secret", secret + " (told only now: signatures are checked with it)"})
		}
	}
	if len(r.To) == 0 {
		rows = append(rows, []string{"to", "nobody: a saved search and a feed"})
	}
	var quiet []string
	if r.Mutes.Until.After(time.Now()) {
		quiet = append(quiet, "all until "+r.Mutes.Until.Format("2006-01-02 15:04 MST"))
	}
	for _, m := range []struct {
		what string
		ids  []string
	}{{"deal", r.Mutes.Deals}, {"vendor", r.Mutes.Vendors}} {
		for _, id := range m.ids {
			quiet = append(quiet, m.what+" "+id)
		}
	}
	if len(quiet) > 0 {
		rows = append(rows, []string{"muted", strings.Join(quiet, ", ")})
	}
	if got.Health != "" {
		rows = append(rows, []string{"state", got.Health})
	}
	c.rows([]string{"Rule", r.Slug}, rows)
	return nil
}

// showFires lists what a rule would have sent.
func (c *command) showFires(body []byte) error {
	var got struct{ Data []alert.Fire }
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	var rows [][]string
	for _, f := range got.Data {
		rows = append(rows, []string{f.At.Format(time.DateOnly), f.Event, f.Line, f.Deal})
	}
	c.rows([]string{"At", "Event", "Deal", "Id"}, rows)
	c.say("%s would have been sent", count(len(rows), "message"))
	return nil
}

func (c *command) alertsCommand() *cobra.Command {
	var server string
	cmd := &cobra.Command{Use: "alerts", Short: "Saved searches that tell you of new deals", Args: noArgs}
	cmd.PersistentFlags().StringVar(&server, "server", "", "address of the running veille (default: that of --listen)")
	at := func(cmd *cobra.Command, method, path string, body any) ([]byte, error) {
		r, err := c.remote(cmd, server)
		if err != nil {
			return nil, err
		}
		return r.do(cmd.Context(), method, path, body)
	}
	const saved = "/api/v1/saved"
	one := func(slug string) string { return saved + "/" + url.PathEscape(slug) }

	list := &cobra.Command{
		Use: "list", Short: "List the rules and how they fare", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			body, err := at(cmd, http.MethodGet, saved, nil)
			if err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return c.printJSON(body)
			}
			var got struct {
				Data []struct {
					Rule   schemas.Rule `json:"rule"`
					Health string       `json:"health"`
					Last   time.Time    `json:"last"`
				} `json:"data"`
				Trouble string `json:"trouble"`
			}
			if err := json.Unmarshal(body, &got); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			if got.Trouble != "" {
				fmt.Fprintln(c.err, got.Trouble)
			}
			var rows [][]string
			for _, st := range got.Data {
				r := st.Rule
				var to []string
				for _, d := range r.To {
					to = append(to, d.Kind())
				}
				last := ""
				if !st.Last.IsZero() {
					last = st.Last.Format("2006-01-02 15:04")
				}
				rows = append(rows, []string{r.Slug, st.Health, strings.Join(r.On, ","), strings.Join(to, ","), last, r.Query})
			}
			c.rows([]string{"Rule", "State", "On", "To", "Last", "Query"}, rows)
			return nil
		},
	}
	list.Flags().Bool("json", false, "print JSON")

	var rule schemas.Rule
	var to, on []string
	var cadence string
	add := &cobra.Command{
		Use: "add NAME --query QUERY", Short: "Save a search, and tell somebody of what it finds",
		Example: `  veille alerts add hyperscalers-esn --query 'kind:hyperscaler kind:integrator@fr' --to email:me@example.org
  veille alerts add nutanix --query 'vendor:nutanix' --on new,status --to webhook:https://hooks.example.org/veille`,
		Args: someArgs("a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := map[string]any{"name": strings.Join(args, " "), "query": rule.Query, "on": on, "lang": language()}
			if rule.Lang != "" {
				r["lang"] = rule.Lang
			}
			if cadence != "" {
				r["cadence"] = cadence
			}
			dests := []any{}
			for _, t := range to {
				d, err := destination(t)
				if err != nil {
					return err
				}
				dests = append(dests, d)
			}
			r["to"] = dests
			body, err := at(cmd, http.MethodPost, saved, r)
			if err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return c.printJSON(body)
			}
			return c.showRule(body)
		},
	}
	add.Flags().StringVar(&rule.Query, "query", "", "what to look for, as in veille search")
	add.Flags().StringSliceVar(&on, "on", []string{"new"}, "what rings: new, status, value, corroborated, price")
	const rhythm = "at_once (default), 'grouped 15m', 'daily 08:00 Europe/Paris' or 'weekly monday 08:00 Europe/Paris'"
	add.Flags().StringVar(&cadence, "cadence", "", rhythm)
	add.Flags().StringVar(&rule.Lang, "rule-lang", "", "language of the messages: fr or en")
	add.Flags().StringArrayVar(&to, "to", nil, "email:ADDRESS, webhook:URL, slack:URL, teams:URL, chat:URL or nats")

	simple := func(use, short, method, path string, body func(args []string) any) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: someArgs("the slug of a rule"),
			RunE: func(cmd *cobra.Command, args []string) error {
				var in any
				if body != nil {
					in = body(args)
				}
				got, err := at(cmd, method, one(args[0])+path, in)
				if err != nil || len(got) == 0 {
					return err
				}
				if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
					return c.printJSON(got)
				}
				if path == "/backtest" {
					return c.showFires(got)
				}
				return c.showRule(got)
			},
		}
	}
	var days int
	backtest := simple("backtest RULE", "What the rule would have sent", http.MethodPost, "/backtest", func([]string) any { return map[string]int{"days": days} })
	backtest.Flags().IntVar(&days, "days", 90, "how far back")
	var until time.Duration
	var deal, vendor string
	quiet := func(undo bool) func([]string) any {
		return func([]string) any {
			in := map[string]any{"undo": undo}
			if deal != "" {
				in["deal"] = deal
			}
			if vendor != "" {
				in["vendor"] = vendor
			}
			if deal == "" && vendor == "" && !undo {
				in["until"] = time.Now().Add(until).UTC().Format(time.RFC3339)
			}
			return in
		}
	}
	mute := simple("mute RULE", "Keep a rule quiet for a while, or about a deal or a vendor", http.MethodPost, "/mute", quiet(false))
	mute.Flags().DurationVar(&until, "for", 24*time.Hour, "how long, where neither a deal nor a vendor is named")
	unmute := simple("unmute RULE", "Take back what mute did", http.MethodPost, "/mute", quiet(true))
	for _, m := range []*cobra.Command{mute, unmute} {
		m.Flags().StringVar(&deal, "deal", "", "id of a deal")
		m.Flags().StringVar(&vendor, "vendor", "", "id of a vendor")
	}

	// channels lists the destinations of a rule.
	channels := func(cmd *cobra.Command, slug string) ([]string, error) {
		body, err := at(cmd, http.MethodGet, one(slug), nil)
		if err != nil {
			return nil, err
		}
		var got struct{ Rule schemas.Rule }
		if err := json.Unmarshal(body, &got); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		var out []string
		for _, d := range got.Rule.To {
			out = append(out, d.ID)
		}
		if out == nil {
			return nil, usage(fmt.Errorf("%s has no destination", slug), "give it one: veille alerts edit "+slug+" --to KIND:ADDRESS")
		}
		return out, nil
	}
	test := &cobra.Command{
		Use: "test RULE", Short: "Send a message about an invented deal to each destination now", Args: someArgs("the slug of a rule"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := channels(cmd, args[0])
			if err != nil {
				return err
			}
			var rows []schemas.Delivery
			failed := false
			for _, ch := range list {
				body, err := at(cmd, http.MethodPost, one(args[0])+"/test", map[string]string{"channel": ch})
				if err != nil {
					return err
				}
				var d schemas.Delivery
				if err := json.Unmarshal(body, &d); err != nil {
					return fmt.Errorf("read the answer: %w", err)
				}
				failed = failed || d.State != schemas.DeliverySent
				rows = append(rows, d)
			}
			c.deliveries(rows)
			if failed {
				return errPartly
			}
			return nil
		},
	}
	log := &cobra.Command{
		Use: "log RULE", Short: "What was sent, folded, muted or failed, newest first", Args: someArgs("the slug of a rule"),
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, _ := cmd.Flags().GetInt("limit")
			body, err := at(cmd, http.MethodGet, one(args[0])+"/deliveries?limit="+strconv.Itoa(limit), nil)
			if err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return c.printJSON(body)
			}
			var got struct {
				Data []schemas.Delivery
				Page struct{ Total int }
			}
			if err := json.Unmarshal(body, &got); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			c.deliveries(got.Data)
			if len(got.Data) < got.Page.Total {
				c.say("%d of %d; more with --limit", len(got.Data), got.Page.Total)
			}
			return nil
		},
	}
	log.Flags().Bool("json", false, "print JSON")
	log.Flags().Int("limit", 50, "how many entries, at most 200")
	again := &cobra.Command{
		Use: "redeliver RULE ID", Short: "Send an entry of the log again, under the same id", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := at(cmd, http.MethodPost, one(args[0])+"/deliveries/"+url.PathEscape(args[1])+"/redeliver", nil)
			if err != nil {
				return err
			}
			var d schemas.Delivery
			if err := json.Unmarshal(body, &d); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			c.deliveries([]schemas.Delivery{d})
			if d.State != schemas.DeliverySent {
				return errPartly
			}
			return nil
		},
	}
	show := simple("show RULE", "Show a rule", http.MethodGet, "", nil)
	var since, channel string
	replay := &cobra.Command{
		Use: "replay RULE --since TIME", Short: "Send a destination again all it was told since a moment, under the same ids", Args: someArgs("the slug of a rule"),
		Example: "  veille alerts replay nutanix --since 2026-03-01 --channel webhook-qzbzekyh",
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := time.Parse(time.RFC3339, since)
			if err != nil {
				from, err = time.Parse(time.DateOnly, since)
			}
			if err != nil {
				return usage(fmt.Errorf("--since %q is no time", since), "write 2026-03-01 or 2026-03-01T08:00:00Z")
			}
			list := []string{channel}
			if channel == "" {
				if list, err = channels(cmd, args[0]); err != nil {
					return err
				}
			}
			for _, ch := range list {
				body, err := at(cmd, http.MethodPost, one(args[0])+"/replay", map[string]any{"channel": ch, "since": from})
				if err != nil {
					return err
				}
				var got struct{ Messages int }
				if err := json.Unmarshal(body, &got); err != nil {
					return fmt.Errorf("read the answer: %w", err)
				}
				fmt.Fprintf(c.out, "%s\t%s\n", ch, count(got.Messages, "message"))
			}
			return nil
		},
	}
	replay.Flags().StringVar(&since, "since", "", "a date or a time")
	replay.Flags().StringVar(&channel, "channel", "", "one destination, by its id; all of them otherwise")

	edit := &cobra.Command{
		Use: "edit RULE", Short: "Change a rule: what no flag names stays as it is", Args: someArgs("the slug of a rule"),
		Example: "  veille alerts edit nutanix --cadence 'daily 08:00 Europe/Paris' --on new,status",
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := at(cmd, http.MethodGet, one(args[0]), nil)
			if err != nil {
				return err
			}
			var got struct{ Rule map[string]any }
			if err := json.Unmarshal(body, &got); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			for flag, member := range map[string]string{"name": "name", "query": "query", "cadence": "cadence", "rule-lang": "lang", "owner": "owner"} {
				if f := cmd.Flags().Lookup(flag); f.Changed {
					got.Rule[member] = f.Value.String()
				}
			}
			if cmd.Flags().Changed("on") {
				got.Rule["on"] = on
			}
			if cmd.Flags().Changed("to") {
				dests := []any{}
				for _, t := range to {
					d, err := destination(t)
					if err != nil {
						return err
					}
					dests = append(dests, d)
				}
				got.Rule["to"] = dests
			}
			if body, err = at(cmd, http.MethodPut, one(args[0]), got.Rule); err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return c.printJSON(body)
			}
			return c.showRule(body)
		},
	}
	for _, cmd := range []*cobra.Command{add, backtest, mute, unmute, show, edit} {
		cmd.Flags().Bool("json", false, "print JSON")
	}
	edit.Flags().String("name", "", "how it is called; its slug stays")
	edit.Flags().String("query", "", "what to look for")
	edit.Flags().String("cadence", "", rhythm)
	edit.Flags().String("rule-lang", "", "language of the messages: fr or en")
	edit.Flags().String("owner", "", "whom to tell when a destination fails")
	edit.Flags().StringSliceVar(&on, "on", nil, "what rings: new, status, value, corroborated, price")
	edit.Flags().StringArrayVar(&to, "to", nil, "destinations, in the place of those there are")

	imp := &cobra.Command{
		Use: "import FILE.yaml", Short: "Save the rules of a file; those that exist are changed to what it says", Args: someArgs("a YAML file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := os.ReadFile(args[0])
			if err != nil {
				return usage(pathless(err, args[0]), "name a YAML file of rules")
			}
			list, err := alert.ParseRules(body)
			if err != nil {
				return usage(fmt.Errorf("%s: %w", args[0], err), "each rule has name, query, on and to")
			}
			for _, r := range list {
				r.Fill() // its slug
				method, path := http.MethodPut, one(r.Slug)
				if _, err := at(cmd, http.MethodGet, path, nil); err != nil {
					method, path = http.MethodPost, saved
				}
				if _, err := at(cmd, method, path, openRule(r)); err != nil {
					return fmt.Errorf("%s: %w", r.Name, err)
				}
				fmt.Fprintf(c.out, "%s\t%s\n", r.Slug, map[string]string{http.MethodPut: "changed", http.MethodPost: "made"}[method])
			}
			return nil
		},
	}
	cmd.AddCommand(list, add, edit, imp, backtest, test, mute, unmute, log, again, replay,
		show,
		simple("rm RULE", "Delete a rule; its log stays", http.MethodDelete, "", nil))
	return cmd
}

// deliveries prints entries of the log in words.
func (c *command) deliveries(list []schemas.Delivery) {
	var rows [][]string
	for _, d := range list {
		what, note := alert.Say(d, language())
		to := d.To
		if to == "" {
			to = d.Channel
		}
		rows = append(rows, []string{d.At.UTC().Format("2006-01-02 15:04:05"), d.State, what, d.Line, to, d.ID, note})
	}
	c.rows([]string{"At", "State", "Event", "Deal", "To", "ID", "Note"}, rows)
}

// openRule is a rule with its secrets, which its own JSON hides.
func openRule(r schemas.Rule) any {
	b, err := json.Marshal(r)
	if err != nil {
		return r
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return r
	}
	to := []any{}
	for _, d := range r.To {
		kind := d.Kind()
		inner := map[string]any{"url": d.Address()}
		switch {
		case d.Email != nil:
			inner = map[string]any{"to": d.Email.To}
		case d.Webhook != nil:
			if s := d.Webhook.Secret.Reveal(); s != "" {
				inner["secret"] = s
			}
		case d.Chat != nil && d.Chat.Template != "":
			inner["template"] = d.Chat.Template
		case d.NATS != nil:
			inner = map[string]any{}
		}
		to = append(to, map[string]any{kind: inner})
	}
	m["to"] = to
	return m
}

// destination reads KIND:ADDRESS.
func destination(s string) (map[string]any, error) {
	kind, addr, _ := strings.Cut(s, ":")
	switch {
	case kind == "nats" && addr == "":
		return map[string]any{"nats": map[string]any{}}, nil
	case kind == "email" && addr != "":
		return map[string]any{"email": map[string]any{"to": addr}}, nil
	case (kind == "webhook" || kind == "slack" || kind == "teams" || kind == "chat") && addr != "":
		return map[string]any{kind: map[string]any{"url": addr}}, nil
	}
	return nil, usage(fmt.Errorf("--to %q is no destination", s), "email:ADDRESS, webhook:URL, slack:URL, teams:URL, chat:URL or nats")
}
