//go:build linux

package pgjournal_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// The ratios of bench/results come from
//
//	go test ./chat/pgjournal -run '^$' -bench Append_Many -benchtime 200000x
//	go test ./chat/pgjournal -run '^$' -bench Append_Alone -benchtime 2000x
//
// Everything is on one machine: the servers, the nodes, and who appends.

const (
	benchRooms  = 1000
	benchParts  = 8
	benchBatch  = 512 // entries of a commit, as in package shared
	benchRounds = 3   // what is compared runs in turn, because the speed of machines varies
)

var benchBody = []byte(`{"text":"` + strings.Repeat("hello 你好 ", 14) + `"}`) // 200 bytes, nearly

// bareSchema is what a chat needs at least of a database: rooms that count, and entries that are recorded
// once. There is no feed, no epoch, no other node, and nothing that an entry does to others.
const bareSchema = `
CREATE TABLE bare_room(name text COLLATE "C" PRIMARY KEY, last bigint NOT NULL DEFAULT 0);
CREATE TABLE bare_entry(room text COLLATE "C", seq bigint, at bigint NOT NULL, kind smallint NOT NULL, claim bytea NOT NULL,
  usr bytea NOT NULL, key bytea, body bytea, PRIMARY KEY (room, seq));
CREATE UNIQUE INDEX ON bare_entry(room, claim);
CREATE TABLE bare_insert(id bigserial PRIMARY KEY, body bytea);
CREATE FUNCTION bare_append(names text[], rooms int[], claims bytea[], usrs bytea[], keys bytea[], bodies bytea[])
RETURNS TABLE(n int, seq bigint, at bigint) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE stamp bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
BEGIN
  RETURN QUERY WITH
  item AS MATERIALIZED (SELECT i.*, row_number() OVER (PARTITION BY i.room ORDER BY i.n) AS place
    FROM unnest(rooms, claims, usrs, keys, bodies) WITH ORDINALITY i(room, claim, usr, key, body, n)
    LEFT JOIN LATERAL (SELECT true AS known FROM bare_entry e WHERE e.room = names[i.room] AND e.claim = i.claim LIMIT 1) k ON true WHERE k.known IS NULL),
  head AS (UPDATE bare_room r SET last = r.last + c.k FROM (SELECT names[i.room] AS name, count(*) AS k FROM item i GROUP BY 1) c
    WHERE r.name = c.name RETURNING r.name, r.last - c.k AS was),
  put AS (INSERT INTO bare_entry SELECT h.name, h.was + i.place, stamp, 1, i.claim, i.usr, i.key, i.body
    FROM item i JOIN head h ON h.name = names[i.room] RETURNING 1)
  SELECT i.n::int, h.was + i.place, stamp FROM item i JOIN head h ON h.name = names[i.room];
END $$;
INSERT INTO bare_room SELECT 'room ' || i FROM generate_series(0, 999) i`

// appender appends an entry and returns when it is durable.
type appender func(e journal.Entry) error

func byJournal(j journal.Journal) appender {
	return func(e journal.Entry) error {
		done := make(chan error, 1)
		j.Append(context.Background(), e, func(_ journal.Receipt, err error) { done <- err })
		return <-done
	}
}

// queued is an entry that waits for a commit.
type queued struct {
	item shared.Item
	done chan error
}

// batched commits as the journal does: a connection for each part, each taking all that has queued meanwhile.
func batched(b *testing.B, part func(room string) int, commit func(part int, items []shared.Item) error) appender {
	var queues [benchParts]chan queued
	for p := range queues {
		queue := make(chan queued, 4096)
		queues[p] = queue
		b.Cleanup(func() { close(queue) })
		go func() {
			for q := range queue {
				batch := []queued{q}
				for len(queue) > 0 && len(batch) < benchBatch {
					batch = append(batch, <-queue)
				}
				items := make([]shared.Item, len(batch))
				for i := range batch {
					items[i] = batch[i].item
				}
				err := commit(p, items)
				for i := range batch {
					batch[i].done <- err
				}
			}
		}()
	}
	return func(e journal.Entry) error {
		done := make(chan error, 1)
		queues[part(e.Room)] <- queued{shared.Item{Entry: &e, Claim: claim(e.From.ID + "\x00" + e.Key)}, done}
		return <-done
	}
}

