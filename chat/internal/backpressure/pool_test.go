package backpressure

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/caddychat/caddy-chat/chat/access"
)

// Whoever holds most waits for those who hold less, however many of it wait already.
func TestPool_WhoHoldsMostWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(100)
		var back []func()
		take := func(who string, bytes int) {
			release, err := p.Take(context.Background(), access.Person{User: who}, bytes)
			if err != nil {
				t.Error(err)
			}
			back = append(back, release)
		}
		for range 4 {
			take("greedy", 25)
		}
		got := make(chan string, 20)
		ctx, cancel := context.WithCancel(context.Background())
		ask := func(who string) {
			go func() {
				if _, err := p.Take(ctx, access.Person{User: who}, 25); err == nil { // and they keep it
					got <- who
				}
			}()
			synctest.Wait()
		}
		for range 3 {
			ask("greedy")
		}
		ask("ann")
		ask("bo")
		for _, want := range []string{"ann", "bo", "greedy"} {
			back[0]()
			back[0]() // the second one counts for nothing
			back = back[1:]
			synctest.Wait()
			if who := <-got; who != want || len(got) > 0 {
				t.Errorf("%s came, and %d others; want %s", who, len(got), want)
			}
		}
		back[0]()
		synctest.Wait()
		<-got
		cancel()
		synctest.Wait()
		if _, err := p.Take(ctx, access.Person{User: "late"}, 1000); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(p.waiting) > 0 || p.held.Taken() != 100 {
			t.Errorf("%d wait, %d are taken", len(p.waiting), p.held.Taken())
		}
	})
}

func BenchmarkPool(b *testing.B) {
	p := NewPool(100)
	for b.Loop() {
		release, err := p.Take(b.Context(), access.Person{User: "ann"}, 10)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
}
