package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// meter shows how far a long command has come, on stderr: a bar on a terminal, a
// line now and then elsewhere, one JSON object a line with --progress json.
type meter struct {
	c      *command
	mode   string
	every  time.Duration
	last   time.Time
	phase  string
	opened bool // a bar stands on the present line
}

func (c *command) meter() *meter {
	m := &meter{c: c, mode: c.progress, every: 5 * time.Second}
	_, tty := terminal(c.err)
	switch {
	case c.quiet:
		m.mode = "none"
	case m.mode == "auto" && tty:
		m.mode = "bar"
	case m.mode == "auto":
		m.mode = "plain"
	}
	if m.mode == "bar" {
		m.every = 100 * time.Millisecond
	}
	return m
}

// show tells that done of total are through in a phase; total 0 means not known.
// A new phase and its end are always shown.
func (m *meter) show(phase string, done, total int, note string) {
	now := time.Now()
	fresh := phase != m.phase
	ended := total > 0 && done >= total
	if m.mode == "none" || !fresh && !ended && now.Sub(m.last) < m.every {
		return
	}
	if fresh {
		m.end()
	}
	m.phase, m.last = phase, now
	note = oneLine(norm.NFC.String(note))
	switch m.mode {
	case "json":
		b, _ := json.Marshal(map[string]any{"phase": phase, "done": done, "total": total, "note": note}) // plain values always encode
		fmt.Fprintln(m.c.err, string(b))
	case "bar":
		width, _ := terminal(m.c.err)
		line := fmt.Sprintf("%-10s", phase)
		if total > 0 {
			const cells = 24
			full := min(cells, done*cells/total)
			line += fmt.Sprintf(" %s%s %d/%d", strings.Repeat("█", full), strings.Repeat("░", cells-full), done, total)
		} else {
			line += fmt.Sprintf(" %d", done)
		}
		line += "  " + note
		if r := []rune(line); len(r) > width-1 && width > 1 {
			line = string(r[:width-1])
		}
		fmt.Fprintf(m.c.err, "\r\x1b[K%s", line)
		m.opened = true
	default:
		if total > 0 {
			fmt.Fprintf(m.c.err, "%s: %d of %d  %s\n", phase, done, total, note)
		} else {
			fmt.Fprintf(m.c.err, "%s: %d  %s\n", phase, done, note)
		}
	}
	if ended {
		m.end()
	}
}

// end leaves the bar's line.
func (m *meter) end() {
	if m.opened {
		fmt.Fprintln(m.c.err)
		m.opened = false
	}
}

// say prints a line for people, on stderr, unless --quiet.
func (c *command) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}
