// Package accounts keeps the people who may use a veille: names, roles and hashes of
// passwords, in one file that the command line and the page both write.
//
// [Open] names the file; [Store.List], [Store.Add], [Store.Remove] and [Store.Check] do
// the rest. The file is written whole or not at all, and read again when somebody else
// has written it, so that an account taken away on the command line ends at once.
// Passwords are hashed with Argon2id (RFC 9106) and stand in the file in its usual
// string form; the package knows nothing of sessions, tokens or HTTP.
package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Roles, from the least to the most: a reader reads, an analyst also saves searches,
// sets alerts and corrects deals, an admin may do everything.
const (
	Reader  = "reader"
	Analyst = "analyst"
	Admin   = "admin"
)

// Roles lists the roles, the least first.
var Roles = []string{Reader, Analyst, Admin}

// Account is one person.
type Account struct {
	Name  string    `json:"name"`
	Role  string    `json:"role"`
	Hash  string    `json:"hash,omitempty"` // of the password; "" where a proxy signs people in
	Since time.Time `json:"since"`
}

// Errors of [Store.Add] and [Store.Remove].
var (
	ErrName     = errors.New("a name has 1 to 64 letters, digits and . _ - + @, and begins with a letter or a digit")
	ErrRole     = errors.New("the roles are " + strings.Join(Roles, ", "))
	ErrPassword = fmt.Errorf("a password has %d to %d characters", MinPassword, MaxPassword)
	ErrNobody   = errors.New("nobody has that name")
)

// Bounds of a password, in characters. The longest keeps the work of hashing bounded.
const (
	MinPassword = 10
	MaxPassword = 256
)

// maxAccounts bounds the file, maxFile its bytes.
const (
	maxAccounts = 1000
	maxFile     = 1 << 20
)

// Store is the file of the accounts.
type Store struct {
	path string

	mu    sync.Mutex
	read  time.Time // modification time of what was read
	size  int64
	known []Account
	hash  chan struct{} // a place for each password being hashed
}

// Open names the file. It need not be there: then there is nobody.
func Open(path string) *Store { return &Store{path: path, hash: make(chan struct{}, 2)} }

// List gives all accounts, by name.
func (s *Store) List() ([]Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

func (s *Store) list() ([]Account, error) {
	st, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.known, s.read = nil, time.Time{}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	if st.ModTime().Equal(s.read) && st.Size() == s.size {
		return slices.Clone(s.known), nil
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("read the accounts: %s has %d bytes", filepath.Base(s.path), st.Size())
	}
	body, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("read the accounts: %w", err)
	}
	var list []Account
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("read the accounts: %s: %w", filepath.Base(s.path), err)
	}
	for _, a := range list {
		if err := a.validate(); err != nil {
			return nil, fmt.Errorf("read the accounts: %s: %q: %w", filepath.Base(s.path), a.Name, err)
		}
	}
	s.known, s.read, s.size = list, st.ModTime(), st.Size()
	return slices.Clone(list), nil
}

func (a Account) validate() error {
	if a.Name != Fold(a.Name) || !nameable(a.Name) {
		return ErrName
	}
	if !slices.Contains(Roles, a.Role) {
		return ErrRole
	}
	return nil
}

// Fold is the form in which names are kept and compared.
func Fold(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func nameable(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i, r := range name {
		plain := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("._-+@", r)) {
			return false
		}
	}
	return true
}

// Find gives the account of a name.
func (s *Store) Find(name string) (Account, bool, error) {
	list, err := s.List()
	if err != nil {
		return Account{}, false, err
	}
	i := slices.IndexFunc(list, func(a Account) bool { return a.Name == Fold(name) })
	if i < 0 {
		return Account{}, false, nil
	}
	return list[i], true, nil
}

// Add makes an account, or gives the one of that name another role and password. An
// empty password leaves the one there is; a new account without one can only come
// through a proxy that signs people in.
func (s *Store) Add(name, role, password string, now time.Time) error {
	a := Account{Name: Fold(name), Role: role, Since: now.UTC().Truncate(time.Second)}
	if err := a.validate(); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(password); password != "" && (n < MinPassword || n > MaxPassword || !utf8.ValidString(password)) {
		return ErrPassword
	}
	if password != "" {
		a.Hash = s.hashed(password)
	}
	return s.edit(func(list []Account) ([]Account, error) {
		i := slices.IndexFunc(list, func(o Account) bool { return o.Name == a.Name })
		if i < 0 {
			if len(list) >= maxAccounts {
				return nil, fmt.Errorf("there are %d accounts already", len(list))
			}
			return append(list, a), nil
		}
		a.Since = list[i].Since
		if a.Hash == "" {
			a.Hash = list[i].Hash
		}
		list[i] = a
		return list, nil
	})
}

// Remove takes an account away.
func (s *Store) Remove(name string) error {
	return s.edit(func(list []Account) ([]Account, error) {
		i := slices.IndexFunc(list, func(o Account) bool { return o.Name == Fold(name) })
		if i < 0 {
			return nil, ErrNobody
		}
		return slices.Delete(list, i, i+1), nil
	})
}

func (s *Store) edit(change func([]Account) ([]Account, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.list()
	if err == nil {
		list, err = change(list)
	}
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b Account) int { return strings.Compare(a.Name, b.Name) })
	body, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return fmt.Errorf("write the accounts: %w", err)
	}
	if err := os.WriteFile(s.path+".part", append(body, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the accounts: %w", err)
	}
	if err := os.Rename(s.path+".part", s.path); err != nil {
		return fmt.Errorf("write the accounts: %w", err)
	}
	s.read = time.Time{} // read again: the clock of files is coarse
	return nil
}

// Check tells whose name and password these are. It takes as long for a name that
// nobody has.
func (s *Store) Check(name, password string) (Account, bool, error) {
	a, found, err := s.Find(name)
	if err != nil || utf8.RuneCountInString(password) > MaxPassword {
		return Account{}, false, err
	}
	kept := a.Hash
	if !found || kept == "" {
		kept = nobody
	}
	s.hash <- struct{}{}
	defer func() { <-s.hash }()
	same := verify(kept, password)
	return a, same && found && a.Hash != "", nil
}

// Parameters of Argon2id: 19 MiB, two passes, one lane, the smaller of those that
// OWASP's Password Storage Cheat Sheet recommends.
const (
	memory  = 19 << 10 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// nobody is a hash that no password has: what the name of nobody is held against.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func (s *Store) hashed(password string) string {
	s.hash <- struct{}{}
	defer func() { <-s.hash }()
	salt := make([]byte, saltLen)
	rand.Read(salt) //nolint:errcheck // crypto/rand.Read never fails
	key := argon2.IDKey([]byte(password), salt, passes, memory, lanes, keyLen)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// verify holds a password against a hash in its string form, with the parameters that
// stand there, within bounds.
func verify(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false
	}
	var version, mem, t, p int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &mem, &t, &p); err != nil || mem < 8 || mem > 1<<18 || t < 1 || t > 16 || p < 1 || p > 8 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, uint32(t), uint32(mem), uint8(p), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}
