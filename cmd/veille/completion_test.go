package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is proposed after TAB, without a running veille.
func TestCompletion(t *testing.T) {
	t.Setenv("VEILLE_LISTEN", "127.0.0.1:1")
	t.Setenv("VEILLE_DATA", t.TempDir())
	for _, test := range []struct {
		args []string
		want string // a line, up to its description
	}{
		{[]string{"search", "vend"}, "vendor:"},
		{[]string{"search", "vendor:nuta"}, "vendor:nutanix"},
		{[]string{"search", "éditeur:nuta"}, "éditeur:nutanix"},
		{[]string{"search", "vendor:hpe,del"}, "vendor:hpe,dell"},
		{[]string{"search", "vendor:nutanix type:distr"}, "vendor:nutanix type:distribution"},
		{[]string{"stats", "statut:rum"}, "statut:rumoured"},
		{[]string{"export", "kind:hyper"}, "kind:hyperscaler"},
		{[]string{"tail", "vendor:@hyper"}, "vendor:@hyperscalers"},
		{[]string{"prices", "currency:EUR vend"}, "currency:EUR vendor:"},
		{[]string{"search", "x", "--view", ""}, "articles"},
		{[]string{"search", "x", "--sort", ""}, "relevance"},
		{[]string{"export", "x", "--format", ""}, "parquet"},
		{[]string{"vendors", "show", "nutan"}, "nutanix"},
		{[]string{"sea"}, "search"},
		{[]string{"deals", "sh"}, "show"},
	} {
		status, out, errs := run(t.Context(), append([]string{"__complete"}, test.args...)...)
		found := false
		for line := range strings.Lines(out) {
			text, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			found = found || text == test.want
		}
		if status != 0 || !found {
			t.Errorf("%q: %d, no %q in\n%s%s", test.args, status, test.want, out, errs)
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%q: escape bytes", test.args)
		}
	}
	// A field goes on: no blank after its colon. 2 is cobra's bit for that.
	_, out, _ := run(t.Context(), "__complete", "search", "distributo")
	if !strings.HasSuffix(strings.TrimSpace(out), ":6") {
		t.Errorf("the directive after a field: %q, want :6", out)
	}
}

// TestCompletionScripts lets each shell that is installed read its script, and bash
// complete with it.
func TestCompletionScripts(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := fmt.Sprintf("#!/bin/sh\nexec env %s=1 '%s' \"$@\"\n", childEnv, self)
	if err := os.WriteFile(filepath.Join(dir, "veille"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	for shell, parse := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}, "powershell": {"pwsh", "-NoProfile", "-File"}} {
		status, script, errs := run(t.Context(), "completion", shell)
		if status != 0 || !strings.Contains(script, "__complete") || strings.Contains(script, "\x1b") {
			t.Errorf("completion %s: %d, %.80q\n%s", shell, status, script, errs)
		}
		file := filepath.Join(dir, "completion."+shell)
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(parse[0]); err != nil {
				t.Skipf("%s is not installed", parse[0])
			}
			if out, err := exec.CommandContext(t.Context(), parse[0], append(parse[1:], file)...).CombinedOutput(); err != nil {
				t.Errorf("%s cannot read its script: %v\n%s", shell, err, out)
			}
		})
	}
	t.Run("bash completes", func(t *testing.T) {
		if _, err := exec.LookPath("bash"); err != nil {
			t.Skip("bash is not installed")
		}
		// The function comes with bash-completion: the words of the line, not cut at
		// colons. compopt works under readline only.
		const press = `
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
compopt() { :; }
source "$1"
tab() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMPREPLY=(); __start_veille; printf '%s\n' "${COMPREPLY[@]}"; }
tab veille search vendor:nutan
tab veille search typ
tab veille export x --format pa
tab veille vendors show nutan
`
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-c", press, "bash", filepath.Join(dir, "completion.bash"))
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "VEILLE_LISTEN=127.0.0.1:1", "VEILLE_DATA="+dir)
		out, err := cmd.CombinedOutput()
		// What stands before a colon is a word of its own to bash and stays as it is.
		if got, want := strings.Fields(string(out)), []string{"nutanix", "type:", "type_prix:", "parquet", "nutanix"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("bash proposes %q (%v), want %q", got, err, want)
		}
	})
}
