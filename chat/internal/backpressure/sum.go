// Package backpressure makes those who produce wait for those who consume.
//
// # Files, lowest first
//
//	debt.go   waiting until what was taken too early is paid
//	sum.go    a sum of bytes: who wants to add waits while it is large
//	limits.go  how much of what is shared one may have
//	holdings.go what each person and each network has of it
//	share.go  what nobody gets more of than Limits says
//	inhand.go what the journal has not answered, over all
//	byholder.go items of which the holder with most loses the oldest
//	pool.go   bytes that are lent: whoever holds most waits for all others
package backpressure

import (
	"context"
	"sync"
)

// Sum is a soft limit on a sum of bytes. Wait blocks while the sum is above a
// limit; Add never blocks. So each goroutine that waits first and adds then may
// exceed the limit by one item. The zero value is ready to use.
type Sum struct {
	mu     sync.Mutex // guards the rest
	sum    int
	shrunk chan struct{} // closed when the sum shrinks; nil while nobody waits
}

// Add changes the sum by n, which may be negative.
func (s *Sum) Add(n int) {
	s.mu.Lock()
	s.sum += n
	if n < 0 && s.shrunk != nil {
		close(s.shrunk)
		s.shrunk = nil
	}
	s.mu.Unlock()
}

// Wait blocks while the sum is above limit. It returns the error of ctx if that ends
// first.
func (s *Sum) Wait(ctx context.Context, limit int) error {
	s.mu.Lock()
	for s.sum > limit {
		if s.shrunk == nil {
			s.shrunk = make(chan struct{})
		}
		shrunk := s.shrunk
		s.mu.Unlock()
		select {
		case <-shrunk:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
	}
	s.mu.Unlock()
	return nil
}
