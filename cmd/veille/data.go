package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// dataVersion is the layout of the data folder that this program writes. A folder
// of a newer one is refused: it may hold what this program would lose.
const dataVersion = 1

// dataFolder is the one place where veille keeps things: LOCK, VERSION, archive/
// (what was fetched), nats/ (the log), index/ (a view of it) and admin-token.
type dataFolder struct {
	dir  string
	lock *os.File
}

// openData takes the folder for this process and makes it where it is missing.
func openData(dir string) (*dataFolder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fail(exitData, fmt.Errorf("make the data folder: %w", pathless(err, dir)), "choose another folder with --data DIR")
	}
	lock, err := lockFile(filepath.Join(dir, "LOCK"))
	if errors.Is(err, errHeld) {
		pid, _ := heldBy(dir)
		return nil, fail(exitLocked, fmt.Errorf("the data folder %s is in use by another veille (process %s)", dir, pid),
			"stop that one first, or choose another folder with --data DIR")
	}
	if err != nil {
		return nil, fail(exitData, fmt.Errorf("lock the data folder: %w", pathless(err, dir)), "choose another folder with --data DIR")
	}
	d := &dataFolder{dir, lock}
	if err := d.checkVersion(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// serves writes beside the process where it answers, for commands of the same folder.
func (d *dataFolder) serves(address string) error {
	if _, err := fmt.Fprintln(d.lock, address); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	return nil
}

// heldBy tells the process that has, or had last, a data folder, and the address
// under which it answers; "" for what is not known.
func heldBy(dir string) (process, address string) {
	body, _ := os.ReadFile(filepath.Join(dir, "LOCK")) // none: nothing is known
	lines := strings.Split(string(body), "\n")
	if len(lines) > 1 && strings.HasPrefix(lines[1], "http://") {
		address = lines[1]
	}
	return lines[0], address
}

func (d *dataFolder) path(name string) string { return filepath.Join(d.dir, name) }

func (d *dataFolder) close() {
	_ = d.lock.Truncate(0) // nobody answers any more
	_ = d.lock.Close()
}

func (d *dataFolder) checkVersion() error {
	body, err := os.ReadFile(d.path("VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return os.WriteFile(d.path("VERSION"), []byte(strconv.Itoa(dataVersion)+"\n"), 0o600)
	}
	if err != nil {
		return fail(exitData, fmt.Errorf("read the data folder: %w", err), "choose another folder with --data DIR")
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(body)))
	switch {
	case err != nil:
		return fail(exitData, fmt.Errorf("%s holds %q, which is no version", d.path("VERSION"), strings.TrimSpace(string(body))), "is this a folder of veille? choose another one with --data DIR")
	case n > dataVersion:
		return fail(exitData, fmt.Errorf("the data folder %s was written by a newer veille (layout %d, this one knows %d)", d.dir, n, dataVersion), "use that newer veille, or choose another folder with --data DIR")
	}
	return nil
}

// token returns the admin token and whether it was made just now.
func (d *dataFolder) token() (token string, fresh bool, err error) {
	path := d.path("admin-token")
	body, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(body))) >= 32 {
		return strings.TrimSpace(string(body)), false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("read the admin token: %w", err)
	}
	var b [24]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", false, err
	}
	token = "vl_" + hex.EncodeToString(b[:])
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", false, fmt.Errorf("keep the admin token: %w", err)
	}
	return token, true, nil
}

// node names this machine on a cluster: each has an index of its own, and so
// consumers of its own to fill it.
func (d *dataFolder) node() (string, error) {
	body, err := os.ReadFile(d.path("NODE"))
	if err == nil && len(body) > 4 {
		return strings.TrimSpace(string(body)), nil
	}
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	name := "-" + hex.EncodeToString(b[:])
	if err := os.WriteFile(d.path("NODE"), []byte(name+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the node's name: %w", err)
	}
	return name, nil
}
