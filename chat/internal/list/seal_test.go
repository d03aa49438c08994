package list

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// fullRecords are those of a disk that takes nothing more.
type fullRecords struct{ journal.Records }

func (fullRecords) Update(context.Context, string, func([]byte) ([]byte, error)) error {
	return errors.New("no space left")
}

// fullJournal is a journal on such a disk.
type fullJournal struct{ journal.Journal }

func (j fullJournal) Records() journal.Records { return fullRecords{j.Journal.Records()} }

// A moment is read again by each hub of the journal, for its user only, and shows nothing.
func TestSeal_HidesMoments_FromEverybody(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	ctx := t.Context()
	m := moment{Epoch: "epoch", Parts: []journal.Position{1, 2}, Updates: 3, At: 4, Policies: policiesSum{5, 6}}
	full, err := (&Reader{Journal: fullJournal{j}}).seal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lost := m.sealed(full, "ann")
	reader := Reader{Journal: j}
	one, err := reader.seal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	other, err := (&Reader{Journal: fullJournal{j}}).seal(ctx) // another hub, or this one after a restart
	if err != nil {
		t.Fatal(err)
	}
	if reader.Journal = nil; reader.sealing.Load() == nil {
		t.Error("the key is read each time")
	} else if again, err := reader.seal(ctx); err != nil || again != one {
		t.Error("the key is another one")
	}
	word := m.sealed(one, "ann")
	if got, ok := unsealed(other, "ann", word); !ok || !bytes.Equal(got.bytes(), m.bytes()) {
		t.Errorf("another hub reads %v", got)
	}
	for user, word := range map[string]string{"ben": word, "ann": lost, "cy": "", "dan": word[:8], "eve": word + "AAAA"} {
		if got, ok := unsealed(other, user, word); ok {
			t.Errorf("%s reads %v of %q", user, got, word)
		}
	}
	later := moment{Epoch: "another", Parts: []journal.Position{1 << 40, 2}, Updates: 1 << 50, At: 1 << 41}
	long := later.sealed(one, "ann")
	if len(long) != len(word)+base64.RawURLEncoding.EncodedLen(len("another"))-base64.RawURLEncoding.EncodedLen(len("epoch")) {
		t.Errorf("large numbers make %d characters of %d", len(long), len(word))
	}
	most := moment{Epoch: strings.Repeat("e", wire.MaxEpoch), Parts: make([]journal.Position, 8)} // of a database
	if n := len(most.sealed(one, "ann")); n > wire.MaxNext {
		t.Errorf("clients would have to send %d bytes", n)
	}
	text, _ := base64.RawURLEncoding.DecodeString(word)
	if bytes.Contains(text, m.bytes()[:16]) || word == m.sealed(one, "ann") {
		t.Error("it shows what it is made of")
	}
}

// Who has seen more than there is was shown what the store has lost, and gets all again.
func TestMoment_Precedes_OnlyWhatIsKnown(t *testing.T) {
	now := moment{Epoch: "e", Parts: []journal.Position{5}, Updates: 5, At: 1 << 41}
	for what, c := range map[string]struct {
		change func(*moment)
		want   bool
	}{
		"the same":       {func(*moment) {}, true},
		"more entries":   {func(m *moment) { m.Parts = []journal.Position{6} }, false},
		"more records":   {func(m *moment) { m.Updates = 6 }, false},
		"more parts":     {func(m *moment) { m.Parts = []journal.Position{5, 5} }, false},
		"other policies": {func(m *moment) { m.Policies[7]++ }, false},
		"another epoch":  {func(m *moment) { m.Epoch = "f" }, false},
		"a later clock":  {func(m *moment) { m.At++ }, false},
		"thirty days":    {func(m *moment) { m.At -= (30 * 24 * time.Hour).Milliseconds() }, false},
		"almost as many": {func(m *moment) { m.At -= (29 * 24 * time.Hour).Milliseconds() }, true},
	} {
		m := now
		c.change(&m)
		if m.precedes(&now) != c.want {
			t.Errorf("%s: not %v", what, c.want)
		}
	}
}
