package alert

import (
	"syscall"
	"time"
)

// processorTime is what this process has used of the processors so far: bars are in
// it, since the wall clock also tells of the neighbours.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
