package memjournal

import (
	"reflect"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Whatever an entry has, beside what is not recorded, comes back.
func TestKept_HasAllThatIsRecorded(t *testing.T) {
	e := journal.Entry{
		Room: "room", Kind: journal.Message, Text: true, Quiet: true, Recalled: true,
		From: journal.User{ID: "li", Name: "Li", Avatar: "a", Guest: true}, Key: "k", Target: 1,
		Mentions: []string{"wu"}, Via: "bot", Body: []byte("x"), Seq: 2, At: 3, Count: 4, Position: 5, Edited: 6,
	}
	fields := reflect.ValueOf(e)
	for i := range fields.NumField() {
		switch name := fields.Type().Field(i).Name; name {
		case "Origin", "Since", "With", "Epoch":
		default:
			if fields.Field(i).IsZero() {
				t.Errorf("this test says nothing of %s", name)
			}
		}
	}
	if has, had := reflect.TypeFor[kept]().Size(), fields.Type().Size(); has > had*2/3 {
		t.Errorf("it takes %d bytes, an entry %d", has, had)
	}
	k := keep(&e)
	if got := k.entry("room", 2); !reflect.DeepEqual(got, e) {
		t.Errorf("%+v became %+v", e, got)
	}
	for _, c := range []journal.Entry{{Kind: journal.Message}, {Kind: journal.Message, Quiet: true}, {Kind: journal.Tag}} {
		if k := keep(&c); k.counts() != c.Counts() {
			t.Errorf("%+v counts: %v", c, k.counts())
		}
	}
	for _, body := range []string{"x", "longer", ""} {
		k.put([]byte(body), false)
		if got := k.entry("room", 2); int(k.size) != got.Size() {
			t.Errorf("with %q its size is %d, the entry's %d", body, k.size, got.Size())
		}
	}
}
