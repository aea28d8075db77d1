package index

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/veille/schemas"
)

func files(t *testing.T, dir, pattern string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(dir, "g-*", pattern))
	if err != nil || len(out) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return out
}

// Any damage done to a closed index is noticed when it is opened: it is moved
// aside and an empty one serves until the log is replayed.
func TestDamageIsNoticed(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	whole := t.TempDir()
	ix, err := Open(nil, whole, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, ix, world{r}, 60)
	want := find(t, ix, Request{View: Articles}, "cloud")
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}

	// Each takes the bytes of a file and returns what is left of them.
	damages := map[string]func([]byte) []byte{
		"one bit": func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"200 bits": func(b []byte) []byte {
			for range 200 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
			return b
		},
		"4 KB of 0": func(b []byte) []byte { at := r.IntN(len(b)); clear(b[at:min(len(b), at+4096)]); return b },
		"cut":       func(b []byte) []byte { return b[:r.IntN(len(b))] },
		"empty":     func([]byte) []byte { return nil },
	}
	missed, tried := 0, 0
	for _, pattern := range []string{"store/*.zap", "store/root.bolt", "index_meta.json"} {
		for name, damage := range damages {
			for range 2 {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
					t.Fatal(err)
				}
				all := files(t, dir, pattern)
				file := all[r.IntN(len(all))]
				body, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				was := string(body)
				body = damage(body)
				if string(body) == was {
					continue // zeroes over zeroes
				}
				if err := os.WriteFile(file, body, 0o600); err != nil {
					t.Fatal(err)
				}
				tried++
				ix := open(t, dir)
				if _, needed := ix.NeedsRebuild(); !needed {
					missed++
					t.Errorf("%s in %s: not noticed", name, filepath.Base(file))
				}
				if a, _, _, err := ix.Counts(); err != nil || a != 0 {
					t.Errorf("%s in %s: %d articles, %v; want none", name, filepath.Base(file), a, err)
				}
				if tried%8 > 0 {
					continue
				}
				fill(t, ix, world{rand.New(rand.NewPCG(8, 8))}, 60)
				ix.Rebuilt()
				if got := find(t, ix, Request{View: Articles}, "cloud"); !slices.Equal(got, want) {
					t.Errorf("%s in %s: rebuilt, found %v, want %v", name, filepath.Base(file), got, want)
				}
			}
		}
	}
	t.Logf("%d damages, %d missed", tried, missed)
}

// An index that ends the process each time it is opened is given up.
func TestCrashLoopEnds(t *testing.T) {
	dir := t.TempDir()
	ix, err := Open(nil, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, ix, extraction(1, "fr", "Titre", "Texte"))
	folder := ix.cur.Load().folder
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	for starts := range maxOpened {
		if err := verify(folder); err != nil {
			t.Fatalf("given up after %d starts: %v", starts, err)
		}
		if _, err := markOpened(folder); err != nil {
			t.Fatal(err)
		}
	}
	ix = open(t, dir)
	if why, needed := ix.NeedsRebuild(); !needed {
		t.Errorf("still used after %d starts that did not last", maxOpened)
	} else {
		t.Log(why)
	}
}

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	ix, err := Open(nil, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, ix, extraction(1, "fr", "Titre", "Texte"))
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "CURRENT")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(body), fmt.Sprintf(`"format":%d`, Format), fmt.Sprintf(`"format":%d`, Format+1), 1)
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(nil, dir, Options{}); !errors.Is(err, ErrNewer) {
		t.Fatalf("Open of a newer format: %v, want ErrNewer", err)
	}
	if len(files(t, dir, "store/root.bolt")) != 1 {
		t.Error("a newer index was touched")
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	ix = open(t, dir)
	if a, _, _, _ := ix.Counts(); a != 1 {
		t.Errorf("%d articles, want 1", a)
	}
}

func TestUnreadableCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "CURRENT"), []byte(fmt.Sprintf(`{"format":%d,"folder":"../../etc"}`, Format)), 0o600); err != nil {
		t.Fatal(err)
	}
	ix := open(t, dir)
	if _, needed := ix.NeedsRebuild(); !needed {
		t.Error("no rebuild asked for")
	}
}

