//go:build unix

package pgjournal_test

import (
	"context"
	"slices"
	"testing"
	"time"
)

// What a node has told itself is left out, and nothing that only begins like it.
func TestListen_LeavesOutOwn(t *testing.T) {
	s := open(t, schema(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var heard []string
	err := s.Listen(ctx, []byte("node1"), func() {
		hints := [][]byte{[]byte("node1 own"), []byte("node2 b"), []byte("node"), []byte("node1"), {}, {0, 0xff, 0x80}, []byte("end")}
		if err := s.Send(hints); err != nil {
			t.Error(err)
			cancel()
		}
	}, func(hint []byte) {
		if heard = append(heard, string(hint)); heard[len(heard)-1] == "end" {
			cancel()
		}
	})
	if want := []string{"node2 b", "node", "", "\x00\xff\x80", "end"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q, %v", heard, want, err)
	}
}
