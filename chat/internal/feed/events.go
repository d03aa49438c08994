package feed

import (
	"strconv"

	"github.com/caddychat/caddy-chat/chat/internal/events"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// appendEntry appends the event of an entry of a part. A reader of the events of many rooms
// needs the room's epoch where it is not the store's. What has no room is known by its
// position.
func appendEntry(dst []byte, e *journal.Entry, epoch string, part int) []byte {
	if e.Kind == journal.Event {
		dst = events.AppendMembers(append(dst, `{"event":{`...), e)
		dst = strconv.AppendInt(append(dst, `,"at":`...), e.At, 10)
		dst = wire.AppendString(append(dst, `,"id":`...), Text(epoch, part, e.Position))
		return append(dst, "}}"...)
	}
	frame := wire.EntryOf(e)
	dst = frame.Append(append(dst, `{"entry":`...))
	if e.Epoch != "" && e.Epoch != epoch {
		dst = append(dst[:len(dst)-1], `,"epoch":`...)
		dst = append(wire.AppendString(dst, e.Epoch), '}')
	}
	return append(dst, '}')
}

// appendLost appends the event that says that everything between two positions is lost to
// the reader.
func appendLost(dst []byte, from, to string) []byte {
	dst = wire.AppendString(append(dst, `{"gap":{"from":`...), from)
	dst = wire.AppendString(append(dst, `,"to":`...), to)
	return append(dst, "}}"...)
}

// appendMissing appends the event that says that entries of a room were removed before
// they could be read.
func appendMissing(dst []byte, m *journal.Missing) []byte {
	dst = wire.AppendString(append(dst, `{"gap":{"room":`...), m.Room)
	dst = strconv.AppendUint(append(dst, `,"from":`...), uint64(m.From), 10)
	dst = strconv.AppendUint(append(dst, `,"to":`...), uint64(m.To), 10)
	return append(dst, "}}"...)
}

// AppendBody appends the body of a request or an answer: the events behind the position
// from, up to the position to. events are joined by commas.
func AppendBody(dst []byte, epoch, from, to string, events []byte) []byte {
	dst = wire.AppendString(append(dst, `{"epoch":`...), epoch)
	dst = wire.AppendString(append(dst, `,"from":`...), from)
	dst = wire.AppendString(append(dst, `,"to":`...), to)
	dst = append(append(dst, `,"events":[`...), events...)
	return append(dst, "]}"...)
}
