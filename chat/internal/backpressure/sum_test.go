package backpressure

import (
	"testing"
	"testing/synctest"
)

func TestSum_Wait_UntilTheSumIsSmallEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Sum
		s.Wait(0) // the zero sum makes nobody wait
		s.Add(10)
		s.Wait(10)
		passed := make(chan int, 2)
		for _, limit := range []int{4, 9} {
			go func() {
				s.Wait(limit)
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
