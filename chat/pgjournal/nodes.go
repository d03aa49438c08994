package pgjournal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

var _ shared.Engine = (*Store)(nil)

// channel is the name under which the nodes of a schema notify each other.
func (s *Store) channel() string {
	h := sha256.Sum256([]byte(s.options.Schema))
	return "caddychat_" + hex.EncodeToString(h[:8])
}

// Send is that of shared.Engine. Nobody waits for a hint to be durable: NOTIFY holds a lock of
// the whole server until its commit.
func (s *Store) Send(hints [][]byte) error {
	letters := 0
	for _, h := range hints {
		letters += base64.RawStdEncoding.EncodedLen(len(h))
	}
	texts, all := make([][]byte, len(hints)), make([]byte, 0, letters)
	for i, h := range hints {
		from := len(all)
		all = base64.RawStdEncoding.AppendEncode(all, h)
		texts[i] = all[from:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendTime)
	defer cancel()
	b := &pgx.Batch{}
	b.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	b.Queue(`SELECT pg_notify($1, h) FROM unnest($2::text[]) WITH ORDINALITY x(h, n) ORDER BY n`, s.channel(), texts)
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return refusal(err)
	}
	return nil
}

// sendTime bounds how long a hint is tried to be sent.
const sendTime = 5 * time.Second

var errUnheard = errors.New("a pooler in transaction mode passes no notification on")

// Listen is that of shared.Engine. Behind a pooler in transaction mode it would hear nothing, and not be told.
func (s *Store) Listen(ctx context.Context, own []byte, ready func(), heard func([]byte)) error {
	if s.unheard {
		return errUnheard
	}
	conn, err := pgx.ConnectConfig(ctx, s.listen.with(s.sockets.dial, pgx.QueryExecModeCacheDescribe))
	if err != nil {
		return refusal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(ctx, "LISTEN "+s.channel()); err != nil {
		return refusal(err)
	}
	ready()
	letters := (len(own) + 2) / 3 * 4 // which tell whether a hint begins with own
	var hint []byte
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return refusal(err)
		}
		payload := []byte(n.Payload)
		if hint, err = base64.RawStdEncoding.AppendDecode(hint[:0], payload[:min(letters, len(payload))]); err == nil && bytes.HasPrefix(hint, own) {
			continue
		}
		if hint, err = base64.RawStdEncoding.AppendDecode(hint[:0], payload); err == nil {
			heard(hint)
		}
	}
}

// Beat is that of shared.Engine.
func (s *Store) Beat(ctx context.Context, n journal.Node) ([]journal.Node, error) {
	return s.beat(ctx, true, n)
}

// Leave is that of shared.Engine.
func (s *Store) Leave(ctx context.Context, id string) error {
	_, err := s.beat(ctx, false, journal.Node{ID: id})
	return err
}

func (s *Store) beat(ctx context.Context, alive bool, n journal.Node) ([]journal.Node, error) {
	rows, err := s.pool.Query(ctx, s.sql(`SELECT id, name, version, config FROM $.beat($1, $2, $3, $4, $5)`), n.ID, alive, n.Name, n.Version, n.Config)
	if err != nil {
		return nil, refusal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[journal.Node])
	if err != nil {
		return nil, refusal(err)
	}
	return list, nil
}

// Lease is that of shared.Engine.
func (s *Store) Lease(ctx context.Context, name, node string, seconds int) (taken bool, err error) {
	if err := s.pool.QueryRow(ctx, s.sql(`SELECT $.take_lease($1, $2, $3)`), name, node, seconds).Scan(&taken); err != nil {
		return false, refusal(err)
	}
	return taken, nil
}

// exactly is how many entries are counted; of more there is PostgreSQL's estimate.
const exactly = 100_000

// Stats is that of shared.Engine.
func (s *Store) Stats(ctx context.Context) (st journal.Stats, err error) {
	var entries int64
	err = s.pool.QueryRow(ctx, s.sql(`SELECT CASE WHEN c.reltuples > $1 THEN c.reltuples::bigint ELSE (SELECT count(*) FROM $.entry) END,
		(SELECT sum(pg_total_relation_size(t.oid))::bigint FROM pg_class t WHERE t.relnamespace = c.relnamespace AND t.relkind = 'r')
		FROM pg_class c WHERE c.oid = $2::text::regclass`), exactly, s.schema+".entry").Scan(&entries, &st.Bytes)
	if err != nil {
		return st, refusal(err)
	}
	st.Entries = uint64(entries)
	return st, nil
}
