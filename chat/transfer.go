package chat

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/caddychat/caddy-chat/chat/internal/erase"
	"github.com/caddychat/caddy-chat/chat/internal/members"
	"github.com/caddychat/caddy-chat/chat/internal/transfer"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Imported says how far an import has come.
type Imported = transfer.Imported

// ErrNoRoom is wrapped by the error of an Export that cannot go on where it was.
var ErrNoRoom = transfer.ErrNoRoom

// ErrDamaged is wrapped by the error of an Export that has all that could be read, and lacks
// something, because the journal is damaged.
var ErrDamaged = transfer.ErrDamaged

// Export calls each for every entry that is kept, as a line that Import reads:
// room by room, beginning after the entry with the number after in the room from.
// So an export that was interrupted can go on where it was. An empty from means the
// beginning; if there is no room from, the error wraps ErrNoRoom. If only is set, it is that
// room alone. The line is valid during the call only. If something could not be read, the error
// wraps ErrDamaged, behind the last line.
func (h *Hub) Export(ctx context.Context, only, from string, after journal.Seq, each func(line []byte) error) error {
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	before := h.damaged()
	err := transfer.Export(ctx, h.journal, h.lister(), only, from, after, each)
	if err == nil && h.damaged() > before { // of rooms or records, which say nothing of it themselves
		return ErrDamaged
	}
	return err
}

// damaged is how often the journal could not read something.
func (h *Hub) damaged() uint64 {
	if j, can := h.given.(journal.Reporter); can {
		return j.Stats().Damaged
	}
	return 0
}

// Import records lines that Export wrote. Entries keep their numbers, times, keys
// and senders, and belong to this hub's epoch from now on. Entries that are there
// already are skipped, so an import that was interrupted can be repeated. Clients
// in the room get the new entries.
//
// Import stops at the first line that is damaged or does not fit. The error has
// the number of that line. What came before it is kept. The error wraps
// errors.ErrUnsupported if the journal is no journal.Restorer.
func (h *Hub) Import(ctx context.Context, from io.Reader) (Imported, error) {
	j, ok := h.given.(transfer.Target)
	if !ok {
		return Imported{}, unsupported("import: the journal numbers its entries itself, so it takes none that have numbers")
	}
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return transfer.Import(ctx, transfer.Into{Journal: j, Direct: h.directName, Await: h.rooms.Await}, from)
}

// directName returns the name of the conversation of two users: that of the first policy
// for conversations of two.
func (h *Hub) directName(user, other string) (string, error) {
	patterns := h.settings().Policies.Directs()
	if len(patterns) == 0 {
		return "", fmt.Errorf("the conversation of %q and %q has no name here: no policy of the hub says direct", user, other)
	}
	return members.DirectName(patterns[0], user, other), nil
}

// Tail calls each for the newest entries of a room and then for every further one,
// as lines like those of Export, until ctx ends, the hub closes or each returns an
// error. The line is valid during the call only. Transient entries, such as
// "typing", are left out. Nobody becomes present by it. What comes faster than each
// returns is read from the journal.
func (h *Hub) Tail(ctx context.Context, room string, newest int, each func(line []byte) error) error {
	if err := journal.CheckRoom(room); err != nil {
		return err
	}
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return transfer.Tail(ctx, h.journal, room, newest, each)
}

// History calls each for the last entries of a room, at most newest of them, below the
// number before or up to the end if that is 0, as lines like those of Export, oldest
// first. The line is valid during the call only.
func (h *Hub) History(ctx context.Context, room string, before journal.Seq, newest uint64, each func(line []byte) error) error {
	if err := journal.CheckRoom(room); err != nil {
		return err
	}
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return transfer.History(ctx, h.journal, room, before, newest, each)
}

// whileOpen returns a context that ends with ctx and with the hub.
func (h *Hub) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.context, func() { cancel(ErrHubClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// unsupported is errors.ErrUnsupported in words that say why.
type unsupported string

func (u unsupported) Error() string { return string(u) }

// Is makes errors.Is find errors.ErrUnsupported.
func (unsupported) Is(target error) bool { return target == errors.ErrUnsupported }

// HasFiles reports whether the journal is on disk: then its files hold what was erased
// until Compact.
func (h *Hub) HasFiles() bool {
	_, ok := h.given.(journal.Maintainer)
	return ok
}

// Backup copies the journal to dir, which must not exist, while it runs. It ends with
// ctx, and with the hub. The error wraps errors.ErrUnsupported if the journal is not on
// disk.
func (h *Hub) Backup(ctx context.Context, dir string) error {
	j, ok := h.given.(journal.Maintainer)
	if !ok {
		return unsupported("back up: the journal is not on disk, so there are no files to copy; an export has its entries")
	}
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return j.Backup(ctx, dir)
}

// Compact writes the journal again, without what was deleted: then no file of it
// holds a recalled body. That takes as long as a copy. It ends with ctx, and with the
// hub. The error wraps errors.ErrUnsupported if the journal is not on disk.
func (h *Hub) Compact(ctx context.Context) error {
	j, ok := h.given.(journal.Maintainer)
	if !ok {
		return unsupported("compact: the journal is not on disk, so there are no files to write again")
	}
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return j.Compact(ctx)
}

// ErasedRoom and ErasedUser say what was erased.
type (
	ErasedRoom = erase.Room
	ErasedUser = erase.User
)

// EraseRoom erases all entries of a room, their numbers, and the read marks there. It
// ends the sessions in the room: their clients come back to an empty room with another
// epoch, so that they drop what they show. Bodies are in the files of the journal until
// Compact has written these again, and in backups. Mutes and bans stay. The error has
// the code wire.NotFound if there is no such room.
func (h *Hub) EraseRoom(ctx context.Context, name string) (ErasedRoom, error) {
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return h.core.Operator().EraseRoom(ctx, name)
}

// EraseUser ends the sessions of a user, refuses the tokens that this server has given
// them, recalls all that the user has said, and erases how far the user has read. It
// reads the whole journal. What is still there: that the
// user has said something, and when, in the entries of recalled messages; the user's id
// where others mention it; mutes and bans; bodies in the files of the journal until
// Compact has written these again, and in backups. If it ends early, what it returns
// is done, and a second call goes on.
func (h *Hub) EraseUser(ctx context.Context, id string) (ErasedUser, error) {
	ctx, cancel := h.whileOpen(ctx)
	defer cancel()
	return h.core.Operator().EraseUser(ctx, h.lister(), id, false)
}
