package rows

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/salvage"
)

// Mark says when the store had taken in so many bytes.
type Mark struct {
	Bytes uint64
	At    int64 // Unix milliseconds
}

// EachMark calls each with the marks of the timeline, the oldest first, until it returns
// false. Damaged ones are left out.
func EachMark(db pebble.Reader, each func(Mark) (goOn bool)) error {
	iter, err := salvage.New(db, format.TableStart(format.Timeline), format.TableEnd(format.Timeline), nil)
	if err != nil {
		return err
	}
	defer iter.Close()
	for more := iter.First(); more; more = iter.Next() {
		at, err := format.DecodeMark(iter.Value())
		if err == nil && !each(Mark{format.TimelineBytes(iter.Key()), at}) {
			break
		}
	}
	return iter.Error()
}
