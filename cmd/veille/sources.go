package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/ingest"
	"example.org/veille/ingest/opml"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// ownSources is the list in the data folder that `veille feeds add` keeps. It is
// used in place of the built-in one as soon as it is there.
func ownSources(cfg Config) string { return filepath.Join(cfg.Data, "sources.opml") }

// sourcesFile tells which file lists the sources, "" for the built-in list.
func sourcesFile(cfg Config) string {
	if cfg.Sources != "" {
		return cfg.Sources
	}
	if _, err := os.Stat(ownSources(cfg)); err == nil {
		return ownSources(cfg)
	}
	return ""
}

// readSources reads the list in use, as it stands.
func readSources(cfg Config) (*opml.Doc, error) {
	body, name := ingest.DefaultSources(), "the built-in list"
	if file := sourcesFile(cfg); file != "" {
		name = file
		var err error
		if body, err = os.ReadFile(file); err != nil {
			return nil, usage(fmt.Errorf("read the sources: %w", pathless(err, file)), "name an OPML file with --sources, or leave it out for the built-in list")
		}
	}
	doc, err := opml.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, usage(fmt.Errorf("%s is no OPML file: %w", name, err), "export one from a feed reader, or see: veille feeds export")
	}
	return doc, nil
}

// loadSources reads the list of feeds to watch.
func loadSources(cfg Config) ([]schemas.Source, error) {
	doc, err := readSources(cfg)
	if err != nil {
		return nil, err
	}
	list, problems := doc.Sources()
	if len(list) == 0 {
		name, why := sourcesFile(cfg), "it lists no feed"
		if len(problems) > 0 {
			why = strings.Join(problems, "; ")
		}
		return nil, usage(fmt.Errorf("%s cannot be used: %s", name, why), `each feed is an <outline type="rss" xmlUrl="…">`)
	}
	return list, nil
}

// editSources changes the list in use and writes it back, whole or not at all. A
// running veille notices within seconds.
func editSources(cfg Config, edit func(*opml.Doc) error) error {
	doc, err := readSources(cfg)
	if err != nil {
		return err
	}
	if err := edit(doc); err != nil {
		return err
	}
	file := cfg.Sources
	if file == "" {
		file = ownSources(cfg)
		if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
			return fail(exitData, fmt.Errorf("make the data folder: %w", pathless(err, cfg.Data)), "choose another folder with --data DIR")
		}
	}
	var b bytes.Buffer
	if err := doc.Write(&b); err != nil {
		return err
	}
	if err := os.WriteFile(file+".part", b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the sources: %w", pathless(err, file))
	}
	return os.Rename(file+".part", file)
}

// watchSources gives the poller a list that was edited meanwhile. One that cannot
// be read is reported and the old one kept.
func (a *app) watchSources(ctx context.Context) error {
	stamp := func() (string, time.Time) {
		file := sourcesFile(a.cfg)
		st, err := os.Stat(file)
		if err != nil {
			return file, time.Time{}
		}
		return file, st.ModTime()
	}
	wasFile, wasTime := stamp()
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		file, at := stamp()
		if file == wasFile && at.Equal(wasTime) {
			continue
		}
		wasFile, wasTime = file, at
		list, err := loadSources(a.cfg)
		if err != nil {
			a.lg.Error("the list of sources cannot be read; the old one stays in use", "err", err)
			continue
		}
		a.poller.SetSources(list)
		a.lg.Info("list of sources read again", "sources", len(list))
	}
}

func (c *command) client(cfg Config) (*guard.Client, error) {
	nets, err := cfg.networks()
	if err != nil {
		return nil, err
	}
	return guard.New(guard.Policy{Allow: nets, UserAgent: cfg.Agent}), nil
}