// bare commits by bareSchema.
func bare(b *testing.B, server *testpostgres.Server) func(part int, items []shared.Item) error {
	var conns [benchParts]*pgx.Conn
	for p := range conns {
		conns[p] = connect(b, server)
	}
	return func(part int, items []shared.Item) error {
		n := len(items)
		names, at := []string{}, map[string]int32{}
		rooms, claims, users, keys, bodies := make([]int32, n), make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
		for i, item := range items {
			e := item.Entry
			if at[e.Room] == 0 {
				names = append(names, e.Room)
				at[e.Room] = int32(len(names))
			}
			rooms[i], claims[i], users[i], keys[i], bodies[i] = at[e.Room], item.Claim[:], []byte(e.From.ID), []byte(e.Key), e.Body
		}
		rows, err := conns[part].Query(context.Background(), "SELECT * FROM bare_append($1, $2, $3, $4, $5, $6)", names, rooms, claims, users, keys, bodies)
		if err != nil {
			return err
		}
		var place int
		var seq, stamp int64
		tag, err := pgx.ForEachRow(rows, []any{&place, &seq, &stamp}, func() error { return nil })
		if err == nil && tag.RowsAffected() != int64(n) {
			err = fmt.Errorf("%d of %d entries recorded", tag.RowsAffected(), n)
		}
		return err
	}
}

// function commits by the function of the schema, without what package shared does around it.
func function(b *testing.B, o pgjournal.Options) func(part int, items []shared.Item) error {
	s, err := pgjournal.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	marks, err := s.Marks(b.Context(), shared.Standing{})
	if err != nil {
		b.Fatal(err)
	}
	var batches atomic.Uint64
	return func(part int, items []shared.Item) error {
		batch := shared.Batch{Part: part, Epoch: marks.Epoch, Items: items}
		binary.BigEndian.PutUint64(batch.Nonce[:], batches.Add(1))
		_, err := s.Commit(batch)
		return err
	}
}

// benchStore starts a server, with a synchronous standby if that is asked, and makes both schemas.
func benchStore(b *testing.B, standby bool) (*testpostgres.Server, pgjournal.Options) {
	settings := []string{"max_connections=300", "shared_buffers=256MB", "max_wal_size=4GB"}
	server := testpostgres.New(settings...)
	b.Cleanup(server.Remove)
	if standby {
		other := server.Standby(settings...)
		b.Cleanup(other.Remove)
		server.Set(b, "synchronous_standby_names", "*")
		b.Cleanup(func() { server.Set(b, "synchronous_standby_names", "") })
	}
	server.Exec(b, bareSchema)
	o := pgjournal.Options{DSN: server.DSN("owner"), Schema: "chat", Standby: standby, Parts: benchParts}
	if err := pgjournal.Migrate(b.Context(), o, ""); err != nil {
		b.Fatal(err)
	}
	return server, o
}

