package journal

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckRestore(t *testing.T) {
	for _, c := range []struct {
		seq      Seq
		at       int64
		last     Seq // of the room, whose newest entry is of the time 50
		known    bool
		contains string
	}{
		{seq: 7, at: 1, last: 0},
		{seq: 7, at: 1, last: 7, known: true},
		{seq: 1, at: 99, last: 7, known: true},
		{seq: 8, at: 50, last: 7},
		{seq: 8, at: 49, last: 7, contains: `entry 8 of room "room" is older`},
		{seq: 10, at: 60, last: 7, contains: "entries 8 to 9 are missing"},
	} {
		known, err := CheckRestore(&Entry{Room: "room", Seq: c.seq, At: c.at}, c.last, 50)
		if known != c.known || (err == nil) != (c.contains == "") || err != nil && !strings.Contains(err.Error(), c.contains) {
			t.Errorf("%+v: %v, %v", c, known, err)
		}
	}
}

func TestCheckRestorable(t *testing.T) {
	for says, change := range map[string]func(e *Entry){
		"":                      func(*Entry) {},
		"never recorded":        func(e *Entry) { e.Kind = Signal },
		"entry 0":               func(e *Entry) { e.Seq = 0 },
		"is the largest":        func(e *Entry) { e.Seq = MaxSeq + 1 },
		"the 8-th that counts":  func(e *Entry) { e.Count = 8 },
		"1 ms before 1970":      func(e *Entry) { e.At = -1 },
		"must have a target":    func(e *Entry) { e.Kind = Edit },
		"1 to 128 bytes, not 0": func(e *Entry) { e.Room = "" },
	} {
		e := Entry{Room: "room", Kind: Message, Seq: 7, At: 1, Count: 7}
		change(&e)
		err := CheckRestorable(&e)
		if (err == nil) != (says == "") || err != nil && (!errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestCheckKnown(t *testing.T) {
	there := Entry{Room: "room", Seq: 7, At: 50, Kind: Message, From: User{ID: "u1", Name: "Ann"}, Key: "k", Target: 3, Body: []byte("1")}
	same := there
	same.Body, same.Recalled, same.From.Name = nil, true, "Anna" // what may change later
	if err := CheckKnown(&same, &there); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(e *Entry){
		"Kind": func(e *Entry) { e.Kind = Notice }, "At": func(e *Entry) { e.At++ }, "From.ID": func(e *Entry) { e.From.ID = "u2" },
		"Key": func(e *Entry) { e.Key = "" }, "Target": func(e *Entry) { e.Target = 4 },
	} {
		other := there
		change(&other)
		if err := CheckKnown(&other, &there); err == nil || !strings.Contains(err.Error(), "another entry with the number 7") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	edit := Entry{Room: "room", Seq: 8, Kind: Edit, Target: 7, Key: "made by the hub"}
	exported := edit
	if exported.Key = ""; CheckKnown(&exported, &edit) != nil {
		t.Error("an entry with a target is not known without its key")
	}
}
