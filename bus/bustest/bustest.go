// Package bustest gives a test a real JetStream of its own: embedded, on disk,
// without a port, gone with the test.
package bustest

import (
	"log/slog"
	"testing"

	"example.org/veille/bus"
)

// Open starts a bus in the test's folder and closes it at the test's end.
func Open(t testing.TB) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), Log(t), bus.Options{Dir: t.TempDir(), MaxStore: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Log writes to the test's output.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
