package check

import (
	"sync/atomic"
	"time"
)

// Figures are what a check has done since the hub began, and how many wait for it now.
type Figures struct {
	Name     string
	Asked    uint64          // questions that it was asked
	Verdicts map[Kind]uint64 // that it gave; by 0, questions that it gave none on, also if it was not asked
	Time     time.Duration   // that those who asked have waited, also for a place
	Waiting  int             // questions that have no place yet
}

// counts are those of a check. Any goroutine may use them.
type counts struct {
	asked    atomic.Uint64
	verdicts [Abstain + 1]atomic.Uint64 // by Kind
	time     atomic.Int64               // nanoseconds
}
