package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/veille/ingest/opml"
)

// TestAlertFullDisk runs a real veille on a small disk of its own and fills that up
// while news come in: it says so where people look, nothing is told that was not
// written down, and when there is room again everything is told once.
func TestAlertFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute: until a disk without room is noticed")
	}
	if err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).Run(); err != nil {
		t.Skipf("no disk of its own can be had here: unshare -rm mount: %v", err)
	}
	press := newNewsroom(t, rand.New(rand.NewPCG(5, 5)))
	hooks := &told{}
	w := alertWorld(t, press, hooks)
	token, _, err := w.app.data.token()
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	dir := t.TempDir()
	list := filepath.Join(dir, "s.opml")
	var doc bytes.Buffer
	if err := opml.New("press", press.sources()).Write(&doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, doc.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	// The disk is there as long as the shell, which starts a veille for each line.
	shell := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c",
		`mount -t tmpfs -o size=64m tmpfs "$1" && cp -a "$2"/. "$1"/ && shift 2 && while read line; do "$@" & echo "pid $!" >&2; done; wait`, "sh", disk, w.dir,
		os.Args[0], "run", "--data", disk, "--sources", list, "--allow-cidr", "127.0.0.0/8",
		"--poll-host-delay", "0s", "--poll-min-interval", "200ms", "--poll-max-interval", "300ms", "--listen", "127.0.0.1:0", "--progress", "none")
	shell.Env = append(os.Environ(), childEnv+"=1")
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := shell.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	bases, pids := make(chan string, 2), make(chan int, 2)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for sc := bufio.NewScanner(errs); sc.Scan(); {
			var pid int
			if _, err := fmt.Sscanf(sc.Text(), "pid %d", &pid); err == nil {
				pids <- pid
			} else if url, ok := strings.CutPrefix(sc.Text(), "page   "); ok {
				bases <- strings.TrimRight(url, "/")
			} else if !strings.Contains(sc.Text(), "poll not completed") {
				fmt.Fprintln(t.Output(), sc.Text())
			}
		}
	}()
	pid := 0
	start := func() {
		t.Helper()
		if _, err := io.WriteString(in, "go\n"); err != nil {
			t.Fatal(err)
		}
		select {
		case pid = <-pids:
		case <-time.After(hang):
			t.Fatal("it does not start")
		}
		select {
		case w.base = <-bases:
		case <-time.After(hang):
			t.Fatal("it does not serve")
		}
	}
	kill := func() { _ = syscall.Kill(pid, syscall.SIGKILL) }
	defer func() {
		kill()
		_ = in.Close()
		<-read
		_ = shell.Wait()
	}()
	start()
	press.show(10)
	within(t, func() bool { return hooks.deals() >= 3 })

	// No room is left, not for one byte.
	filler := fmt.Sprintf("/proc/%d/root%s/filler", shell.Process.Pid, disk)
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for junk := make([]byte, 64<<10); len(junk) > 0; {
		if _, err := f.Write(junk); err != nil {
			junk = junk[:len(junk)/2]
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	press.show(30)
	for lang, want := range map[string]string{"fr": "Le disque est-il plein ?", "en": "Is the disk full?"} {
		for _, path := range []string{"/alerts", "/alerts/hook"} {
			for guard := time.After(hang); !strings.Contains(w.page(path, lang), want); {
				select {
				case <-guard:
					t.Fatalf("%s in %s does not say %q", path, lang, want)
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	}
	var saved struct{ Trouble string }
	if status := w.get("/api/v1/saved", nil, &saved); status != http.StatusOK || !strings.Contains(saved.Trouble, "disk") {
		t.Errorf("the API: %d %+v", status, saved)
	}
	if body := w.page("/metrics", "en"); !strings.Contains(body, "veille_deliveries_writable 0") {
		t.Error("the figures do not say it")
	}
	t.Setenv("VEILLE_TOKEN", token)
	if status, _, errs := run(t.Context(), "alerts", "list", "--server", w.base); status != 0 || !strings.Contains(errs, "outbox cannot be written") {
		t.Errorf("the command: %d %s", status, errs)
	}
	told := hooks.deals()
	t.Logf("%d agreements were told before the disk was full", told)

	// Room again; and since the embedded log may not get over it, a new start, the
	// hard way.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	kill()
	start()
	within(t, func() bool { return hooks.deals() == 12 })
	hooks.mu.Lock()
	defer hooks.mu.Unlock()
	for deal, ids := range hooks.deal {
		if len(ids) != 1 || !strings.HasPrefix(deal, "new ") {
			t.Errorf("%q was told under %d ids", deal, len(ids))
		}
	}
}
