package erase

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// Source is a journal in which messages are looked for, and through which those who are in a
// room are told.
type Source interface {
	Read(ctx context.Context, q journal.Query) (journal.Page, error)
	Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error))
}

// User says what was erased of a user.
type User struct {
	User     string `json:"user"`
	Messages int    `json:"messages"` // whose bodies were erased
	Rooms    int    `json:"rooms"`    // in which these were
	Marks    int    `json:"marks"`    // of how far the user has read, erased
	Tags     int    `json:"tags"`     // of the user at messages, erased
	Left     int    `json:"left"`     // conversations that the user belonged to, or had left, and is forgotten in
	Sessions int    `json:"sessions"` // ended
	Names    int    `json:"names"`    // entries out of which the user's name and picture were taken, or what they had tagged
	Records  int    `json:"records"`  // others: what is shown of the user, when they were here, settings and mentions of their list, their own room, mutes and bans that were over
	Entries  int    `json:"entries"`  // that still have the user's id as that of their sender, those messages included
}

// Any reports whether anything was erased, or ended.
func (u User) Any() bool {
	u.Entries = 0 // stay
	return u != User{User: u.User}
}

// SoFar returns an error of an erasure that has ended early, with what was erased. It returns nil for
// nil.
func (u User) SoFar(err error) error {
	return soFar(err, "%d messages in %d rooms and more of the user are erased already", u.Messages, u.Rooms)
}

const (
	// So many entries, or bytes of entries, are read at once.
	pageEntries = 500
	pageBytes   = 1 << 20

	// readTimeout is how long one read may take, however long the whole takes.
	readTimeout = 10 * time.Second

	// workers is how many messages are erased at a time: they share an fsync.
	workers = 64
)

// Messages calls recall for every message of a user that still has a body, for some at
// the same time, and takes the user's name and picture, and their own tags, out of all entries, if
// lister is a journal.Redactor. It reads the whole journal. What it returns with an error is erased all
// the same, and a second call goes on.
func Messages(ctx context.Context, j Source, lister journal.Lister, user string, recall func(ctx context.Context, room string, seq journal.Seq) (journal.Receipt, error)) (User, error) {
	if lister == nil {
		return User{User: user}, fmt.Errorf("erase what a user has said: the journal can't list its rooms: %w", errors.ErrUnsupported)
	}
	f := finder{found: User{User: user}, rooms: map[string]bool{}}
	shown := names{user: user}
	shown.redactor, _ = lister.(journal.Redactor)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	err := lister.Rooms(ctx, func(room string) error {
		showed := 0
		for q := (journal.Query{Room: room, Limit: pageEntries, Bytes: pageBytes}); ; {
			page, err := read(ctx, j, q)
			if err != nil {
				return err
			}
			for i := range page.Entries {
				e := &page.Entries[i]
				q.After = e.Seq
				if e.From.ID != user {
					continue
				}
				f.named()
				if !e.Kind.Erasable() || e.Recalled {
					continue
				}
				group.Go(func() error {
					receipt, err := recall(ctx, room, e.Seq)
					var no *wire.Error
					if errors.As(err, &no) && no.Code == wire.NotFound {
						err = nil // retention was faster
					}
					if err == nil && !receipt.Duplicate { // another node may erase the user, too
						f.erased(room)
					}
					return err
				})
			}
			n, err := shown.erase(ctx, room, page.Entries)
			if f.hidden(n); err != nil {
				return err
			}
			showed += n
			if !page.More || len(page.Entries) == 0 {
				if showed > 0 {
					tell(ctx, j, room, user)
				}
				return nil
			}
		}
	})
	if failed := group.Wait(); failed != nil {
		err = failed // the listing only says that the others have stopped
	}
	return f.found, err
}

// NoMessages is Messages for a user whose messages stay: it erases none.
func NoMessages(_ context.Context, _ Source, lister journal.Lister, user string, _ func(context.Context, string, journal.Seq) (journal.Receipt, error)) (User, error) {
	done := User{User: user}
	if lister == nil {
		return done, fmt.Errorf("erase a user: the journal can't list its rooms: %w", errors.ErrUnsupported)
	}
	return done, nil
}

func read(ctx context.Context, j Source, q journal.Query) (journal.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return j.Read(ctx, q)
}

// tell tells those who are in a room that nothing there shows the name of the user any more.
func tell(ctx context.Context, j Source, room, user string) {
	f := wire.Erased{Room: room, User: user}
	e := journal.Entry{Room: room, Kind: journal.Signal, From: journal.User{ID: user}, Body: f.Append(nil)}
	j.Append(ctx, e, func(journal.Receipt, error) {}) // who misses it sees it when they read the room again
}

// finder counts.
type finder struct {
	mu    sync.Mutex // guards the rest
	found User
	rooms map[string]bool
}

func (f *finder) named() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found.Entries++
}

func (f *finder) hidden(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found.Names += n
}

func (f *finder) erased(room string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rooms[room] = true
	f.found.Messages++
	f.found.Rooms = len(f.rooms)
}
