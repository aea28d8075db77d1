package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/schemas"
)

// asking are the flags of commands that put a question to a running veille or to
// the data folder.
type asking struct {
	server string
	json   bool
}

const serverDoc = "address of a running veille, such as http://127.0.0.1:8080"

func (a *asking) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.server, "server", "", serverDoc)
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON")
}

// printJSON shows an answer to a program, indented.
func (c *command) printJSON(body []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(body), "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	_, err := fmt.Fprintln(c.out, b.String())
	return err
}

func (c *command) dealsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "deals", Short: "Look at a deal", Args: noArgs}
	var server string
	var asJSON jsonFlag
	show := &cobra.Command{
		Use: "show ID", Short: "Show a deal: its life-line and every sentence that speaks of it", Args: someArgs("the id of a deal"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			body, err := c.ask(cmd.Context(), cfg, server, "/api/v1/deals/"+url.PathEscape(args[0]), url.Values{})
			if err != nil {
				return err
			}
			if asJSON.on {
				if body, err = asJSON.keep(body, "amount"); err != nil {
					return err
				}
				return c.printJSON(body)
			}
			var d schemas.Deal
			if err := json.Unmarshal(body, &d); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			c.showDeal(d)
			return nil
		},
	}
	show.Flags().StringVar(&server, "server", "", serverDoc)
	asJSON.bindJSON(show, "print JSON")
	cmd.AddCommand(show)
	return cmd
}

func (c *command) showDeal(d schemas.Deal) {
	fmt.Fprintf(c.out, "%s\n%s · %s since %s", dealLine(d.Parties, d.Type), d.Type, d.Status, d.Updated.Format(time.DateOnly))
	if len(d.Territory) > 0 {
		fmt.Fprintf(c.out, " · %s", strings.ToUpper(strings.Join(d.Territory, ", ")))
	}
	if d.Amount != nil {
		fmt.Fprintf(c.out, " · %s", d.Amount.String())
	}
	fmt.Fprintf(c.out, " · %s\n\n", count(d.Outlets, "outlet"))
	for _, p := range d.Parties {
		fmt.Fprintf(c.out, "  %-12s %s\n", p.Role, p.Name)
	}
	fmt.Fprintln(c.out)
	for _, h := range d.History {
		fmt.Fprintf(c.out, "  %s  %-10s %s\n", h.At.Format(time.DateOnly), h.Status, h.Source)
	}
	for i, e := range d.Evidence {
		fmt.Fprintf(c.out, "\n%d. %s · %s · %s · %s\n   %s\n   %s\n", i+1, oneLine(e.Outlet), e.Lang, e.Published.Format(time.DateOnly), e.Signal.Status, oneLine(e.Signal.Evidence.Text), e.URL)
	}
}

func (c *command) pricesCommand() *cobra.Command {
	cmd := c.searchCommand()
	cmd.Use, cmd.Aliases, cmd.Short, cmd.Long = "prices QUERY", nil, "Search prices", "Search prices: the same as veille search --view prices."
	cmd.Example = "  veille prices 'vendor:dell price_kind:product_price'"
	_ = cmd.Flags().Set("view", "prices") // the flag is there and takes it
	_ = cmd.Flags().MarkHidden("view")
	return cmd
}

func (c *command) statsCommand() *cobra.Command {
	var asJSON jsonFlag
	var server, group, view, from, to string
	var top int
	cmd := &cobra.Command{
		Use: "stats [QUERY]", Short: "Count deals, articles or prices by time and by a field",
		Example: "  veille stats 'type:distribution' --group month,vendor --from now-180d",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			params := url.Values{"q": {strings.Join(args, " ")}, "group": {group}, "rows": {"1"}}
			if top > 0 {
				params.Set("top", fmt.Sprint(top))
			}
			if from != "" {
				params.Set("from", from)
			}
			if to != "" {
				params.Set("to", to)
			}
			body, err := c.ask(cmd.Context(), cfg, server, "/api/v1/stats/"+url.PathEscape(view), params)
			if err != nil {
				return err
			}
			if asJSON.on {
				if body, err = asJSON.keep(body); err != nil {
					return err
				}
				return c.printJSON(body)
			}
			var rows []struct {
				Time   time.Time `json:"time"`
				Series string    `json:"series"`
				Value  float64   `json:"value"`
			}
			if err := json.Unmarshal(body, &rows); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			zone, err := time.LoadLocation("Europe/Paris") // where the days of the series begin
			if err != nil {
				return err
			}
			var table [][]string
			for _, r := range rows {
				if r.Value != 0 { // --json has the gaps too
					table = append(table, []string{r.Time.In(zone).Format(time.DateOnly), r.Series, fmt.Sprint(r.Value)})
				}
			}
			c.rows([]string{"From", "Of", "Count"}, table)
			return nil
		},
	}
	cmd.Flags().StringVar(&server, "server", "", serverDoc)
	asJSON.bindJSON(cmd, "print a JSON array, gaps with zeroes included")
	cmd.Flags().StringVar(&group, "group", "week,type", "day, week, month or quarter, and a field: vendor, pair, type, status, source or lang")
	cmd.Flags().StringVar(&view, "view", "deals", "deals, articles or prices")
	cmd.Flags().StringVar(&from, "from", "", "start: a date, or now-90d")
	cmd.Flags().StringVar(&to, "to", "", "end")
	cmd.Flags().IntVar(&top, "top", 0, "most series")
	return cmd
}

var exportFormats = []string{"csv", "ndjson", "json", "parquet", "md", "atom", "rss", "feed.json"}

