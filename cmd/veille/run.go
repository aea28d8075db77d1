package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"example.org/veille/ingest"
)

func (c *command) runCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch the sources and serve the page, all in one process",
		Long: `Poll the sources, extract, index and serve, all in one process with an embedded
NATS and everything in one folder. With --roles and --nats the parts run as
separate processes on a cluster.`,
		Example: `  veille run
  veille run --sources my-feeds.opml --data ./data
  veille run --roles extract,deals --nats nats://nats.internal:4222`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			sources, err := loadSources(cfg)
			if err != nil {
				return err
			}
			a, err := openApp(cmd.Context(), cfg, c.logger(cfg), sources)
			if err != nil {
				return err
			}
			defer a.close()
			a.watched = true
			return c.watch(cmd.Context(), a, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "poll what is due, wait until it is searchable, and end")
	return cmd
}

// watch runs the first pass with progress, says what there is, and goes on until
// ctx ends; with once it ends there. A signal ends it cleanly, which is no error.
func (c *command) watch(ctx context.Context, a *app, once bool) error {
	// The stages outlive the poller: what it published last still goes through.
	stagesCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g := a.start(stagesCtx)
	stagesDown := make(chan struct{})
	var stagesErr error
	go func() { defer close(stagesDown); stagesErr = g.Wait() }()

	work, cancel := context.WithCancel(ctx)
	defer cancel()
	var poll errgroup.Group
	poll.Go(func() error {
		err := c.firstPass(work, a, once)
		if err != nil || once || a.poller == nil {
			if once || err != nil {
				cancel()
			}
			return err
		}
		return a.poller.Run(work)
	})
	select {
	case <-work.Done():
	case <-stagesDown: // a stage failed: no use in fetching more
		cancel()
	}
	err := poll.Wait()
	if ctx.Err() != nil {
		err = nil // asked to stop
		c.say("stopping")
	}
	stop()
	<-stagesDown
	if err == nil {
		err = stagesErr
	}
	return err
}

// firstPass polls what is due, waits until it can be searched and says what there
// is.
func (c *command) firstPass(ctx context.Context, a *app, once bool) error {
	m := c.meter()
	defer m.end()
	began := time.Now()
	if a.listener != nil {
		c.say("page   http://%s/", reachable(a.listener.Addr().String()))
	}
	if a.freshToken {
		c.say("token  %s (made just now; it opens what changes something)", a.data.path("admin-token"))
	}
	failed, polled := 0, 0
	if a.poller != nil {
		err := a.poller.Once(ctx, func(r ingest.Result, done, total int) {
			polled++
			if r.Error != "" {
				failed++
			}
			m.show("polling", done, total, pollNote(r))
		})
		if err != nil {
			return err
		}
		if polled == 0 {
			c.say("no feed is due yet")
		}
	}
	if err := a.drained(ctx, func(left int) { m.show("indexing", left, 0, "messages left") }); err != nil {
		return err
	}
	m.end()
	if a.ix == nil {
		return nil
	}
	articles, deals, prices, err := a.ix.Counts()
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%s, %s, %s", count(articles, "article"), count(deals, "deal"), count(prices, "price"))
	if failed > 0 {
		line += fmt.Sprintf("; %s failed, see: veille feeds health", count(failed, "source"))
	}
	fmt.Fprintf(c.out, "%s (%.1f s)\n", line, time.Since(began).Seconds())
	if a.listener != nil {
		fmt.Fprintf(c.out, "http://%s/\n", reachable(a.listener.Addr().String()))
	}
	if failed > 0 && once {
		return errPartly
	}
	return nil
}

func pollNote(r ingest.Result) string {
	switch {
	case r.Error != "":
		return r.Source + ": " + r.Error
	case r.Unchanged:
		return r.Source + ": nothing new"
	}
	return fmt.Sprintf("%s: %d new", r.Source, r.New)
}

// count writes a number with its noun: 1 deal, 2 deals.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
