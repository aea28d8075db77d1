package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.json")
	s := Open(path)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Fatalf("without a file: %v, %v", list, err)
	}
	for _, c := range []struct {
		name, role, password string
		want                 error
	}{
		{"Claire", Analyst, "une phrase de passe", nil},
		{"bob@example.org", Reader, "", nil},
		{"", Reader, "long enough", ErrName}, {"a b", Reader, "long enough", ErrName}, {"-x", Reader, "long enough", ErrName}, {strings.Repeat("x", 65), Reader, "long enough", ErrName}, {"é", Reader, "long enough", ErrName},
		{"x", "owner", "long enough", ErrRole}, {"x", Reader, "short", ErrPassword}, {"x", Reader, strings.Repeat("x", 257), ErrPassword}, {"x", Reader, "\xff\xfe not text", ErrPassword},
	} {
		if err := s.Add(c.name, c.role, c.password, now); !errors.Is(err, c.want) {
			t.Errorf("%q %q: %v, want %v", c.name, c.role, err, c.want)
		}
	}
	for _, c := range []struct {
		name, password string
		want           bool
	}{
		{"claire", "une phrase de passe", true}, {" CLAIRE ", "une phrase de passe", true}, {"claire", "une phrase de passe ", false}, {"claire", "", false},
		{"bob@example.org", "", false}, {"nobody", "une phrase de passe", false}, {"nobody", "", false}, {"claire", strings.Repeat("x", 10_000), false},
	} {
		a, ok, err := s.Check(c.name, c.password)
		if err != nil || ok != c.want || ok && (a.Role != Analyst || a.Name != "claire") {
			t.Errorf("%q with %.20q: %v %+v %v, want %v", c.name, c.password, ok, a, err, c.want)
		}
	}
	body, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(body), "phrase") || !strings.Contains(string(body), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the file: %s, %v", body, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, %v", st.Mode(), err)
	}
	// Another process writes: this one sees it, another role keeps the password.
	other := Open(path)
	if err := other.Add("claire", Admin, "", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if a, ok, err := s.Check("claire", "une phrase de passe"); err != nil || !ok || a.Role != Admin || !a.Since.Equal(now) {
		t.Errorf("after a change elsewhere: %+v %v %v", a, ok, err)
	}
	if err := other.Remove("Claire"); err != nil {
		t.Fatal(err)
	}
	if err := other.Remove("claire"); !errors.Is(err, ErrNobody) {
		t.Errorf("removed twice: %v", err)
	}
	if _, ok, err := s.Check("claire", "une phrase de passe"); ok || err != nil {
		t.Errorf("after it was taken away: %v %v", ok, err)
	}
}

// A file that was damaged by hand is an error, never an open door.
func TestDamagedFile(t *testing.T) {
	for _, body := range []string{"{", `[{"name":"A","role":"admin"}]`, `[{"name":"a","role":"god"}]`, "[" + strings.Repeat(" ", maxFile) + "]"} {
		path := filepath.Join(t.TempDir(), "users.json")
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		s := Open(path)
		if _, err := s.List(); err == nil {
			t.Errorf("%.40q is read", body)
		}
		if _, ok, err := s.Check("a", "anything at all"); ok || err == nil {
			t.Errorf("%.40q opens: %v", body, err)
		}
		if err := s.Add("b", Admin, "long enough", now); err == nil {
			t.Errorf("%.40q is written over", body)
		}
	}
}

func TestVerify(t *testing.T) {
	// A hash of the reference implementation's kind, with other parameters.
	s := Open("")
	good := s.hashed("correct horse")
	if !verify(good, "correct horse") || verify(good, "correct horsE") {
		t.Error("the right password fails, or a wrong one passes")
	}
	for _, bad := range []string{"", nobody, "$argon2i$v=19$m=19456,t=2,p=1$AA$AA", strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=19456", "m=99999999", 1), strings.Replace(good, "t=2", "t=9999", 1), good[:len(good)-30], good + "$x", "plain"} {
		if verify(bad, "correct horse") {
			t.Errorf("%q passes", bad)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(nobody, "x")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "x")
	f.Fuzz(func(_ *testing.T, hash, password string) {
		if len(hash) < 200 && !strings.Contains(hash, "m=2") { // not the slow ones
			verify(hash, password)
		}
	})
}
