// Command veille keeps watch over French and English IT trade news: it reads
// feeds, finds the vendors, the deals between them and the prices mentioned, and
// lets people search and follow them.
//
// This package is the only one that knows all others: it reads the configuration
// (config.go), opens and closes the parts (app.go) and joins them to a pipeline
// (stages.go). Each command has a file of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// A second signal kills at once: the first one only asks.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main runs one command line and returns its exit status. Data goes to stdout;
// progress, hints and errors go to stderr.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{in: stdin, out: stdout, err: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return c.report(ctx, root.ExecuteContext(ctx))
}

// command is what all commands share.
type command struct {
	in       io.Reader
	out, err io.Writer
	quiet    bool
	noColor  bool
	progress string
	flags    *cobra.Command // the root, for the flags that were given
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "veille",
		Short: "Keep watch over IT trade news: vendors, deals and prices, in French and English",
		Long: `veille reads French and English IT trade-press feeds, finds the vendors, the
deals between them and the prices mentioned, and lets people search and follow them.

  veille demo            try it on a sample press, without any network
  veille run             watch the real sources
  veille search QUERY    search from the terminal`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	c.flags = root
	scratch := defaults()
	bind(root.PersistentFlags(), &scratch)
	pf := root.PersistentFlags()
	pf.String("config", "", "configuration file (default veille.yaml here, when there is one)")
	pf.BoolVarP(&c.quiet, "quiet", "q", false, "no progress and no hints")
	pf.BoolVar(&c.noColor, "no-color", os.Getenv("NO_COLOR") != "", "no colours on a terminal")
	pf.StringVar(&c.progress, "progress", "auto", "auto, bar, plain, json or none")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err, "see: "+cmd.CommandPath()+" --help")
	})
	root.AddCommand(
		c.runCommand(), c.demoCommand(), c.extractCommand(), c.completes(c.searchCommand()), c.feedsCommand(),
		c.dealsCommand(), c.completes(c.pricesCommand()), c.completes(c.statsCommand()), c.completes(c.exportCommand()), c.completes(c.tailCommand()), c.alertsCommand(), c.vendorsCommand(), c.usersCommand(),
		c.importCommand(), c.replayCommand(), c.reindexCommand(), c.evalCommand(), c.configCommand(), c.versionCommand(),
	)
	askForOne(root)
	return root
}

// askForOne has each command that only gathers others show them when none is named,
// and refuse one that is none of them.
func askForOne(cmd *cobra.Command) {
	var names []string
	for _, sub := range cmd.Commands() {
		askForOne(sub)
		names = append(names, sub.Name())
	}
	if len(names) == 0 || cmd.Runnable() {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := "see: " + cmd.CommandPath() + " --help"
		if near := nearest(args[0], names); near != "" {
			hint = "did you mean: " + cmd.CommandPath() + " " + near
		}
		return usage(fmt.Errorf("unknown command %q", args[0]), hint)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}
