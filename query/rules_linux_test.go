package query

import (
	"syscall"
	"time"
)

// processorTime is what this thread has used of its processor so far: bars are in
// it, since the wall clock also tells of the neighbours.
func processorTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
