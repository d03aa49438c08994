//go:build unix

package pgjournal_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// counted passes connections on to PostgreSQL, and counts the bytes that it answers.
type counted struct {
	dsn  string
	read atomic.Int64
}

func countedPostgres(t *testing.T) *counted {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("unix", dir+"/.s.PGSQL.5432")
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{dsn: strings.Replace(postgres.DSN("owner"), postgres.Dir, dir, 1)}
	var passing sync.WaitGroup
	t.Cleanup(passing.Wait)
	t.Cleanup(func() { l.Close() })
	passing.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed
			}
			server, err := net.Dial("unix", postgres.Dir+"/.s.PGSQL.5432")
			if err != nil {
				t.Error(err)
				client.Close()
				continue
			}
			passing.Go(func() {
				defer server.Close()
				_, _ = io.Copy(server, client)
			})
			passing.Go(func() {
				defer client.Close()
				_, _ = io.Copy(io.MultiWriter(client, c), server)
			})
		}
	})
	return c
}

func (c *counted) Write(p []byte) (int, error) {
	c.read.Add(int64(len(p)))
	return len(p), nil
}

// What is read of PostgreSQL is little more than what is asked for, however large the entries are, and also where a small
// entry has a large body: that of what it has edited.
func TestReading_IsBounded(t *testing.T) {
	const rooms, each, large, bound = 20, 20, 10_000, 50_000
	c := countedPostgres(t)
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: c.dsn, Schema: schema(t), Parts: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var queries []shared.PageQuery
	var ranges []shared.Range
	for r := range rooms {
		room := fmt.Sprint("r", r)
		list := []*journal.Entry{said(room, "0", strings.Repeat("x", large))}
		for i := 1; i < each; i++ {
			list = append(list, &journal.Entry{Room: room, Kind: journal.Edit, Target: 1, Key: fmt.Sprint(i), From: journal.User{ID: "ann"}, Body: []byte(strings.Repeat("y", large))})
		}
		commit(t, s, list[0])
		commit(t, s, list[1:]...)
		queries = append(queries, shared.PageQuery{Query: journal.Query{Room: room, Limit: 50}})
		ranges = append(ranges, shared.Range{Room: room, Lo: 1, Hi: each})
	}
	backward := make([]shared.PageQuery, rooms)
	for i, q := range queries {
		q.Backward = true
		backward[i] = q
	}
	size := func(list []journal.Entry) (n int) {
		for i := range list {
			n += list[i].Size()
		}
		return n
	}
	ofPages := func(queries []shared.PageQuery, bytes int) func() int {
		return func() (n int) {
			pages, err := s.Pages(t.Context(), queries, bytes)
			if err != nil {
				t.Fatal(err)
			}
			for i := range pages {
				n += size(pages[i].Entries)
				if pages[i].Last != each || !pages[i].More && len(pages[i].Entries) < each {
					t.Errorf("page %d: %d entries, %+v", i, len(pages[i].Entries), pages[i])
				}
			}
			return n
		}
	}
	one := []shared.PageQuery{queries[0]}
	one[0].Bytes = bound
	for name, read := range map[string]func() int{
		"pages":    ofPages(queries, bound),
		"backward": ofPages(backward, bound),
		"a page":   ofPages(one, 0),
		"entries": func() int {
			list, all, err := s.Entries(t.Context(), ranges, bound)
			if err != nil || all {
				t.Fatalf("all: %v, %v", all, err)
			}
			return size(list)
		},
	} {
		read() // what is sent once
		before := c.read.Load()
		got := read()
		if sent := c.read.Load() - before; got < bound-2*large || got > bound || sent > bound+4*large {
			t.Errorf("%s: %d bytes of entries, and PostgreSQL has sent %d; asked for were %d", name, got, sent, bound)
		}
	}
	// The first is there even if it is larger than all that is asked for, and there are more.
	list, all, err := s.Entries(t.Context(), ranges[:1], 1)
	if err != nil || all || len(list) != 1 {
		t.Errorf("%d entries, all: %v, %v", len(list), all, err)
	}
}
