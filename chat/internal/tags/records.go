package tags

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// The limits of the protocol.
const (
	MaxTags  = 20  // different tags of a message
	MaxUsers = 100 // users of one of them
	MaxPins  = 50  // of a room
)

// Pin is the shared tag that pins a message.
const Pin = "pin"

func roomKey(room string) string { return "tag\x00" + room + "\x00" }

func messageKey(room string, seq journal.Seq) string {
	return roomKey(room) + hex(seq) + "\x00"
}

func pinsKey(room string) string { return "pin\x00" + room + "\x00" }

func pinKey(room string, seq journal.Seq) string {
	return pinsKey(room) + hex(seq)
}

func hex(seq journal.Seq) string { return fmt.Sprintf("%016x", uint64(seq)) }

// tag is a record.
type tag struct {
	seq       journal.Seq
	user, tag string // user is empty if it is shared
	value     []byte
	by        journal.Seq // the entry that has set it
}

// parse reads a record of a room.
func parse(room string, r journal.Record) (t tag, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(r.Key, roomKey(room)), "\x00", 3)
	if len(parts) < 3 {
		return t, false
	}
	seq, err := strconv.ParseUint(parts[0], 16, 64)
	return tag{journal.Seq(seq), parts[1], parts[2], r.Value, r.Stamp.Seq}, err == nil
}

// parsePin reads a record of a pin.
func parsePin(room string, r journal.Record) (seq uint64, ok bool) {
	digits, ok := strings.CutPrefix(r.Key, pinsKey(room))
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 16, 64)
	return seq, err == nil
}

// countPins returns how many messages are pinned in a room.
func countPins(ctx context.Context, records journal.Records, room string) (n int, err error) {
	err = records.Scan(ctx, pinsKey(room), func(journal.Record) error { n++; return nil })
	return n, err
}

// errEnd ends a scan.
var errEnd = errors.New("there are enough")