func (c *command) exportCommand() *cobra.Command {
	var server, format, view, out, dialect string
	cmd := &cobra.Command{
		Use: "export [QUERY]", Short: "Write all that matches to a file",
		Example: `  veille export 'type:distribution' --format csv -o deals.csv
  veille export 'statut:annoncé' --format csv --dialect fr -o accords.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			if !slices.Contains(exportFormats, format) {
				return usage(fmt.Errorf("there is no format %q", format), "formats: "+strings.Join(exportFormats, ", "))
			}
			params := url.Values{"q": {strings.Join(args, " ")}}
			if dialect != "" {
				params.Set("dialect", dialect)
			}
			path := "/" + view + "." + format
			if format == "json" {
				params.Set("limit", "200")
			}
			if out == "" || out == "-" {
				return c.stream(cmd.Context(), cfg, server, path, params, c.out)
			}
			// Beside the name and then in its place: a file that is there is whole.
			tmp := out + ".part"
			f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
			if err != nil {
				return usage(pathless(err, out), "name a file that can be written with -o")
			}
			err = c.stream(cmd.Context(), cfg, server, path, params, f)
			if cerr := f.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				_ = os.Remove(tmp)
				return err
			}
			return os.Rename(tmp, out)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "address of a running veille")
	cmd.Flags().StringVar(&format, "format", "csv", strings.Join(exportFormats, ", "))
	cmd.Flags().StringVar(&view, "view", "deals", "deals, articles or prices")
	cmd.Flags().StringVarP(&out, "output", "o", "", "file (default: standard output)")
	cmd.Flags().StringVar(&dialect, "dialect", "", "fr: CSV as the French Excel reads it")
	return cmd
}

// stream copies an answer of any length.
func (c *command) stream(ctx context.Context, cfg Config, server, path string, params url.Values, out io.Writer) error {
	base := server
	if base == "" {
		base = "http://" + reachable(cfg.Listen)
	}
	res, err := request(ctx, cfg, strings.TrimSuffix(base, "/")+path+"?"+params.Encode(), nil)
	if err != nil {
		if server != "" || !errors.Is(err, syscall.ECONNREFUSED) {
			return fail(exitUnreachable, fmt.Errorf("no veille answers at %s", base), "start one with: veille run")
		}
		err := c.askFolder(ctx, cfg, path, params, out)
		if address := elsewhere(err, folderOf(cfg)); address != "" {
			return c.stream(ctx, cfg, address, path, params, out)
		}
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return err
		}
		return apiError(res, body, params.Get("q"))
	}
	_, err = io.Copy(out, res.Body)
	return err
}

// request asks a server for an address.
func request(ctx context.Context, cfg Config, addr string, header map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, addr, nil)
	if err != nil {
		return nil, usage(err, "--server takes an address such as http://127.0.0.1:8080")
	}
	req.Header.Set("Accept-Language", language())
	for k, v := range header {
		req.Header.Set(k, v)
	}
	return put(cfg, req)
}

func (c *command) tailCommand() *cobra.Command {
	var asJSON jsonFlag
	var server string
	var since uint64
	var limit int
	cmd := &cobra.Command{
		Use: "tail [QUERY]", Short: "Show deals as they are found, one line for each event",
		Example: "  veille tail 'kind:hyperscaler statut:annoncé'",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			base := server
			if base == "" {
				base = running(cfg)
			}
			params := url.Values{"q": {strings.Join(args, " ")}}
			header := map[string]string{"Accept": "text/event-stream"}
			if cmd.Flags().Changed("since") {
				header["Last-Event-ID"] = fmt.Sprint(since)
			}
			res, err := request(cmd.Context(), cfg, strings.TrimSuffix(base, "/")+"/api/v1/stream?"+params.Encode(), header)
			if err != nil {
				return fail(exitUnreachable, fmt.Errorf("no veille answers at %s", base), "start one with: veille run")
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
				if err != nil {
					return err
				}
				return apiError(res, body, params.Get("q"))
			}
			return c.showEvents(cmd.Context(), res.Body, asJSON, limit)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", serverDoc)
	asJSON.bindJSON(cmd, "print one JSON object to a line")
	cmd.Flags().Uint64Var(&since, "since", 0, "start after this event; 0 starts with the oldest there is")
	cmd.Flags().IntVar(&limit, "limit", 0, "end after so many events")
	return cmd
}

// showEvents prints server-sent events until the stream or ctx ends.
func (c *command) showEvents(ctx context.Context, body io.Reader, asJSON jsonFlag, limit int) error {
	r := bufio.NewReaderSize(body, 64<<10)
	var kind, id string
	var data strings.Builder
	shown := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, io.EOF) {
				return ctx.Err()
			}
			return fail(exitUnreachable, err, "run it again with --since "+id)
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && data.Len() > 0:
			if err := c.showEvent(kind, id, data.String(), asJSON); err != nil {
				return err
			}
			if shown++; limit > 0 && shown >= limit {
				return nil
			}
			kind = ""
			data.Reset()
		case field == "event":
			kind = value
		case field == "id":
			id = value
		case field == "data":
			data.WriteString(value)
		}
	}
}

func (c *command) showEvent(kind, id, data string, asJSON jsonFlag) error {
	if asJSON.on {
		kept, err := asJSON.keep([]byte(data), "from", "into", "deal", "kind", "after", "next")
		if err != nil {
			return err
		}
		data = string(kept)
		_, err = fmt.Fprintln(c.out, data)
		return err
	}
	var e schemas.DealEvent
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return fmt.Errorf("read event %s: %w", id, err)
	}
	d := e.Deal
	quote := ""
	if n := len(d.Evidence); n > 0 {
		quote = d.Evidence[n-1].Signal.Evidence.Text
	}
	_, err := fmt.Fprintf(c.out, "%s\t%s\t%s\t%s\t%s\t%s\n", id, kind, dealLine(d.Parties, d.Type), d.Type, d.Status, oneLine(quote))
	return err
}