// A successor is built beside the index and takes its place while it is searched:
// no search fails, and the answers are the same.
func TestSwapWhileSearching(t *testing.T) {
	dir := t.TempDir()
	ix := open(t, dir)
	seed := func() world { return world{rand.New(rand.NewPCG(9, 9))} }
	fill(t, ix, seed(), 80)
	want := find(t, ix, Request{View: Articles, Sort: Relevance}, "cloud OR serveur")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := ix.Search(t.Context(), Request{View: Articles, Sort: Relevance, Query: parse(t, "cloud OR serveur"), Limit: 100})
				if err != nil {
					t.Error(err)
					return
				}
				if got := ids(res); !slices.Equal(got, want) {
					t.Errorf("found %v, want %v", got, want)
					return
				}
			}
		})
	}
	for range 3 {
		gen := ix.Generation()
		nx, err := ix.OpenNew()
		if err != nil {
			t.Fatal(err)
		}
		fill(t, nx, seed(), 80)
		if err := nx.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := ix.Swap(nx); err != nil {
			t.Fatal(err)
		}
		if ix.Generation() <= gen {
			t.Errorf("generation %d after a swap, was %d", ix.Generation(), gen)
		}
	}
	close(stop)
	wg.Wait()
	put(t, ix, extraction(900, "fr", "Après l'échange", "zibeline"))
	if got := find(t, ix, Request{View: Articles}, "zibeline"); len(got) != 1 {
		t.Errorf("written after the swap, found %v", got)
	}
	if got := files(t, dir, "store"); len(got) != 1 {
		t.Errorf("folders left: %v", got)
	}
	nx, err := ix.OpenNew()
	if err != nil {
		t.Fatal(err)
	}
	if err := nx.Discard(); err != nil {
		t.Error(err)
	}
	if err := ix.Discard(); err == nil {
		t.Error("the index that serves was discarded")
	}
}

// What PutExtractions has returned for is there after kill -9.
func TestKill(t *testing.T) {
	if dir := os.Getenv("VEILLE_INDEX_KILL"); dir != "" {
		ix, err := Open(nil, dir, Options{})
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		if why, needed := ix.NeedsRebuild(); needed {
			fmt.Println("failed", why)
			return
		}
		a, _, _, err := ix.Counts()
		if err != nil {
			fmt.Println("failed", err)
			return
		}
		for n := a; ; n++ {
			if err := ix.PutExtractions(t.Context(), []schemas.Extraction{extraction(n, "fr", "Titre", "Texte")}); err != nil {
				fmt.Println("failed", err)
				return
			}
			os.Stdout.WriteString(fmt.Sprintf("put %d\n", n+1))
		}
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	acked := 0
	for round := range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "VEILLE_INDEX_KILL="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stopAt := acked + 1 + r.IntN(15)
		for acked < stopAt {
			var word string
			var n int
			if _, err := fmt.Fscan(out, &word, &n); err != nil || word != "put" {
				t.Fatalf("round %d: %q, %v", round, word, err)
			}
			acked = n
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	ix := open(t, dir)
	if why, needed := ix.NeedsRebuild(); needed {
		t.Errorf("needs rebuild: %s", why)
	}
	if a, _, _, err := ix.Counts(); err != nil || a < acked {
		t.Errorf("%d articles after four kills, %v; %d were acknowledged", a, err, acked)
	}
}

// What is stored can be read with the sample it was written with only: another one
// is another format.
func TestStoredSample(t *testing.T) {
	of := map[int]string{5: "70fe57ad718cbee3"}
	if got := fmt.Sprintf("%x", sha256.Sum256(storedSample))[:16]; got != of[Format] {
		t.Errorf("the sample is %s, format %d was written with %q: raise Format and note it here", got, Format, of[Format])
	}
	for _, bad := range []string{"", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\x80\x80\x80\x80\x04", "\x05abc"} {
		if _, err := unpack([]byte(bad)); err == nil {
			t.Errorf("unpack(%q): no error", bad)
		}
	}
	body := []byte(`{"id":"x_1"}`)
	if got, err := unpack(storedShape().Encode(nil, body)); err != nil || string(got) != string(body) {
		t.Errorf("unpack(encoded): %q, %v", got, err)
	}
}