func (c *command) feedsAddCommand() *cobra.Command {
	var id, name, lang, country, folder string
	var own schemas.Source // settings that no feed tells
	var header []string
	cmd := &cobra.Command{
		Use: "add URL", Short: "Watch a feed, or the feed of a site",
		Long: `Watch a feed. The address may be that of a site: its feed is then looked for. The
list lies in the data folder (sources.opml), or where --sources says; a running
veille notices within seconds.`,
		Args: someArgs("the address of a feed or a site"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			client, err := c.client(cfg)
			if err != nil {
				return err
			}
			defer client.Close()
			for _, arg := range args {
				found, err := ingest.Discover(cmd.Context(), client, arg)
				if err != nil {
					return fail(exitFailed, fmt.Errorf("%s: %w", arg, err), "veille feeds check tells what an address answers")
				}
				f := found[0]
				src := own
				src.ID, src.Name, src.Feed, src.Lang, src.Country = id, name, f.URL, lang, strings.ToUpper(country)
				for _, h := range header {
					k, v, ok := strings.Cut(h, ":")
					if !ok || strings.ContainsAny(h, "\r\n") {
						return usage(fmt.Errorf("--header %q is no header", h), "write it as 'Name: value'")
					}
					if src.Headers == nil {
						src.Headers = map[string]string{}
					}
					src.Headers[strings.TrimSpace(k)] = strings.TrimSpace(v)
				}
				switch {
				case src.Content != "" && src.Content != "page" && src.Content != "feed":
					return usage(fmt.Errorf("--content %q", src.Content), "it takes page or feed")
				case src.Rights != "" && src.Rights != "reserved":
					return usage(fmt.Errorf("--rights %q", src.Rights), "it takes reserved")
				}
				if src.Name == "" {
					src.Name = oneLine(f.Title)
				}
				if u, err := url.Parse(f.URL); err == nil {
					src.Site = u.Scheme + "://" + u.Host
					if src.Name == "" {
						src.Name = u.Host
					}
				}
				if src.ID == "" {
					src.ID = schemas.Token(src.Name)
				}
				if src.Lang == "" {
					src.Lang, _, _ = strings.Cut(f.Language, "-")
				}
				if folder != "" {
					src.Folder = strings.Split(folder, "/")
				}
				if err := src.Validate(); err != nil {
					return usage(err, "--id takes lower-case letters, digits and hyphens")
				}
				if err := editSources(cfg, func(d *opml.Doc) error { d.Add(src); return nil }); err != nil {
					return err
				}
				fmt.Fprintf(c.out, "%s: %s, %s, %d items\n", src.ID, f.URL, f.Format, f.Items)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "its id, a slug (default: made from the title)")
	cmd.Flags().StringVar(&name, "title", "", "name of the outlet (default: the feed's)")
	cmd.Flags().StringVar(&lang, "lang", "", "fr or en (default: the feed's)")
	cmd.Flags().StringVar(&country, "country", "", "country, such as FR: dates without a zone are local to it")
	cmd.Flags().StringVar(&folder, "folder", "", "folder of the list, such as Presse/Grossistes")
	cmd.Flags().DurationVar(&own.Every, "every", 0, "a fixed interval, such as 30m (default: by its own rhythm)")
	cmd.Flags().StringVar(&own.Agent, "user-agent", "", "another User-Agent, an honest one")
	cmd.Flags().StringArrayVar(&header, "header", nil, "'Name: value', sent to the feed's host alone; may be given again")
	cmd.Flags().StringVar(&own.Body, "body", "", "CSS selector of the article's text on its pages")
	cmd.Flags().StringVar(&own.Content, "content", "", "page or feed: where texts are taken from (default: by what is there)")
	cmd.Flags().StringVar(&own.Rights, "rights", "", "reserved: titles and links only")
	return cmd
}

func (c *command) feedsRmCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm ID…", Short: "Stop watching feeds; what they brought stays", Args: someArgs("the id of a source"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			return editSources(cfg, func(d *opml.Doc) error {
				for _, id := range args {
					if !d.Remove(id) {
						return fail(exitFailed, fmt.Errorf("there is no source %q", id), "see: veille feeds list")
					}
				}
				return nil
			})
		},
	}
}

func (c *command) feedsImportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE.opml", Short: "Add the feeds of an OPML file to the list", Args: someArgs("an OPML file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			for _, name := range args {
				other := cfg
				other.Sources = name
				list, err := loadSources(other)
				if err != nil {
					return err
				}
				if err := editSources(cfg, func(d *opml.Doc) error {
					have, _ := d.Sources()
					for _, s := range list {
						// One that is listed just so is left as it stands, word for word.
						if !slices.ContainsFunc(have, func(h schemas.Source) bool { return reflect.DeepEqual(h, s) }) {
							d.Add(s)
						}
					}
					return nil
				}); err != nil {
					return err
				}
				fmt.Fprintf(c.out, "%s: %d sources\n", name, len(list))
			}
			return nil
		},
	}
}

