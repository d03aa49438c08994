package shared

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// queued returns a queue of entries that are written as room, kind and what matters to a batch:
// m message, s signal, g governing, r1 recall of 1, e1 edit of 1, c with a condition; and =k for a key.
func queued(list string) (queue []*pending) {
	for n, word := range strings.Fields(list) {
		what, key, _ := strings.Cut(word, "=")
		e := journal.Entry{Room: what[:1], Kind: journal.Message, Key: key, Body: []byte(fmt.Sprint(n))}
		switch what[1] {
		case 's':
			e.Kind = journal.Signal
		case 'g':
			e.Kind = journal.Member
		case 'r', 'e':
			e.Kind, e.Target = journal.Recall, journal.Seq(what[2]-'0')
			if what[1] == 'e' {
				e.Kind = journal.Edit
			}
		case 'c':
			e.Since = 1
		}
		queue = append(queue, &pending{entry: e, claim: claimOf("u", key)})
	}
	return queue
}

func TestPick(t *testing.T) {
	for _, c := range []struct{ name, queue, batches string }{
		{"rooms do not wait for each other", "am bm am", "0,1,2"},
		{"a key is in a batch once", "am=k am=k bm=k", "0,2 1"},
		{"what is behind one that waits waits too", "am=k am=k as am bm", "0,4 1,2,3"},
		{"a condition is not behind what governs", "ag ac", "0 1"},
		{"a condition does not wait for messages", "am ac", "0,1"},
		{"what governs may be behind a condition", "ac ag", "0,1"},
		{"a target is in a batch once", "ar1 ar1 ar2 br1", "0,3 1,2"},
		{"an edit is not behind a message, which may be its target", "am ae1", "0 1"},
		{"a recall may be behind its target", "am ar1", "0,1"},
		{"an edit may be in front of messages", "ae1 am am", "0,1,2"},
		{"transient entries have no key", "as=k am=k as=k", "0,1,2"},
	} {
		queue := queued(c.queue)
		var batches []string
		for len(queue) > 0 {
			var taken []*pending
			if taken, queue = pick(queue); len(taken) == 0 {
				t.Fatalf("%s: nothing is taken of %d", c.name, len(queue))
			}
			var numbers []string
			for _, p := range taken {
				numbers = append(numbers, string(p.entry.Body))
			}
			batches = append(batches, strings.Join(numbers, ","))
		}
		if got := strings.Join(batches, " "); got != c.batches {
			t.Errorf("%s: %s, want %s", c.name, got, c.batches)
		}
	}
}

func TestPick_IsBounded(t *testing.T) {
	var queue []*pending
	for range 2*batchEntries + 1 {
		queue = append(queue, queued("am")...)
	}
	taken, rest := pick(queue)
	if len(taken) != batchEntries || len(rest) != batchEntries+1 || rest[0] != queue[batchEntries] {
		t.Errorf("%d are taken and %d left", len(taken), len(rest))
	}
	for _, p := range queue[:9] {
		p.entry.Body = make([]byte, batchBytes/4)
	}
	if taken, rest := pick(queue[:9]); len(taken) != 4 || len(rest) != 5 {
		t.Errorf("of large ones %d are taken and %d left", len(taken), len(rest))
	}
}

func TestClaimOf(t *testing.T) {
	seen := map[Claim]bool{}
	for _, c := range []Claim{claimOf("a", "bc"), claimOf("ab", "c"), claimOf("a", "b"), claimOf("", "a"), claimOf("a", ""), claimOf("a", "")} {
		if seen[c] {
			t.Errorf("two have the claim %x", c)
		}
		seen[c] = true
	}
	if first, again := claimOf("a", "b"), claimOf("a", "b"); first != again {
		t.Error("a key has two claims")
	}
}

// Of several effects on one target in a batch that is restored, only one is done.
func TestMoot(t *testing.T) {
	for list, want := range map[string]string{
		"am ae1 ae1":     "[false true false]",
		"am ar1 ae1":     "[false false true]",
		"am ae1 ar1":     "[false true false]",
		"ar2 am ae2":     "[true false false]",
		"am am ae1 ae2":  "[false false false false]",
		"am ae1 ar1 ae1": "[false true false true]",
	} {
		var items []Item
		for i, p := range queued(list) {
			p.entry.Seq = journal.Seq(i + 1)
			items = append(items, Item{&p.entry, p.claim})
		}
		if got := fmt.Sprint(moot(items)); got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}
