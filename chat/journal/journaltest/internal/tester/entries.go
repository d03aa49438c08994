package tester

import (
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Message returns a message without a key.
func Message(room, user, body string) journal.Entry {
	return journal.Entry{
		Room: room,
		Kind: journal.Message,
		From: journal.User{ID: user, Name: "Name of " + user},
		Body: []byte(body),
	}
}

// Keyed returns a message with a key.
func Keyed(room, user, key, body string) journal.Entry {
	e := Message(room, user, body)
	e.Key = key
	return e
}

func Recall(room, user string, target journal.Seq) journal.Entry {
	return journal.Entry{Room: room, Kind: journal.Recall, From: journal.User{ID: user}, Target: target}
}

// Edit returns an entry that replaces the body of a message.
func Edit(room, user string, target journal.Seq, body string) journal.Entry {
	e := Message(room, user, body)
	e.Kind, e.Target = journal.Edit, target
	return e
}

// Governing returns an entry of a kind that governs.
func Governing(room string, kind journal.Kind) journal.Entry {
	return journal.Entry{Room: room, Kind: kind, From: journal.User{ID: "boss"}, Body: []byte(`{"x":1}`)}
}

// Since returns e with the condition since.
func Since(e journal.Entry, since journal.Seq) journal.Entry {
	e.Since = since
	return e
}

// With returns e with records: a key, its value, and so on. The value nil deletes.
func With(e journal.Entry, pairs ...any) journal.Entry {
	for i := 0; i < len(pairs); i += 2 {
		r := journal.Record{Key: pairs[i].(string)}
		if v, ok := pairs[i+1].(string); ok {
			r.Value = []byte(v)
		}
		e.With = append(e.With, r)
	}
	return e
}

// SimilarRooms are names that a careless store confuses.
var SimilarRooms = []string{
	"a", "aa", "aaa", "ab", "b", "A", " ", "  ", "a ", " a", "a/b", "a/", "/", "..", "a.b", "*", "%00", "0", "00", "1", "01",
	"\x01", "\x7f", "a\x01", "é", "e\u0301", "你", "你好", "😀", "\u200b", "\uffff", "\U0010ffff", "\xff", "\xff\xff", "a\xff", "\x80",
	strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("x", 127) + "y", strings.Repeat("😀", 32),
	strings.Repeat("\xff", 128), strings.Repeat("\xff", 127),
}