func (c *command) feedsExportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Print the list of sources as OPML", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			doc, err := readSources(cfg)
			if err != nil {
				return err
			}
			return doc.Write(c.out)
		},
	}
}

func (c *command) feedsDiscoverCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "discover SITE", Short: "Look for the feeds of a site", Args: someArgs("the address of a site"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			client, err := c.client(cfg)
			if err != nil {
				return err
			}
			defer client.Close()
			found, err := ingest.Discover(cmd.Context(), client, args[0])
			if err != nil {
				return fail(exitFailed, fmt.Errorf("%s: %w", args[0], err), "if the site has a feed, give its address to: veille feeds check")
			}
			if asJSON {
				enc := json.NewEncoder(c.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(found)
			}
			var rows [][]string
			for _, f := range found {
				rows = append(rows, []string{f.Format, fmt.Sprint(f.Items), f.How, oneLine(f.Title), f.URL})
			}
			c.rows([]string{"Format", "Items", "Found by", "Title", "Address"}, rows)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

func (c *command) feedsHealthCommand() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use: "health", Short: "How each source of the running veille fares, with its ledger", Args: noArgs,
		Long: `How each source fares: its state, the delay from publication to being seen, and
what became of every item it listed, over the days the ledger remembers:

  listed = indexed + duplicate + refused + failed + pending`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			server := a.server
			if server == "" {
				server = running(cfg)
			}
			body, err := c.ask(cmd.Context(), cfg, server, "/api/v1/sources", url.Values{})
			if err != nil {
				return err
			}
			if a.json {
				return c.printJSON(body)
			}
			var got struct{ Data []serve.SourceStatus }
			if err := json.Unmarshal(body, &got); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			var rows [][]string
			for _, s := range got.Data {
				var l schemas.Ledger
				for _, day := range s.Ledger {
					l = l.Plus(day)
				}
				sum := func(m map[string]int) (n int) {
					for _, v := range m {
						n += v
					}
					return n
				}
				equation := fmt.Sprintf("%d = %d+%d+%d+%d+%d", l.Listed, l.Indexed, l.Duplicate, sum(l.Refused), sum(l.Failed), l.Pending)
				if !l.Balanced() {
					equation += " !"
				}
				last := "never"
				if !s.LastSuccess.IsZero() {
					last = s.LastSuccess.Format("01-02 15:04")
				}
				delay := ""
				if s.DelayP50 > 0 {
					delay = (time.Duration(s.DelayP50) * time.Second).String() + " / " + (time.Duration(s.DelayP95) * time.Second).String()
				}
				rows = append(rows, []string{s.ID, s.State, last, delay, equation, strings.Join(append([]string{s.LastError}, s.Alarms...), " ")})
			}
			c.rows([]string{"Source", "State", "Last success", "Delay p50 / p95", "Listed = indexed+duplicate+refused+failed+pending", "Last error"}, rows)
			return nil
		},
	}
	a.bind(cmd)
	return cmd
}

func (c *command) importCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE.warc.gz…", Short: "Take in the news pages of WARC files, such as Common Crawl's CC-NEWS",
		Long: `Take in the news pages of WARC files that other programs wrote. Stop it at any
time and run it again: it goes on where it was. What was imported is extracted and
indexed before the command ends.`,
		Args: someArgs("a WARC file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args { // before the data folder is touched
				if st, err := os.Stat(name); err != nil {
					return usage(pathless(err, name), "name a WARC file")
				} else if st.IsDir() {
					return usage(fmt.Errorf("%s is a folder", name), "name the WARC files in it: "+filepath.Join(name, "*.warc.gz"))
				}
			}
			failed := 0
			err := c.offline(cmd, func(ctx context.Context, a *app) error {
				m := c.meter()
				defer m.end()
				for _, name := range args {
					err := c.importFile(ctx, a, m, name)
					if ctx.Err() != nil {
						return ctx.Err()
					}
					switch {
					case err == nil:
					case errors.Is(err, ingest.ErrNoWARC) && len(args) > 1: // the others go on
						m.end()
						fmt.Fprintf(c.out, "%s: no WARC record in it\n", name)
						failed++
					case errors.Is(err, ingest.ErrNoWARC):
						return fail(exitFailed, fmt.Errorf("%s: no WARC record in it", name), "it takes .warc and .warc.gz files, such as those of Common Crawl's CC-NEWS")
					default:
						return err
					}
				}
				return nil
			})
			if err == nil && failed > 0 {
				return errPartly
			}
			return err
		},
	}
}

