package backpressure

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestSum_Wait_UntilTheSumIsSmallEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Sum
		s.Wait(t.Context(), 0) // the zero sum makes nobody wait
		s.Add(10)
		s.Wait(t.Context(), 10)
		passed := make(chan int, 2)
		for _, limit := range []int{4, 9} {
			go func() {
				s.Wait(t.Context(), limit)
				passed <- limit
			}()
		}
		synctest.Wait()
		if len(passed) > 0 {
			t.Fatalf("passed %d with a sum of 10", <-passed)
		}
		s.Add(-1)
		if limit := <-passed; limit != 9 {
			t.Errorf("passed %d with a sum of 9", limit)
		}
		s.Add(3) // nobody is woken by more
		synctest.Wait()
		if len(passed) > 0 {
			t.Fatal("passed 4 with a sum of 12")
		}
		s.Add(-8)
		if limit := <-passed; limit != 4 {
			t.Errorf("passed %d", limit)
		}
	})
}

func TestSum_Wait_EndsWithItsContext(t *testing.T) {
	var s Sum
	s.Add(10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, 9); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if err := s.Wait(ctx, 10); err != nil {
		t.Errorf("nobody needs to wait, but %v", err)
	}
}
