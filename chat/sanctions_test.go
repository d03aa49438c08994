package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// What one node mutes or bans is muted and banned on another that shares its journal: the
// user is told or removed there, too, and it can be lifted from either.
func TestSanctions_OfAnotherNode_Hold(t *testing.T) {
	store := memjournal.NewStore(memjournal.Options{})
	here, _ := serve(t, chat.Config{Journal: store.Open()}, &chat.Handler{Auth: tokens{}})
	elsewhere, err := chat.NewHub(chat.Config{Journal: store.Open()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := elsewhere.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ann := dialV1(t, here).hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
	do(elsewhere.Mute("", "ann", time.Hour))
	ann.expect(`{"type":"muted","for":"…"}`)
	do(elsewhere.Mute("", "ann", 0))
	ann.expect(`{"type":"muted","for":0}`)
	do(elsewhere.Ban("tea", "ann", time.Hour))
	ann.expect(`{"type":"removed","room":"tea","code":"banned","…":"…"}`)
	ann.send(`{"type":"join","id":"1","room":"tea"}`)
	ann.expect(`{"type":"error","id":"1","code":"banned","…":"…"}`)
	do(elsewhere.Ban("tea", "ann", 0))
	ann.send(`{"type":"join","id":"2","room":"tea"}`)
	ann.expect(`{"type":"joined","id":"2","…":"…"}`)
	do(elsewhere.Ban("", "ann", time.Hour))
	ann.expect(`{"type":"bye","code":"banned","…":"…"}`)
	if list := elsewhere.Sanctions(); len(list) != 1 {
		t.Errorf("in force: %v", list)
	}
}

// heldAppends is a journal that says when it gets a recall, and records it when released.
type heldAppends struct {
	journal.Journal
	reached chan struct{}
	release chan struct{}
}

func (j heldAppends) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	if e.Kind != journal.Recall {
		j.Journal.Append(ctx, e, done)
		return
	}
	j.reached <- struct{}{}
	go func() {
		<-j.release
		j.Journal.Append(ctx, e, done)
	}()
}

// Two users who recall one message at once make one entry.
func TestRecall_ByTwoAtOnce_IsOneEntry(t *testing.T) {
	var j heldAppends
	onJournal(t, func() chat.Config {
		j = heldAppends{memjournal.New(memjournal.Options{}), make(chan struct{}, 2), make(chan struct{})}
		return chat.Config{Journal: j}
	}, tokens{}, alone, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"}]`)
		ann.send(`{"type":"send","room":"tea","body":"oops"}`)
		ann.expect(`{"type":"message","seq":1,"…":"…"}`)
		ann.send(`{"type":"recall","id":"1","room":"tea","seq":1}`)
		<-j.reached
		found := make(chan bool, 1)
		go func() {
			_, err := b.hub.Recall(t.Context(), "tea", 1)
			found <- err == nil
		}()
		synctest.Wait()
		if len(j.reached) > 0 {
			t.Error("a second recall was handed in")
		}
		close(j.release)
		if !<-found {
			t.Error("the second was not answered")
		}
		page, err := j.Read(t.Context(), journal.Query{Room: "tea", Limit: 10})
		if err != nil || page.Last != 2 {
			t.Errorf("the room has %d entries, %v", page.Last, err)
		}
		b.close()
	})
}

// An announcement is a JSON value, or is refused and recorded nowhere.
func TestAnnounce_BodyIsJSON(t *testing.T) {
	_, hub := serve(t, chat.Config{Journal: memjournal.New(memjournal.Options{})}, &chat.Handler{})
	for _, body := range []string{"", "tea", `{"a":`, `1 2`} {
		if receipt, err := hub.Announce(t.Context(), "tea", []byte(body)); err == nil {
			t.Errorf("%q was recorded as %d", body, receipt.Seq)
		}
	}
	if receipt, err := hub.Announce(t.Context(), "tea", []byte(`{"text":"hi"}`)); err != nil || receipt.Seq != 1 {
		t.Errorf("%d, %v", receipt.Seq, err)
	}
}
