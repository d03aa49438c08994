package list

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// cursor is where a page ended, so that the next one begins behind it.
type cursor struct {
	Top  bool   `json:"t,omitempty"`
	At   int64  `json:"a"`
	Room string `json:"r"`
}

func (c *cursor) String() string { return encode(c) }

// moment is when a list was read: what has changed since then lies above its positions.
// One of another epoch of the store, or too old a one, counts as none.
type moment struct {
	Epoch    string
	Parts    []journal.Position // of the feed, by part
	Updates  journal.Position   // of records that Update has written
	At       int64              // Unix milliseconds
	Policies policiesSum        // of those by which the list was read
}

// policiesSum is the same for policies by which lists have the same rows.
type policiesSum [8]byte

func sumOf(ps access.Policies) policiesSum {
	sum := sha256.Sum256([]byte(ps.Listing()))
	return policiesSum(sum[:])
}

// bytes returns a moment as text that is as long whatever the numbers are.
func (m *moment) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(m.At))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Updates))
	b = append(b, m.Policies[:]...)
	b = append(b, byte(len(m.Parts)))
	for _, p := range m.Parts {
		b = binary.BigEndian.AppendUint64(b, uint64(p))
	}
	return append(b, m.Epoch...)
}

// parseMoment reads what bytes has returned. Nothing else passes the seal.
func parseMoment(b []byte) (m moment) {
	next := func() uint64 {
		n := binary.BigEndian.Uint64(b)
		b = b[8:]
		return n
	}
	m.At, m.Updates = int64(next()), journal.Position(next())
	b = b[copy(m.Policies[:], b):]
	m.Parts = make([]journal.Position, b[0])
	b = b[1:]
	for i := range m.Parts {
		m.Parts[i] = journal.Position(next())
	}
	m.Epoch = string(b)
	return m
}

// A cursor is shown to clients as one word, which they send back as it is.
func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of numbers and texts
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decode returns what encode was given.
func decode(word string, v any) bool {
	text, err := base64.RawURLEncoding.DecodeString(word)
	return err == nil && json.Unmarshal(text, v) == nil
}

// now returns the present moment, for a list that is read by these policies. It must be read
// before the list is.
func (r *Reader) now(ctx context.Context, ps access.Policies) (m moment, err error) {
	positions, err := r.Journal.Positions(ctx)
	if err != nil {
		return m, err
	}
	parts := len(positions) - 1
	m = moment{Parts: positions[:parts], Updates: positions[parts], At: time.Now().UnixMilli(), Policies: sumOf(ps)}
	page, err := r.Journal.Feed(ctx, journal.FeedQuery{After: positions[0], Limit: 1, Bytes: 1})
	m.Epoch = page.Epoch
	return m, err
}

// sinceLife is how long a client may be away to be told only what has changed.
const sinceLife = 30 * 24 * time.Hour

// precedes reports whether a moment can be compared with a later one. One that has seen more
// than there is now was shown what the store has lost; and no records tell which rows came and
// went with the policies.
func (m *moment) precedes(now *moment) bool {
	if m.Epoch != now.Epoch || m.Policies != now.Policies || len(m.Parts) != len(now.Parts) || m.Updates > now.Updates {
		return false
	}
	for part := range m.Parts {
		if m.Parts[part] > now.Parts[part] {
			return false
		}
	}
	return m.At <= now.At && now.At-m.At < sinceLife.Milliseconds()
}

// afreshRecord is the record whose stamp says since when lists must be read afresh.
const afreshRecord = "list\x00afresh"

// Afresh says that rows went or came of which no records tell: lists that were read before
// are read afresh. So it is when something was erased, and when a hub has changed its policies:
// open lists are told of that, also if the policies are soon as they were before.
func Afresh(ctx context.Context, r journal.Records) error {
	return r.Update(ctx, afreshRecord, func([]byte) ([]byte, error) { return []byte{1}, nil })
}

// isPast reports whether a moment can be compared with now.
func (r *Reader) isPast(ctx context.Context, m, now *moment) (bool, error) {
	if !m.precedes(now) {
		return false, nil
	}
	afresh, err := r.Journal.Records().Get(ctx, afreshRecord)
	return afresh.Stamp.Position <= m.Updates, err
}

// changed reports whether a conversation has changed since a moment.
func (r *Reader) changed(it *item, since *moment) bool {
	part := since.Parts[r.Journal.Part(it.room)]
	return it.banned || it.head.Position > part || it.entered > part || it.changed > since.Updates
}

// badNext is the refusal of a word that no page has ended with.
func badNext() error {
	e := wire.BadFrame.Error("")
	e.Field, e.Message = "next", "next must be that of an earlier answer"
	return e
}
