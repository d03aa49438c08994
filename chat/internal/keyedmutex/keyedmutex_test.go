package keyedmutex

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestMutex_Lock_WaitsForItsKeyOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex[string]
		lock := func(key string) (unlock func()) {
			unlock, err := m.Lock(t.Context(), key)
			if err != nil {
				t.Error(err)
			}
			return unlock
		}
		unlock := lock("a")
		lock("b")() // another key is free
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.Lock(ended, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting ended with %v", err)
		}
		const waiting = 50
		inside, done := 0, make(chan bool)
		for range waiting {
			go func() {
				unlock := lock("a")
				inside++ // the race detector sees two at once
				unlock()
				done <- true
			}()
		}
		synctest.Wait()
		if inside != 0 {
			t.Errorf("%d were let in while the key was locked", inside)
		}
		unlock()
		for range waiting {
			<-done
		}
		if inside != waiting || len(m.locked) != 0 {
			t.Errorf("%d were let in, %d keys are left", inside, len(m.locked))
		}
	})
}
