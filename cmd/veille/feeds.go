package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/ingest"
	"example.org/veille/ingest/feed"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

func (c *command) feedsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "feeds", Short: "Look after the sources", Args: noArgs}
	cmd.AddCommand(c.feedsListCommand(), c.feedsAddCommand(), c.feedsRmCommand(), c.feedsCheckCommand(), c.feedsDiscoverCommand(),
		c.feedsPreviewCommand(), c.feedsFetchCommand(), c.feedsHealthCommand(), c.feedsImportCommand(), c.feedsExportCommand())
	return cmd
}

// checked is what `veille feeds check --json` prints for one document.
type checked struct {
	Format    string        `json:"format"`
	Title     string        `json:"title"`
	Link      string        `json:"link"`
	Language  string        `json:"language"`
	Items     []checkedItem `json:"items"`
	Recovered []string      `json:"recovered"`
	Error     string        `json:"error"`
}

type checkedItem struct {
	ID        string `json:"id"`
	Link      string `json:"link"`
	Title     string `json:"title"`
	Published string `json:"published"`
	Updated   string `json:"updated"`
	Author    string `json:"author"`
	Summary   string `json:"summary"`
	HasBody   bool   `json:"has_body"`
}

func (c *command) feedsCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE|URL…",
		Short: "Read feeds and tell what is in them and what is wrong with them",
		Example: `  veille feeds check https://www.channelnews.fr/feed/
  veille feeds check saved.xml --json`,
		Args: someArgs("a file or an address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			failed := 0
			for _, arg := range args {
				f, err := c.readFeed(cmd.Context(), cfg, arg)
				if cmd.Context().Err() != nil {
					return cmd.Context().Err()
				}
				got := newChecked(f, err)
				if err != nil {
					failed++
				}
				if asJSON {
					enc := json.NewEncoder(c.out)
					enc.SetEscapeHTML(false)
					if err := enc.Encode(got); err != nil {
						return err
					}
					continue
				}
				c.showChecked(arg, got)
			}
			switch {
			case failed == len(args) && len(args) == 1:
				return fail(exitFailed, errors.New(args[0]+" cannot be read as a feed"), "")
			case failed > 0:
				return errPartly
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each")
	return cmd
}

// readFeed reads a feed from a file, standard input ("-") or, guarded, the web.
func (c *command) readFeed(ctx context.Context, cfg Config, arg string) (feed.Feed, error) {
	if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
		nets, err := cfg.networks()
		if err != nil {
			return feed.Feed{}, err
		}
		client := guard.New(guard.Policy{Allow: nets, UserAgent: cfg.Agent})
		defer client.Close()
		res, err := client.Get(ctx, arg)
		if err != nil {
			return feed.Feed{}, err
		}
		if res.Status != http.StatusOK {
			return feed.Feed{}, fmt.Errorf("%s answered %d %s", arg, res.Status, http.StatusText(res.Status))
		}
		return ingest.ParseFeed(res.Body, res.Header.Get("Content-Type"), res.URL, nil)
	}
	var body []byte
	var err error
	if arg == "-" {
		body, err = io.ReadAll(io.LimitReader(c.in, feed.MaxBytes+1))
	} else {
		var f *os.File
		if f, err = os.Open(arg); err == nil {
			body, err = io.ReadAll(io.LimitReader(f, feed.MaxBytes+1))
			f.Close()
		}
	}
	if err != nil {
		return feed.Feed{}, pathless(err, arg)
	}
	return ingest.ParseFeed(body, "", "", nil)
}

func newChecked(f feed.Feed, err error) checked {
	got := checked{Format: f.Format, Title: f.Title, Link: f.Link, Language: f.Language, Items: []checkedItem{}, Recovered: append([]string{}, f.Recovered...)}
	when := func(d feed.Date) string {
		if d.Time.IsZero() {
			return ""
		}
		if d.Precision == "day" {
			return d.Time.Format(time.DateOnly)
		}
		return d.Time.Format(time.RFC3339)
	}
	for _, i := range f.Items {
		got.Items = append(got.Items, checkedItem{i.ID, i.Link, i.Title, when(i.Published), when(i.Updated), i.Author, i.Summary, i.HasBody})
	}
	if err != nil {
		got.Error = oneLine(err.Error())
	}
	return got
}

func (c *command) showChecked(arg string, f checked) {
	if f.Error != "" {
		fmt.Fprintf(c.out, "%s: %s\n", arg, f.Error)
		return
	}
	fmt.Fprintf(c.out, "%s: %s, %d items, %s %s\n", arg, f.Format, len(f.Items), oneLine(f.Title), f.Language)
	for _, r := range f.Recovered {
		fmt.Fprintf(c.out, "  repaired: %s\n", r)
	}
	var rows [][]string
	for _, i := range f.Items {
		rows = append(rows, []string{i.Published, i.Author, i.Title})
	}
	c.rows([]string{"Published", "Author", "Title"}, rows)
}

