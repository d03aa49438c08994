package memjournal

import "github.com/caddychat/caddy-chat/chat/journal"

// kept is an entry as its room keeps it: without its number, which its place tells, and
// without what belongs to the room or is not recorded. It takes a third less memory than a
// journal.Entry.
type kept struct {
	from                  journal.User
	key, via              string
	mentions              []string
	body                  []byte
	target, edited        journal.Seq
	at                    int64
	count                 uint64
	position              journal.Position
	kind                  journal.Kind
	text, quiet, recalled bool
	size                  uint32 // as Entry.Size tells, which every append and drop would count anew
}

func keep(e *journal.Entry) kept {
	return kept{
		e.From, e.Key, e.Via, e.Mentions, e.Body, e.Target, e.Edited, e.At, e.Count, e.Position,
		e.Kind, e.Text, e.Quiet, e.Recalled, uint32(e.Size()),
	}
}

// counts is Entry.Counts, without an Entry: a list asks for the heads of thousands of rooms.
func (k *kept) counts() bool { return k.kind.Counts() && !k.quiet }

// put replaces the body.
func (k *kept) put(body []byte, text bool) {
	k.size = uint32(int(k.size) - len(k.body) + len(body))
	k.body, k.text = body, text
}

// redact takes from e what may be redacted.
func (k *kept) redact(e *journal.Entry) {
	k.from.Name, k.from.Avatar = e.From.Name, e.From.Avatar
	if !k.kind.Erasable() {
		k.body = e.Body
	}
}

func (k *kept) entry(room string, seq journal.Seq) journal.Entry {
	return journal.Entry{
		Room: room, Kind: k.kind, Text: k.text, Quiet: k.quiet, Recalled: k.recalled,
		From: k.from, Key: k.key, Target: k.target, Mentions: k.mentions, Via: k.via, Body: k.body,
		Seq: seq, At: k.at, Count: k.count, Position: k.position, Edited: k.edited,
	}
}