func benchNode(b *testing.B, o pgjournal.Options) *shared.Journal {
	s, err := pgjournal.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	j, err := shared.Open(b.Context(), s, shared.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return j
}

// came tells when entries are delivered.
type came struct {
	n  atomic.Int64
	at chan time.Time // nil: nobody asks
}

func (c *came) Deliver(journal.Entry) {
	c.n.Add(1)
	if c.at != nil {
		c.at <- time.Now()
	}
}

func (c *came) Lost(l journal.Lost) { panic(l.Why) }

func follow(b *testing.B, j journal.Journal, room string, c *came) {
	if _, err := j.Follow(room, journal.Newest, c); err != nil {
		b.Fatal(err)
	}
}

func benchEntry(room, user int, n int64) journal.Entry {
	return journal.Entry{Room: fmt.Sprint("room ", room), Kind: journal.Message, Key: fmt.Sprint(n), Body: benchBody,
		From: journal.User{ID: fmt.Sprint("user ", user), Name: "Somebody"}}
}

var benchKeys atomic.Int64

// rate has 512 goroutines for each of ways append, and returns how many entries a second were durable.
func rate(b *testing.B, n int, ways ...appender) float64 {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	began := time.Now()
	for i := range 512 * len(ways) {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := ways[i%len(ways)](benchEntry(rand.IntN(benchRooms), i, benchKeys.Add(1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(began).Seconds()
}

// warm has ways append until each of their connections has run what it runs then: PostgreSQL has made its plans, and has the
// tables at hand. Nodes are not compared in the moment in which they start.
func warm(b *testing.B, ways ...appender) { rate(b, 5_000*len(ways), ways...) }

// BenchmarkJournal_Append_Many compares one node, three nodes, the function of the schema alone over the connections of one
// node and of three, and that of bareSchema. A node that appends nothing follows all rooms. Each figure is the median of
// the rounds.
func BenchmarkJournal_Append_Many(b *testing.B) {
	for _, standby := range []bool{false, true} {
		b.Run(map[bool]string{false: "primary", true: "standby"}[standby], func(b *testing.B) {
			if b.N == 1 {
				return // the testing package tries
			}
			server, o := benchStore(b, standby)
			follower, one := benchNode(b, o), benchNode(b, o)
			var c came
			for room := range benchRooms {
				follow(b, follower, fmt.Sprint("room ", room), &c)
			}
			update := batched(b, one.Part, bare(b, server))
			var functions []appender // each with connections of its own, as many as a node has
			for range 3 {
				functions = append(functions, batched(b, one.Part, function(b, o)))
			}
			warm(b, functions...)
			figures := map[string][]float64{}
			run := func(name string, ways ...appender) {
				figures[name] = append(figures[name], rate(b, max(b.N/benchRounds, 1), ways...))
			}
			b.ResetTimer()
			for range benchRounds {
				run("bare", update)
				run("one", byJournal(one))
				second, third := benchNode(b, o), benchNode(b, o) // they hear what one tells only now
				warm(b, byJournal(second), byJournal(third))
				run("three", byJournal(one), byJournal(second), byJournal(third))
				second.Close()
				third.Close()
				run("function", functions[0])
				run("functions", functions...)
			}
			b.StopTimer()
			for name, f := range figures {
				b.Logf("%-9s %.0f appends/s", name, f)
				b.ReportMetric(median(f), name+"/s")
			}
			b.ReportMetric(median(figures["one"])/median(figures["bare"]), "one/bare")
			b.ReportMetric(median(figures["one"])/median(figures["function"]), "one/function")
			b.ReportMetric(median(figures["three"])/median(figures["one"]), "three/one")
			b.ReportMetric(median(figures["functions"])/median(figures["function"]), "functions/function")
		})
	}
}

// BenchmarkJournal_Append_Alone has one goroutine append, in turn with an insert of one row, and waits until
// a follower on another node has the entry. The figures are medians.
func BenchmarkJournal_Append_Alone(b *testing.B) {
	if b.N == 1 {
		return // the testing package tries
	}
	server, o := benchStore(b, false)
	conn, one, follower := connect(b, server), benchNode(b, o), benchNode(b, o)
	c := came{at: make(chan time.Time, 16)}
	follow(b, follower, "room 0", &c)
	var inserts, appends, others []float64
	appendOne := byJournal(one)
	b.ResetTimer()
	for i := range b.N {
		began := time.Now()
		if _, err := conn.Exec(context.Background(), "INSERT INTO bare_insert(body) VALUES ($1)", benchBody); err != nil {
			b.Fatal(err)
		}
		inserts = append(inserts, micro(time.Since(began)))
		began = time.Now()
		if err := appendOne(benchEntry(0, 1, int64(i))); err != nil {
			b.Fatal(err)
		}
		appends = append(appends, micro(time.Since(began)))
		others = append(others, micro((<-c.at).Sub(began)))
	}
	b.StopTimer()
	b.ReportMetric(median(inserts), "µs/insert")
	b.ReportMetric(median(appends), "µs/append")
	b.ReportMetric(median(others), "µs/other-node")
	b.ReportMetric(median(appends)/median(inserts), "append/insert")
	b.ReportMetric(median(others)/median(appends), "other/append")
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
