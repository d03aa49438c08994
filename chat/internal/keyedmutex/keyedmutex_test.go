package keyedmutex

import (
	"testing"
	"testing/synctest"
)

func TestMutex_Lock_WaitsForItsKeyOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex[string]
		unlock := m.Lock("a")
		m.Lock("b")() // another key is free
		const waiting = 50
		inside, done := 0, make(chan bool)
		for range waiting {
			go func() {
				unlock := m.Lock("a")
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
