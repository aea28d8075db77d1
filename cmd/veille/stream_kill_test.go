package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/veille/ingest/opml"
	"example.org/veille/schemas"
)

// TestStreamKill follows the stream of a real veille that is killed with -9 in the
// middle of it, again and again. The client comes back with the last id it saw, as a
// browser does: at the end it was told of each event of the log once, in order, none
// is missing, and what the index says of the deals is what the events said last.
func TestStreamKill(t *testing.T) {
	kills := 4
	if testing.Short() {
		kills = 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	press := newNewsroom(t, rng)
	dir := t.TempDir()
	sources := filepath.Join(dir, "sources.opml")
	var list bytes.Buffer
	if err := opml.New("press", press.sources()).Write(&list); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sources, list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	// It must come back where the client looks for it: the port is one that was free.
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	base := "http://" + listen
	start := func() (*exec.Cmd, chan error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "--data", data, "--sources", sources, "--allow-cidr", "127.0.0.0/8",
			"--poll-host-delay", "0s", "--poll-min-interval", "200ms", "--poll-max-interval", "300ms", "--listen", listen, "--progress", "none")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		return cmd, ended
	}

	type told struct {
		seq  uint64
		kind string
		deal schemas.Deal
	}
	var got []told
	last := "0"
	// follow reads the stream until it breaks or enough is true.
	follow := func(enough func() bool) error {
		ctx, cancel := context.WithTimeout(t.Context(), hang)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Last-Event-ID", last)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("the stream answers %d", res.StatusCode)
		}
		r := bufio.NewReader(res.Body)
		var id, kind, body string
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err // an event that was cut off is none
			}
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "id":
				id = value
			case "event":
				kind = value
			case "data":
				body = value
			case "":
				if id != "" {
					last = id
				}
				if kind != "" {
					seq, err := strconv.ParseUint(id, 10, 64)
					var data struct{ Deal schemas.Deal }
					if e := json.Unmarshal([]byte(body), &data); err != nil || e != nil {
						t.Fatalf("event %s: %v %v\n%s", id, err, e, body)
					}
					got = append(got, told{seq, kind, data.Deal})
				}
				id, kind, body = "", "", ""
				if enough() {
					return io.EOF
				}
			}
		}
	}

	guard := time.Now().Add(hang)
	inTheMiddle := 0
	for i := range kills {
		press.show(40 / kills)
		cmd, ended := start()
		had, after := len(got), 1+rng.IntN(3)
		for time.Now().Before(guard) {
			err := follow(func() bool {
				if len(got) < had+after {
					return false
				}
				// Killed while it streams; what is on its way may arrive or not.
				_ = cmd.Process.Signal(syscall.SIGKILL)
				after = 1 << 30
				inTheMiddle++
				return false
			})
			if after == 1<<30 {
				break
			}
			select {
			case e := <-ended:
				t.Fatalf("run %d ended by itself: %v", i, e)
			case <-time.After(20 * time.Millisecond): // it does not listen yet
				_ = err
			}
		}
		<-ended
	}
	if inTheMiddle != kills {
		t.Fatalf("%d of %d kills fell into the stream", inTheMiddle, kills)
	}
	press.show(40)
	cmd, ended := start()
	parties := func() map[string]bool {
		pairs := map[string]bool{}
		for _, e := range got {
			pairs[schemas.PartyKey(e.deal.Parties)] = true
		}
		return pairs
	}
	const agreements = 12
	for len(parties()) < agreements && time.Now().Before(guard) {
		_ = follow(func() bool { return len(parties()) >= agreements })
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the last run: %v", err)
	}

	// Whatever else is in the log, it is told as well.
	w := &world{t: t, dir: data, press: press.Server, list: press.sources()}
	w.open()
	defer w.close()
	w.drain()
	base = w.base
	_, tip, err := w.app.bus.Size(t.Context(), schemas.StreamDeals)
	if err != nil {
		t.Fatal(err)
	}
	if last != fmt.Sprint(tip) {
		_ = follow(func() bool { return last == fmt.Sprint(tip) })
	}
	if last != fmt.Sprint(tip) {
		t.Errorf("the last id is %s, the log ends at %d", last, tip)
	}
	for i, e := range got {
		if e.kind == "gap" || e.seq != uint64(i+1) {
			t.Fatalf("event %d has id %d (%s)", i, e.seq, e.kind)
		}
	}
	if n := len(parties()); n != agreements {
		t.Errorf("%d agreements were told of, want %d", n, agreements)
	}

	// The events are the log, and the index is what they said last.
	want := map[string]string{}
	for _, e := range got {
		if want[e.deal.ID] = e.deal.Status; e.kind == "deal.merged" || e.kind == "deal.retracted" {
			delete(want, e.deal.ID)
		}
	}
	var found dealList
	w.get("/api/v1/deals", url.Values{"limit": {"200"}, "q": {"status:*"}}, &found)
	have := map[string]string{}
	for _, d := range found.Data {
		have[d.ID] = d.Status
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("the index has %v, the events said %v", have, want)
	}
}
