package journal

import "testing"

// Every row of the table of kinds, as the rest of the project relies on it.
func TestKinds_Table(t *testing.T) {
	for k, want := range map[Kind]traits{
		1:   {"message", true, true, false, NoEffect, false, true, true, false, RawText, Everyone},
		2:   {"recalled", true, false, true, Erase, false, false, false, false, NoRawFrame, Everyone},
		3:   {"notice", true, false, false, NoEffect, false, false, true, false, NoRawFrame, Everyone},
		4:   {"member", true, false, false, NoEffect, false, false, false, true, NoRawFrame, Everyone},
		5:   {"info", true, false, false, NoEffect, false, false, false, true, NoRawFrame, Everyone},
		6:   {"edited", true, false, true, Replace, true, false, false, false, NoRawFrame, Everyone},
		7:   {"tagged", true, false, true, NoEffect, true, false, false, false, NoRawFrame, Everyone},
		8:   {"", true, false, false, NoEffect, false, false, false, false, NoRawFrame, Everyone},
		128: {"", false, true, false, NoEffect, false, false, false, false, RawBinary, Everyone},
		129: {"", false, true, false, NoEffect, false, false, false, false, NoRawFrame, OtherUsers},
		130: {"", false, true, false, NoEffect, false, false, false, false, NoRawFrame, SameUser},
		77:  {},
	} {
		got := traits{k.Name(), k.Recorded(), k.HasSender(), k.HasTarget(), k.Effect(), k.Reveals(), k.Erasable(), k.Counts(), k.Governs(), k.Raw(), k.Audience()}
		if got != want {
			t.Errorf("kind %d: %+v, want %+v", k, got, want)
		}
		hasFrame := want.name != ""
		if named, ok := KindNamed(want.name); ok != hasFrame || ok && named != k {
			t.Errorf("KindNamed(%q) is %d, %v", want.name, named, ok)
		}
	}
}
