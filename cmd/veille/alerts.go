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
	if server == "" {
		server = "http://" + reachable(cfg.Listen)
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
			return c.printJSON(body)
		},
	}
	add.Flags().StringVar(&rule.Query, "query", "", "what to look for, as in veille search")
	add.Flags().StringSliceVar(&on, "on", []string{"new"}, "what rings: new, status, value, corroborated, price")
	add.Flags().StringVar(&cadence, "cadence", "", "at_once (default), grouped, daily or weekly")
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
				return c.printJSON(got)
			},
		}
	}
	var days int
	backtest := simple("backtest RULE", "What the rule would have sent", http.MethodPost, "/backtest", func([]string) any { return map[string]int{"days": days} })
	backtest.Flags().IntVar(&days, "days", 90, "how far back")
	var until time.Duration
	mute := simple("mute RULE", "Keep a rule quiet for a while", http.MethodPost, "/mute", func([]string) any {
		return map[string]any{"until": time.Now().Add(until).UTC().Format(time.RFC3339)}
	})
	mute.Flags().DurationVar(&until, "for", 24*time.Hour, "how long")
	test := simple("test RULE", "Send a message about an invented deal to each destination now", http.MethodPost, "/test", func([]string) any { return map[string]string{} })

	imp := &cobra.Command{
		Use: "import FILE.yaml", Short: "Save the rules of a file", Args: someArgs("a YAML file"),
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
				if _, err := at(cmd, http.MethodPost, saved, openRule(r)); err != nil {
					return err
				}
				fmt.Fprintln(c.out, r.Name)
			}
			return nil
		},
	}
	cmd.AddCommand(list, add, imp, backtest, test, mute,
		simple("show RULE", "Show a rule", http.MethodGet, "", nil),
		simple("log RULE", "What was sent, folded, muted or failed", http.MethodGet, "/deliveries", nil),
		simple("rm RULE", "Delete a rule; its log stays", http.MethodDelete, "", nil))
	return cmd
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
