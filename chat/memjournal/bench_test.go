package memjournal_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// nobody is a follower that does nothing.
type nobody struct{}

func (nobody) Deliver(journal.Entry) {}
func (nobody) Lost(journal.Lost)     {}

// followSilent follows n rooms in which nothing was ever said.
func followSilent(t testing.TB, j *memjournal.Journal, n int) {
	for i := range n {
		if _, err := j.Follow(fmt.Sprint("silent", i), journal.Newest, nobody{}); err != nil {
			t.Fatal(err)
		}
	}
}

func discard(journal.Receipt, error) {}

// Appending beside rooms that have nothing to lose, in a store that is full.
func BenchmarkAppend_Full(b *testing.B) {
	for _, silent := range []int{0, 100_000} {
		b.Run(fmt.Sprint("silent=", silent), func(b *testing.B) {
			j := memjournal.New(memjournal.Options{MaxBytes: 96 << 20, Retention: everything})
			defer j.Close()
			followSilent(b, j, silent)
			e := journal.Entry{Room: "room", Kind: journal.Message, From: journal.User{ID: "li"}, Body: make([]byte, 100)}
			for range 400_000 {
				j.Append(context.Background(), e, discard)
			}
			b.ReportAllocs()
			for b.Loop() {
				j.Append(context.Background(), e, discard)
			}
		})
	}
}

func everything(string) journal.Retention { return journal.Retention{} }

// Appending to a room with one follower, by one and by many.
func BenchmarkAppend(b *testing.B) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	if _, err := j.Follow("room", journal.Newest, nobody{}); err != nil {
		b.Fatal(err)
	}
	e := journal.Entry{Room: "room", Kind: journal.Message, From: journal.User{ID: "li"}, Body: make([]byte, 100)}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			j.Append(context.Background(), e, discard)
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(64)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				j.Append(context.Background(), e, discard)
			}
		})
	})
}

func BenchmarkHeads(b *testing.B) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	var names []string
	for i := range 10_000 {
		e := journal.Entry{Room: fmt.Sprint("room", i), Kind: journal.Message, From: journal.User{ID: "li"}, Body: make([]byte, 100)}
		j.Append(context.Background(), e, discard)
		names = append(names, e.Room)
	}
	b.ReportAllocs()
	for b.Loop() {
		if heads, err := j.Heads(context.Background(), names); err != nil || heads[9999].Last != 1 {
			b.Fatal(err)
		}
	}
}
