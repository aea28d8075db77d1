//go:build !linux

package query

import "time"

var started = time.Now()

// processorTime is the wall clock where the processor's cannot be asked.
func processorTime() time.Duration { return time.Since(started) }
