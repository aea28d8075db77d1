package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/fixtures"
	"example.org/veille/ingest"
)

// pressAddr is where the sample press is served at first when the port is free.
const pressAddr = "127.0.0.1:8098"

// pressListener listens where the press of this folder was served before, so that
// the links of an earlier demo still lead somewhere.
func pressListener(ctx context.Context, dir string) (l net.Listener, err error) {
	path := filepath.Join(dir, "press-address")
	before, _ := os.ReadFile(path) // none at first
	for _, addr := range []string{strings.TrimSpace(string(before)), pressAddr, "127.0.0.1:0"} {
		if addr == "" {
			continue
		}
		if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr); err == nil {
			return l, os.WriteFile(path, []byte(l.Addr().String()+"\n"), 0o600)
		}
	}
	return nil, err
}

func (c *command) demoCommand() *cobra.Command {
	var once bool
	var press string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try everything on a sample press, without any network",
		Long: `Serve a sample press on loopback and watch it: the whole pipeline on embedded
NATS and bleve, without any network. The press is fiction about real company
names. What was found stays in its own data folder; run it again and nothing is
doubled.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			if !c.given(cmd, "data") {
				cfg.Data = filepath.Join(filepath.Dir(cfg.Data), "veille-demo")
			}
			return c.demo(cmd.Context(), cfg, press, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the first pass")
	cmd.Flags().StringVar(&press, "press", "", "folder with another press, laid over the built-in one")
	return cmd
}

// given tells whether a setting was made by flag or environment.
func (c *command) given(cmd *cobra.Command, flag string) bool {
	if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
		return true
	}
	_, env := os.LookupEnv(envName(flag))
	return env
}

func (c *command) demo(ctx context.Context, cfg Config, press string, once bool) error {
	fsys := fixtures.Embedded()
	if press != "" {
		if st, err := os.Stat(press); err != nil || !st.IsDir() {
			return usage(errors.New(press+" is no folder"), "name the folder of a press with --press DIR")
		}
		fsys = fixtures.Layer(os.DirFS(press), fsys)
	}
	now, err := pressDay(cfg.Data)
	if err != nil {
		return err
	}
	p, err := fixtures.New(fsys, fixtures.Options{Now: now})
	if err != nil {
		return err
	}
	l, err := pressListener(ctx, cfg.Data)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(l) }() // ends with Close below
	defer func() { _ = srv.Close(); <-served }()

	sources, _, err := ingest.ParseSources(p.OPML("http://" + l.Addr().String()))
	if err != nil {
		return err
	}
	cfg.AllowCIDR = []string{"127.0.0.1/32"} // its own press
	cfg.Poll.HostDelay = 0
	cfg.Poll.MaxAge = 2 * 365 * 24 * time.Hour
	cfg.Poll.MinInterval = min(cfg.Poll.MinInterval, time.Minute) // so that a changed press is seen
	a, err := openApp(ctx, cfg, c.logger(cfg), sources)
	if err != nil {
		return err
	}
	defer a.close()
	c.say("press  http://%s/ (fiction about real company names)", l.Addr())
	c.say("data   %s", cfg.Data)
	return c.watch(ctx, a, once)
}

// pressDay is the day before which the sample press appeared. It stays that of the
// first demo in a folder: a press that moved its dates would revise each article.
func pressDay(dir string) (time.Time, error) {
	path := filepath.Join(dir, "press-day")
	body, err := os.ReadFile(path)
	if err == nil {
		if day, err := time.Parse(time.DateOnly, strings.TrimSpace(string(body))); err == nil {
			return day, nil
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return time.Time{}, fail(exitData, fmt.Errorf("make the data folder: %w", pathless(err, dir)), "choose another folder with --data DIR")
	}
	day := time.Now().UTC()
	return day, os.WriteFile(path, []byte(day.Format(time.DateOnly)+"\n"), 0o600)
}
