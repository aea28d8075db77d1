package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/serve"
)

// What a shell proposes after TAB. `veille completion bash` prints the script for a
// shell; it calls the program back for what depends on the language and the catalogue.

// completeTime is how long the running veille, which knows the counts, is waited for.
const completeTime = 400 * time.Millisecond

// completeQuery proposes how to go on with a query: fields, values, vendors, lists. They
// come from the running veille, the most frequent first, or without one from the
// language and the catalogue alone.
func (c *command) completeQuery(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	cfg, err := c.load(cmd)
	if err != nil {
		return nil, none
	}
	params := url.Values{"q": {typed}, "limit": {"20"}}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	server := running(cfg)
	if f := cmd.Flags().Lookup("server"); f != nil && f.Value.String() != "" {
		server = f.Value.String()
	}
	body, err := askServer(ctx, cfg, server, "/api/v1/suggest?"+params.Encode())
	if err != nil {
		if body, err = c.suggestAlone(cmd.Context(), params); err != nil {
			return nil, none
		}
	}
	var got struct {
		Data []struct {
			Text     string
			From, To int
			Label    string
		}
	}
	if json.Unmarshal(body, &got) != nil {
		return nil, none
	}
	in := []rune(typed)
	var out []cobra.Completion
	open := false // one goes on: name:
	for _, s := range got.Data {
		if s.From < 0 || s.To < s.From || s.To > len(in) {
			continue
		}
		text := string(in[:s.From]) + s.Text + string(in[s.To:])
		open = open || strings.HasSuffix(text, ":")
		out = append(out, cobra.CompletionWithDesc(text, oneLine(s.Label)))
	}
	if open {
		return out, none | cobra.ShellCompDirectiveNoSpace
	}
	return out, none
}

// suggestAlone asks the same of the program itself, which knows no counts.
func (c *command) suggestAlone(ctx context.Context, params url.Values) ([]byte, error) {
	cat, err := catalogue.Load()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/v1/suggest?"+params.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.RemoteAddr = "127.0.0.1:0" // the person at the keyboard
	req.Header.Set("Accept-Language", language())
	var out bytes.Buffer
	res := &recorder{header: http.Header{}, status: http.StatusOK, out: &out}
	serve.New(nil, serve.Options{Catalogue: cat, Version: versionString()}).Handler().ServeHTTP(res, req)
	return out.Bytes(), res.err
}

// completeVendor proposes ids of the catalogue, by the beginning of an id or a name.
func completeVendor(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cat, err := catalogue.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, v := range cat.All() {
		if lower := strings.ToLower(typed); strings.HasPrefix(v.ID, lower) || strings.HasPrefix(strings.ToLower(v.Name), lower) {
			out = append(out, cobra.CompletionWithDesc(v.ID, oneLine(v.Name)))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completes gives a command that takes a query its completion, and its flags theirs.
func (c *command) completes(cmd *cobra.Command) *cobra.Command {
	cmd.ValidArgsFunction = c.completeQuery
	for name, values := range map[string][]string{
		"view":    {index.Deals, index.Articles, index.Prices},
		"sort":    {index.Newest, index.Oldest, index.Relevance, index.Sources, index.Value, index.Updated},
		"format":  slices.Clone(exportFormats),
		"dialect": {"fr"},
	} {
		if cmd.Flags().Lookup(name) != nil {
			// The one error is of a flag that is not there, or completed twice.
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	return cmd
}
