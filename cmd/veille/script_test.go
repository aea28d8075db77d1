package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// childEnv makes the test binary a veille: tests that kill it start it so.
const childEnv = "VEILLE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){
		"veille": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			code := Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
			if path := os.Getenv("STATUS"); path != "" {
				_ = os.WriteFile(path, []byte(strconv.Itoa(code)), 0o600)
			}
			os.Exit(code)
		},
	})
}

var update = flag.Bool("update", false, "rewrite what scripts expect")

// TestScripts runs the commands as people type them; each script is a page of the
// manual.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/state")
			e.Setenv("STATUS", e.WorkDir+"/.status")
			e.Setenv("LANG", "en_GB.UTF-8")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// status N: the last veille ended with it.
			"status": func(ts *testscript.TestScript, _ bool, args []string) {
				if got := strings.TrimSpace(ts.ReadFile(".status")); got != args[0] {
					ts.Fatalf("exit status %s, want %s", got, args[0])
				}
			},
			// cmpids stdout a b '': the ids of the JSON lines, in order.
			"cmpids": func(ts *testscript.TestScript, _ bool, args []string) {
				var got []string
				for line := range strings.Lines(ts.ReadFile(args[0])) {
					var o struct{ ID string }
					if err := json.Unmarshal([]byte(line), &o); err != nil {
						ts.Fatalf("line %q: %v", line, err)
					}
					got = append(got, o.ID)
				}
				if !slices.Equal(got, args[1:]) {
					ts.Fatalf("ids %q, want %q", got, args[1:])
				}
			},
		},
	})
}