func (c *command) feedsListCommand() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use: "list", Short: "List the sources that are watched", Args: noArgs,
		Long: `List the sources of the running veille, with how each fares; where none runs, or a
list is named with --sources, those that a start would watch.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			list, states, err := c.watchedSources(cmd.Context(), cfg, a.server)
			if err != nil {
				return err
			}
			if a.json {
				enc := json.NewEncoder(c.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(list)
			}
			var rows [][]string
			for i, s := range list {
				state := "on"
				if s.Off {
					state = "off"
				}
				if states != nil {
					state = states[i]
				}
				rows = append(rows, []string{s.ID, s.Lang, state, s.Name, s.Feed})
			}
			c.rows([]string{"Id", "Lang", "State", "Name", "Feed"}, rows)
			return nil
		},
	}
	a.bind(cmd)
	return cmd
}

// watchedSources asks the running veille for its list; states is nil when none runs and the list is that of a start.
func (c *command) watchedSources(ctx context.Context, cfg Config, server string) (list []schemas.Source, states []string, err error) {
	if server == "" && cfg.Sources != "" {
		list, err = loadSources(cfg)
		return list, nil, err
	}
	base := server
	if base == "" {
		base = running(cfg)
	}
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	body, err := askServer(asked, cfg, base, "/api/v1/sources")
	var got struct{ Data []serve.SourceStatus }
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil && server != "":
		return nil, nil, fail(exitUnreachable, fmt.Errorf("no veille answers at %s", base), "start one with: veille run")
	case err != nil || len(got.Data) == 0:
		list, err = loadSources(cfg)
		return list, nil, err
	}
	c.say("the list of the veille at %s", base)
	for _, s := range got.Data {
		list = append(list, schemas.Source{ID: s.ID, Name: s.Title, Feed: s.URL, Site: s.Site, Lang: s.Lang, Country: s.Country, Kind: s.Kind, Folder: s.Folder})
		states = append(states, s.State)
	}
	return list, states, nil
}

// askServer gets the body of a good answer of a running veille.
func askServer(ctx context.Context, cfg Config, base, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := put(cfg, req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %d", base, res.StatusCode)
	}
	return body, err
}

func (c *command) feedsFetchCommand() *cobra.Command {
	var server, token string
	cmd := &cobra.Command{
		Use:   "fetch SOURCE…",
		Short: "Poll sources now, in the running veille",
		Args:  someArgs("the id of a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			if server == "" {
				server = running(cfg)
			}
			if token == "" {
				token = os.Getenv("VEILLE_TOKEN")
			}
			if token == "" {
				body, err := os.ReadFile(cfg.Data + "/admin-token")
				if err != nil {
					return fail(exitForbidden, fmt.Errorf("read the admin token: %w", pathless(err, cfg.Data)), "name the data folder of the running veille with --data, or set VEILLE_TOKEN")
				}
				token = strings.TrimSpace(string(body))
			}
			failed := 0
			for _, slug := range args {
				line, err := fetchNow(cmd.Context(), server, token, slug)
				if err != nil {
					if len(args) == 1 {
						return err
					}
					failed++
					line = oneLine(err.Error())
				}
				fmt.Fprintf(c.out, "%s: %s\n", slug, line)
			}
			if failed > 0 {
				return errPartly
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "address of the running veille (default: that of --listen)")
	cmd.Flags().StringVar(&token, "token", "", "")
	_ = cmd.Flags().MarkHidden("token") // the flag exists
	return cmd
}

func fetchNow(ctx context.Context, server, token, slug string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(server, "/")+"/api/v1/sources/"+url.PathEscape(slug)+"/fetch", nil)
	if err != nil {
		return "", usage(err, "--server takes an address such as http://127.0.0.1:8080")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := (&http.Client{Transport: &http.Transport{Proxy: nil}}).Do(req)
	if err != nil {
		return "", fail(exitUnreachable, fmt.Errorf("no veille answers at %s", server), "start one with: veille run")
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", fail(exitUnreachable, err, "")
	}
	if res.StatusCode != http.StatusOK {
		var p serve.Problem
		if json.Unmarshal(body, &p) != nil {
			return "", fmt.Errorf("the server answered %d", res.StatusCode)
		}
		status := exitFailed
		if res.StatusCode == http.StatusUnauthorized {
			status = exitForbidden
		}
		return "", fail(status, errors.New(p.Detail), "")
	}
	var r struct {
		Unchanged    bool `json:"unchanged"`
		New, Revised int
		Items        int    `json:"items"`
		Error        string `json:"error"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return "", err
	}
	switch {
	case r.Error != "":
		return "", errors.New(r.Error)
	case r.Unchanged:
		return "nothing new", nil
	}
	return fmt.Sprintf("%d items, %d new, %d revised", r.Items, r.New, r.Revised), nil
}
