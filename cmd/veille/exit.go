package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Exit statuses. Scripts rely on them; an unknown one means failure.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2 // the command line, the configuration or the query is wrong
	exitPartly      = 3 // done, but for some records, feeds or deliveries
	exitForbidden   = 4
	exitEmpty       = 5  // nothing matched, with --fail-empty
	exitData        = 10 // no data folder, or one of a newer version
	exitLocked      = 11 // the data folder is in use by another veille
	exitUnreachable = 12 // the server does not answer
	exitUnsafe      = 78 // a setting that would lose acknowledged data
	exitInterrupted = 130
)

// problem is an error with the status to exit with and what to do about it.
type problem struct {
	status int
	err    error
	hint   string
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

// fail makes a problem. hint says what to type or change next.
func fail(status int, err error, hint string) error { return &problem{status, err, hint} }

func usage(err error, hint string) error { return fail(exitUsage, err, hint) }

// partly ends a command that did its work, but not for every record. What went
// wrong has been said by then.
var errPartly = &problem{status: exitPartly, err: errors.New("some of it could not be done")}

// report tells a person what went wrong and returns the exit status.
func (c *command) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return exitInterrupted
	}
	status, hint, caret := exitFailed, "", ""
	if q := (*queryProblem)(nil); errors.As(err, &q) {
		caret = q.caret
	}
	if p := (*problem)(nil); errors.As(err, &p) {
		status, hint = p.status, p.hint
	}
	if !errors.Is(err, errPartly) && err.Error() != "" {
		fmt.Fprintf(c.err, "veille: error: %s\n", oneLine(err.Error()))
	}
	if caret != "" {
		fmt.Fprintf(c.err, "  %s\n", strings.ReplaceAll(caret, "\n", "\n  "))
	}
	if hint != "" {
		fmt.Fprintf(c.err, "veille: hint: %s\n", hint)
	}
	return status
}

// oneLine keeps an error on one line, also when a library or a hostile server put
// line breaks or control characters in it.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("%q takes no %q", cmd.CommandPath(), args[0]), "see: "+cmd.CommandPath()+" --help")
	}
	return nil
}

func someArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(fmt.Errorf("%s needs %s", cmd.CommandPath(), what), "see: "+cmd.CommandPath()+" --help")
		}
		return nil
	}
}
