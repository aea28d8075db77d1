//go:build !unix

package index

import "os"

// lockFolder relies on the lock bolt takes, where there is no flock.
func lockFolder(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}
