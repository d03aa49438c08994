package journal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCheckRoom(t *testing.T) {
	for name, says := range map[string]string{
		"":                             "is empty",
		strings.Repeat("x", 129):       "has 129 bytes, at most 128",
		"@" + strings.Repeat("x", 129): "has 130 bytes, at most 129",
		"a\xff":                        "not UTF-8",
		"a\nb":                         "control character",
		"a\u0085b":                     "control character",
		"a":                            "",
		"你好 😀/..":                      "",
		strings.Repeat("x", 128):       "",
		"@" + strings.Repeat("x", 128): "",
	} {
		if err := CheckRoom(name); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", name, err, says)
		}
	}
	for name, reserved := range map[string]bool{"@": true, "@ann": true, "": false, "ann@x": false, "~@x": false} {
		if IsReserved(name) != reserved {
			t.Errorf("%q: IsReserved is %v", name, !reserved)
		}
	}
}

// Each limit has an error that says in words what is wrong.
func TestCheckEntry(t *testing.T) {
	records := func(n, key, value int) (list []Record) {
		for i := range n {
			list = append(list, Record{Key: fmt.Sprintf("%0*d", key, i), Value: make([]byte, value)})
		}
		return list
	}
	for _, c := range []struct {
		says string // empty: it is taken
		e    Entry
	}{
		{"", Entry{Kind: Message}},
		{"", Entry{Kind: Message, Since: 5, Mentions: make([]string, MaxMentions), With: records(MaxWith, 12, MaxWithBytes/MaxWith-12)}},
		{"", Entry{Kind: Event, With: records(1, MaxRecordKey, MaxRecord)}},
		{"", Entry{Kind: Event, With: []Record{{Key: "k"}}}},
		{"", Entry{Kind: Edit, Target: 1, Since: 1}},
		{"", Entry{Kind: Signal, Mentions: []string{"u1"}}},
		{`kind "recalled" must have a target`, Entry{Kind: Recall}},
		{`kind "edited" must have a target`, Entry{Kind: Edit, Since: 1}},
		{`kind "tagged" must have a target`, Entry{Kind: Tag, With: records(1, 1, 1)}},
		{"neither records nor a condition", Entry{Kind: Signal, With: records(1, 1, 1)}},
		{"neither records nor a condition", Entry{Kind: Aside, Since: 1}},
		{"may mention 50 users, not 51", Entry{Kind: Message, Mentions: make([]string, MaxMentions+1)}},
		{"may have 512 records, not 513", Entry{Kind: Message, With: records(MaxWith+1, 4, 0)}},
		{"262144 bytes together, not 262208", Entry{Kind: Message, With: records(64, 17, MaxRecord-16)}},
		{"key of a record is empty", Entry{Kind: Message, With: []Record{{Value: []byte("x")}}}},
		{"key of a record may have 512 bytes, not 513", Entry{Kind: Message, With: records(1, MaxRecordKey+1, 0)}},
		{"is not UTF-8", Entry{Kind: Message, With: []Record{{Key: "\xff"}}}},
		{"a record may have 4096 bytes, not 4097", Entry{Kind: Message, With: records(1, 1, MaxRecord+1)}},
	} {
		c.e.Room = "room"
		err := CheckEntry(&c.e)
		if c.says == "" && err != nil {
			t.Errorf("%v", err)
		}
		if c.says != "" && (!errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("error %v, want %q", err, c.says)
		}
	}
}

func TestCheckEntry_Room_HasALength(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: true, MaxRoom: true, MaxRoom + 1: true, MaxRoom + 2: false, 1 << 20: false} {
		err := CheckEntry(&Entry{Kind: Message, Room: strings.Repeat("\xff", n)})
		if ok && err != nil || !ok && (!errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), fmt.Sprintf("1 to 128 bytes, not %d", n))) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestNextSeq_AfterTheLargest_IsNone(t *testing.T) {
	if next, err := NextSeq(MaxSeq - 1); next != MaxSeq || err != nil {
		t.Errorf("%d, %v", next, err)
	}
	if _, err := NextSeq(MaxSeq); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

func TestCheckEntry_WithoutExtras_CostsNothing(t *testing.T) {
	e := &Entry{Room: "room", Kind: Message, Body: []byte(`"x"`), Key: "k"}
	n := testing.AllocsPerRun(100, func() {
		if err := CheckEntry(e); err != nil {
			t.Error(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
