package memjournal

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// keyLife is how long a key is remembered at least, whatever becomes of its
// entry. Only MaxBytes removes it earlier.
const keyLife = 24 * time.Hour

// What a room and a key count for where bytes are bounded.
const (
	roomCost = 512
	keyCost  = 128
)

func (j *Journal) growLocked(r *room, n int64) {
	r.size += n
	j.bytes += n
}

// trimLocked removes the entries that the room's retention does not keep.
func (j *Journal) trimLocked(r *room, keep journal.Retention, now int64) {
	for len(r.entries) > 0 {
		age := time.Duration(now-r.entries[0].At) * time.Millisecond
		if !(keep.Count > 0 && len(r.entries) > keep.Count ||
			keep.Age > 0 && age > keep.Age ||
			keep.Bytes > 0 && r.size > keep.Bytes) {
			return
		}
		j.dropEntryLocked(r)
	}
}

// trimKeysLocked removes keys that are old enough and whose entries are gone.
func (j *Journal) trimKeysLocked(r *room, now int64) {
	for len(r.keyOrder) > 0 {
		oldest := r.keys[r.keyOrder[0]]
		if oldest.Seq >= r.first() || time.Duration(now-oldest.At)*time.Millisecond < keyLife {
			return
		}
		j.dropKeyLocked(r)
	}
}

// shrinkLocked keeps to MaxBytes. The rooms that have been silent longest lose
// their oldest entries, then their keys. A room that has neither, and no
// followers, is removed. The room that speaks now is never removed.
func (j *Journal) shrinkLocked() {
	for element := j.bySilence.Front(); element != nil && j.bytes > j.maxBytes; {
		r := element.Value.(*room)
		switch {
		case len(r.entries) > 0:
			j.dropEntryLocked(r)
		case len(r.keyOrder) > 0:
			j.dropKeyLocked(r)
		default:
			element = element.Next()
			if len(r.followers) == 0 && element != nil {
				j.dropRoomLocked(r)
			}
		}
	}
}

func (j *Journal) dropEntryLocked(r *room) {
	j.growLocked(r, -int64(r.entries[0].Size()))
	j.entries--
	r.entries[0] = journal.Entry{}
	r.entries = r.entries[1:]
}

func (j *Journal) dropKeyLocked(r *room) {
	delete(r.keys, r.keyOrder[0])
	r.keyOrder = r.keyOrder[1:]
	j.bytes -= keyCost
}

// dropRoomLocked removes a room. If it gave numbers, they must not be given again
// in the same epoch: every room that begins from now on has a new epoch.
func (j *Journal) dropRoomLocked(r *room) {
	j.bySilence.Remove(r.element)
	delete(j.rooms, r.name)
	j.bytes -= roomCost
	if r.last > 0 {
		j.epoch = newEpoch()
	}
}
