package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"example.org/veille/bus"
	"example.org/veille/serve"
)

// letters lists the dead letters, newest first.
func (a *app) letters(ctx context.Context, n int) ([]serve.Letter, error) {
	list, err := a.bus.Deads(ctx, n)
	out := make([]serve.Letter, len(list))
	for i, d := range list {
		out[i] = serve.Letter{Dead: d.Dead, Place: d.Place}
	}
	slices.Reverse(out)
	return out, err
}

func (a *app) retryLetter(ctx context.Context, place uint64) error {
	return letterError(a.bus.Revive(ctx, place))
}

// discarded is the note of a dead letter that somebody threw away, with the letter.
type discarded struct {
	At     time.Time      `json:"at"`
	By     string         `json:"by"`
	Note   string         `json:"note,omitempty"`
	Letter bus.DeadLetter `json:"letter"`
}

// discardLetter writes the letter down before it takes it away: nothing is lost by a
// wrong button.
func (a *app) discardLetter(ctx context.Context, place uint64, by, note string) error {
	d, err := a.bus.DeadAt(ctx, place)
	if err != nil {
		return letterError(err)
	}
	if err := a.data.appendLine("discarded.jsonl", discarded{time.Now().UTC(), by, note, d}); err != nil {
		return err
	}
	return letterError(a.bus.Drop(ctx, place))
}

func letterError(err error) error {
	if errors.Is(err, bus.ErrNoLetter) {
		return fmt.Errorf("%w: %w", serve.ErrNoLetter, err)
	}
	return err
}

func (d *dataFolder) appendLine(name string, v any) error { return appendLine(d.path(name), v) }

// appendLine adds a JSON object to a file, one a line, and returns when it is on the
// disk.
func appendLine(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(b, '\n'))
	return errors.Join(err, file.Sync(), file.Close())
}
