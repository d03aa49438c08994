package wire

import "github.com/caddychat/caddy-chat/chat/journal"

// Entry is the entry of what somebody says.
func (c *Send) Entry() journal.Entry {
	kind := journal.Message
	if c.Notice {
		kind = journal.Notice
	}
	return journal.Entry{
		Kind: kind, Key: c.Key, Target: journal.Seq(c.Reply), Mentions: c.Mentions, Quiet: c.Quiet, Body: c.Body,
	}
}

// EntryOf returns an entry of a journal as frames show it. It must be of a kind
// that has a frame.
func EntryOf(e *journal.Entry) Entry {
	return Entry{
		Kind:     e.Kind,
		Room:     e.Room,
		Seq:      uint64(e.Seq),
		At:       e.At,
		From:     User(e.From),
		Via:      e.Via,
		Key:      e.Key,
		Body:     e.Body,
		Text:     e.Text,
		Target:   uint64(e.Target),
		Mentions: e.Mentions,
		Quiet:    e.Quiet,
		Gone:     e.Recalled,
		Edited:   uint64(e.Edited),
	}
}

// EntriesOf returns entries of a journal as frames show them.
func EntriesOf(entries []journal.Entry) []Entry {
	list := make([]Entry, len(entries))
	for i := range entries {
		list[i] = EntryOf(&entries[i])
	}
	return list
}

// JSONSize returns about how many bytes an entry of a journal takes in a frame.
func JSONSize(e *journal.Entry) int {
	size := e.Size()
	if e.Text {
		size += quotedSize(e.Body) - len(e.Body)
	}
	return size
}

// Size returns about how many bytes a tag takes in a frame, without its users.
func (t *Tag) Size() int { return 48 + quotedSize(t.Tag) + len(t.Value) }

// IDSize returns how many bytes an id takes in a list.
func IDSize(id string) int { return 1 + quotedSize(id) }
