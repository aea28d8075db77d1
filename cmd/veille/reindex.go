package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/extract/catalogue"
	"example.org/veille/schemas"
)

func (c *command) reindexCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Drop the index and make it again from the log",
		Long: `Make the index again from the log, beside the present one, and put it in its
place when it is whole. Nothing is fetched.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			lg := c.logger(cfg)
			data, err := openData(cfg.Data)
			if err != nil {
				return err
			}
			defer data.close()
			b, err := openBus(ctx, cfg, lg, data)
			if err != nil {
				return err
			}
			defer b.Close()
			cat, err := catalogue.Load()
			if err != nil {
				return err
			}
			ix, err := openIndex(lg, data, cat)
			if err != nil {
				return err
			}
			defer ix.Close()
			began := time.Now()
			nx, err := ix.OpenNew()
			if err != nil {
				return err
			}
			m := c.meter()
			a := &app{cfg: cfg, lg: lg, bus: b}
			if err := a.refill(ctx, nx, func(phase string, done, total int) { m.show(phase, done, total, "") }); err != nil {
				return fmt.Errorf("reindex: %w", firstOf(err, nx.Discard()))
			}
			m.show("compacting", 1, 1, "")
			if err := nx.Compact(ctx); err != nil {
				return fmt.Errorf("reindex: %w", firstOf(err, nx.Discard()))
			}
			m.end()
			if err := ix.Swap(nx); err != nil {
				return fmt.Errorf("reindex: %w", err)
			}
			ix.Rebuilt()
			articles, deals, prices, err := ix.Counts()
			if err != nil {
				return err
			}
			_, last, err := b.Size(ctx, schemas.StreamExtractions)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.out, "%d articles, %d deals, %d prices from %d messages (%.1f s)\n", articles, deals, prices, last, time.Since(began).Seconds())
			return nil
		},
	}
}

// firstOf keeps the error that came first; the second one only followed from it.
func firstOf(err, _ error) error { return err }