func (c *command) importFile(ctx context.Context, a *app, m *meter, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return usage(pathless(err, name), "name a WARC file")
	}
	defer f.Close()
	st, err := a.poller.Import(ctx, filepath.Base(name), f, func(s ingest.ImportStats) {
		note := fmt.Sprintf("records, %s", count(s.Articles, "article"))
		if s.Size > 0 && s.Offset > 0 {
			note = fmt.Sprintf("%d %% of the file, %s", s.Offset*100/s.Size, count(s.Articles, "article"))
		}
		m.show("importing", s.Records, 0, note)
	})
	if err != nil {
		return err
	}
	m.end()
	if st.Before {
		fmt.Fprintf(c.out, "%s: imported before (%d records, %s); nothing new\n", name, st.Records, count(st.Articles, "article"))
		return nil
	}
	fmt.Fprintf(c.out, "%s: %d records = %d articles + %d known + %d duplicates + %d reserved + %d without text + %d not HTML + %d revisits + %d other; %d damaged, %d cut\n",
		name, st.Records, st.Articles, st.Known, st.Duplicate, st.Refused, st.NoText, st.NotHTML, st.Revisits, st.Other, st.Damaged, st.Cut)
	return nil
}

func (c *command) replayCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use: "replay --from raw", Short: "Make everything again from what was fetched", Args: noArgs,
		Long: `Read the archive of fetched pages again with the present program: articles whose
text comes out differently are revised, unknown ones are added. On a data folder of
which only archive/ is left it rebuilds all. Nothing is fetched.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from != "raw" {
				return usage(fmt.Errorf("cannot replay from %q", from), "--from raw is the archive; for the index alone: veille reindex")
			}
			return c.offline(cmd, func(ctx context.Context, a *app) error {
				m := c.meter()
				defer m.end()
				st, err := a.poller.Replay(ctx, func(s ingest.ReplayStats) { m.show("replaying", s.Articles, 0, "articles") })
				if err != nil {
					return err
				}
				m.end()
				fmt.Fprintf(c.out, "%d articles in the archive: %d new, %d revised, %d unchanged, %d duplicates, %d damaged\n",
					st.Articles, st.New, st.Revised, st.Unchanged, st.Duplicate, st.Damaged)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "raw", "raw: the archive of what was fetched")
	return cmd
}

// offline runs the stages over the data folder, without page and without polling,
// does the work and waits until it is indexed.
func (c *command) offline(cmd *cobra.Command, work func(context.Context, *app) error) error {
	ctx := cmd.Context()
	cfg, err := c.load(cmd)
	if err != nil {
		return err
	}
	cfg.Roles = []string{"ingest", "extract", "deals", "index"}
	sources, err := loadSources(cfg)
	if err != nil {
		return err
	}
	a, err := openApp(ctx, cfg, c.logger(cfg), sources)
	if err != nil {
		return err
	}
	defer a.close()
	a.history = true // what comes of it is written down, and rings nobody
	stages, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g := a.start(stages)
	err = work(ctx, a)
	if err == nil {
		m := c.meter()
		err = a.drained(ctx, func(left int) { m.show("indexing", left, 0, "messages left") })
		m.end()
	}
	if err == nil {
		articles, deals, prices, cerr := a.ix.Counts()
		err = cerr
		fmt.Fprintf(c.out, "%d articles, %d deals, %d prices\n", articles, deals, prices)
	}
	stop()
	if werr := g.Wait(); err == nil {
		err = werr
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fail(exitData, err, "")
	}
	return err
}
