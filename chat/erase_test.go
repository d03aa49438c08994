package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

func isNotFound(err error) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Code == wire.NotFound
}

// An erased room begins anew: those who were in it come back to another epoch, and get a
// gap instead of what is gone.
func TestHub_EraseRoom(t *testing.T) {
	inBubble(t, chat.Settings{}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"},{"room":"rum"}]`)
		for _, room := range []string{"tea", "tea", "rum"} {
			ann.send(fmt.Sprintf(`{"type":"send","room":%q,"body":"secret"}`, room))
			ann.expect(`{"type":"message","room":"` + room + `","…":"…"}`)
		}
		ann.send(`{"type":"read","id":"r","room":"tea","seq":2}`)
		raw := b.connectRaw() // in the lobby: it stays
		if n := b.hub.CountSessions("tea", "ann") + b.hub.CountSessions("", "ann") + b.hub.CountSessions("lobby", "ann"); n != 2 {
			t.Errorf("ann has %d sessions", n)
		}
		var kept []string
		if err := b.hub.KeptRooms(t.Context(), func(name string) error { kept = append(kept, name); return nil }); err != nil || len(kept) != 2 {
			t.Errorf("kept are %v, %v", kept, err)
		}
		before, ok, err := b.hub.Room(t.Context(), "tea")
		if !ok || err != nil || before.First != 1 || before.Last != 2 || before.Sessions != 1 || before.At == 0 {
			t.Errorf("before: %+v, %v, %v", before, ok, err)
		}
		time.Sleep(2 * time.Second) // the marks have moved to what was sent
		done, err := b.hub.EraseRoom(t.Context(), "tea")
		if err != nil || done.Entries != 2 || done.Marks != 1 || done.Sessions != 1 {
			t.Errorf("erased %+v, %v", done, err)
		}
		for frame := range ann.frames {
			if typeOf(frame) == "bye" {
				ann.match(`{"type":"bye","code":"unavailable","retry":"…","…":"…"}`, frame)
			}
		}
		raw.silent(time.Second)
		if lines := strings.Join(export(t, b.hub, ""), ""); strings.Count(lines, "secret") != 1 || !strings.Contains(lines, `"room":"rum"`) {
			t.Errorf("there is still\n%s", lines)
		}
		ann = b.connect()
		ann.send(`{"type":"hello","token":"ann","rooms":[{"room":"tea","epoch":"` + before.Epoch + `","after":2}]}`)
		ann.expect(`{"type":"welcome","rooms":[{"room":"tea","last":0,"gap":true,"entries":[],"…":"…"}],"…":"…"}`)
		ann.send(`{"type":"send","room":"tea","body":"new"}`)
		ann.expect(`{"type":"message","room":"tea","seq":1,"…":"…"}`)
		if _, err := b.hub.EraseRoom(t.Context(), "nothing"); !isNotFound(err) {
			t.Errorf("a room that does not exist: %v", err)
		}
		if _, err := b.hub.EraseRoom(t.Context(), "@ann"); err == nil {
			t.Error("a room of the server was erased")
		}
		if _, ok, err := b.hub.Room(t.Context(), "nothing"); ok || err != nil {
			t.Errorf("a room that does not exist: %v, %v", ok, err)
		}
	})
}

// slowTrim is a journal whose Trim waits.
type slowTrim struct {
	journal.Journal
	begun, free chan struct{}
}

func (j *slowTrim) Trim(ctx context.Context, room string, below journal.Seq) error {
	if below == journal.All {
		close(j.begun)
		<-j.free
	}
	return j.Journal.Trim(ctx, room, below)
}

// While a room is erased, nobody enters it or speaks there: they would keep its numbers.
// Other rooms go on, and whoever asks for an erasure with too little time is told so.
func TestHub_EraseRoom_LetsNobodyIn(t *testing.T) {
	var j *slowTrim
	onJournal(t, func() chat.Config {
		j = &slowTrim{memjournal.New(memjournal.Options{}), make(chan struct{}), make(chan struct{})}
		return chat.Config{Journal: j}
	}, nil, alone, func(t *testing.T, b *bubble) {
		if _, err := b.hub.Announce(t.Context(), "tea", []byte("1")); err != nil {
			t.Fatal(err)
		}
		erased := make(chan error)
		go func() {
			_, err := b.hub.EraseRoom(t.Context(), "tea")
			erased <- err
		}()
		<-j.begun
		c := b.connect().hello("")
		c.send(`{"type":"join","id":"1","room":"tea"}`)
		c.expect(`{"type":"error","id":"1","code":"unavailable","retry":"…","…":"…"}`)
		c.send(`{"type":"join","id":"2","room":"rum"}`)
		c.expect(`{"type":"joined","id":"2","…":"…"}`)
		if _, err := b.hub.Announce(t.Context(), "tea", []byte("2")); err == nil {
			t.Error("something was said in a room that is being erased")
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.hub.EraseRoom(short, "rum"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two erasures at the same time: %v", err)
		}
		close(j.free)
		if err := <-erased; err != nil {
			t.Error(err)
		}
		c.send(`{"type":"join","id":"3","room":"tea"}`)
		c.expect(`{"type":"joined","id":"3","last":0,"…":"…"}`)
		b.close()
	})
}

// What a user has said is recalled in every room, and the user's read marks go. What
// others have said stays, and so do bans.
func TestHub_EraseUser(t *testing.T) {
	inBubble(t, chat.Settings{}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"},{"room":"rum"}]`)
		bo := b.connect().hello(`,"token":"bo","rooms":[{"room":"tea"}]`)
		for i := range 700 {
			ann.send(`{"type":"send","room":"tea","body":"secret"}`)
			ann.expect(`{"type":"message","…":"…"}`)
			bo.expect(`{"type":"message","…":"…"}`)
			if i%350 == 0 {
				ann.send(`{"type":"send","room":"rum","body":"secret"}`)
				ann.expect(`{"type":"message","…":"…"}`)
			}
			time.Sleep(time.Second)
		}
		bo.send(`{"type":"send","room":"tea","body":"public"}`)
		bo.expect(`{"type":"message","…":"…"}`)
		ann.expect(`{"type":"message","…":"…"}`)
		ann.send(`{"type":"recall","room":"tea","seq":700}`)
		bo.expect(`{"type":"recalled","target":700,"…":"…"}`)
		if err := b.hub.Ban("rum", "ann", time.Hour); err != nil {
			t.Fatal(err)
		}
		if known, err := b.hub.User(t.Context(), "ann"); err != nil || known.Sessions != 1 || known.Marks != 2 {
			t.Errorf("known %+v, %v", known, err)
		}
		done, err := b.hub.EraseUser(t.Context(), "ann")
		if err != nil || done.Messages != 701 || done.Rooms != 2 || done.Marks != 2 || done.Sessions != 1 || done.Entries != 703 {
			t.Errorf("erased %+v, %v", done, err)
		}
		bo.expect(`{"type":"recalled","room":"tea","…":"…"}`)
		if lines := strings.Join(export(t, b.hub, ""), ""); strings.Contains(lines, "secret") || strings.Count(lines, "public") != 1 {
			t.Error("something of ann is still there, or something of bo is gone")
		}
		if again, err := b.hub.EraseUser(t.Context(), "ann"); err != nil || again.Messages+again.Marks+again.Sessions != 0 {
			t.Errorf("again: %+v, %v", again, err)
		}
		if known, err := b.hub.User(t.Context(), "an"); err != nil || known.Sessions+known.Marks != 0 {
			t.Errorf("a user whom nobody knows: %+v, %v", known, err)
		}
	})
}

// History gives the last entries, and those before a number, and ends.
func TestHub_History(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		for i := range 900 {
			if _, err := b.hub.Announce(t.Context(), "tea", fmt.Appendf(nil, "%d", i+1)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct{ before, newest, first, n int }{
			{0, 10, 891, 10}, {0, 900, 1, 900}, {0, 5000, 1, 900}, {0, 0, 0, 0},
			{891, 10, 881, 10}, {5, 10, 1, 4}, {1, 10, 0, 0}, {9999, 2, 899, 2},
		} {
			var lines []string
			err := b.hub.History(t.Context(), "tea", journal.Seq(c.before), uint64(c.newest), func(line []byte) error {
				lines = append(lines, string(line))
				return nil
			})
			if err != nil || len(lines) != c.n || c.n > 0 && !strings.Contains(lines[0], fmt.Sprintf(`"seq":%d,`, c.first)) {
				t.Errorf("%+v: %d lines, %v", c, len(lines), err)
			}
		}
		if err := b.hub.History(t.Context(), "", 0, 1, nil); err == nil {
			t.Error("a room without a name has a history")
		}
	})
}

func TestHub_Recall_SaysWhatItFound(t *testing.T) {
	inBubble(t, chat.Settings{}, nil, func(t *testing.T, b *bubble) {
		c := b.connect().hello(`,"rooms":[{"room":"tea"}]`)
		c.send(`{"type":"send","room":"tea","body":"oops"}`)
		c.expect(`{"type":"message","seq":1,"…":"…"}`)
		if r, err := b.hub.Recall(t.Context(), "tea", 1); err != nil || r.Seq != 2 || r.Duplicate {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := b.hub.Recall(t.Context(), "tea", 1); err != nil || r.Seq != 0 || !r.Duplicate {
			t.Errorf("again: %+v, %v", r, err)
		}
		for _, seq := range []int{2, 3} { // a recall, and nothing
			if r, err := b.hub.Recall(t.Context(), "tea", journal.Seq(seq)); !isNotFound(err) {
				t.Errorf("%d: %+v, %v", seq, r, err)
			}
		}
	})
}

// keysOf returns the keys of the records in which a text occurs.
func keysOf(t *testing.T, j journal.Journal, text string) (keys []string) {
	t.Helper()
	err := j.Records().Scan(t.Context(), "", func(r journal.Record) error {
		if strings.Contains(r.Key, text) || strings.Contains(string(r.Value), text) {
			keys = append(keys, fmt.Sprintf("%q", r.Key))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// shown are tokens of users with a name and a picture.
type shown struct{ tokens }

func (s shown) Authenticate(ctx context.Context, c access.Credential) (*access.Identity, error) {
	id, err := s.tokens.Authenticate(ctx, c)
	if id != nil {
		id.User.Name, id.User.Avatar = "Name of "+id.User.ID, "https://pictures/"+id.User.ID
	}
	return id, err
}

// An erased user keeps nothing but the id, in whatever they have done or others have done with
// them. What is shown of others stays.
func TestHub_EraseUser_NamesGo(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, shown{}, func(t *testing.T, b *bubble) {
		ann, ben := b.connect().hello(`,"token":"ann"`), b.connect().hello(`,"token":"ben"`)
		ann.create(`"direct":"ben"`)
		g := ben.create(`"key":"k","users":["ann","cy"],"title":"Trip"`)
		for _, frame := range []string{
			`{"type":"join","id":"?","room":%q}`, `{"type":"send","id":"?","room":%q,"body":"m"}`, `{"type":"edit","id":"?","room":%q,"seq":2,"body":"n"}`,
			`{"type":"tag","id":"?","room":%q,"seq":2,"tag":"+1","value":true}`, `{"type":"recall","id":"?","room":%q,"seq":2}`,
		} {
			if got := ann.ask(fmt.Sprintf(frame, g)); got != "" {
				t.Errorf("%s: %s", frame, got)
			}
		}
		for _, frame := range []string{`{"type":"join","id":"?","room":%q}`, `{"type":"send","id":"?","room":%q,"body":"b"}`, `{"type":"tag","id":"?","room":%q,"seq":6,"tag":"BEN","value":true}`} {
			if got := ben.ask(fmt.Sprintf(frame, g)); got != "" {
				t.Errorf("%s: %s", frame, got)
			}
		}
		if got := ann.ask(fmt.Sprintf(`{"type":"tag","id":"?","room":%q,"seq":6,"tag":"ANN","value":true}`, g)); got != "" {
			t.Error(got)
		}
		told := func() string { return strings.Join(export(t, b.hub, ""), "") }
		if !strings.Contains(told(), "Name of ann") || !strings.Contains(told(), "pictures/ann") || !strings.Contains(told(), "ANN") {
			t.Fatalf("the name is not to be found: the test tests nothing\n%s", told())
		}
		done, err := b.hub.EraseUser(t.Context(), "ann")
		if err != nil || done.Names < 5 {
			t.Errorf("erased %+v, %v", done, err)
		}
		if got := told(); strings.Contains(got, "Name of ann") || strings.Contains(got, "pictures/ann") || strings.Contains(got, "ANN") || strings.Contains(got, "+1") || !strings.Contains(got, "BEN") || !strings.Contains(got, "Name of ben") || !strings.Contains(got, "Trip") {
			t.Errorf("what is left:\n%s", got)
		}
		if again, err := b.hub.EraseUser(t.Context(), "ann"); err != nil || again.Names != 0 || again.Entries != done.Entries {
			t.Errorf("again: %+v, %v", again, err)
		}
	})
}

// Of an erased user no record says that they were online or were told of what they missed, and of
// their mutes and bans those stay that are in force.
func TestHub_EraseUser_RecordsGo(t *testing.T) {
	inBubble(t, chat.Settings{}, tokens{}, func(t *testing.T, b *bubble) {
		for _, key := range []string{"online\x00N1\x00ann", "online\x00N1\x00joanna", "told\x00ann\x00tea"} {
			if err := b.journal.Records().Put(t.Context(), key, []byte("1")); err != nil {
				t.Fatal(err)
			}
		}
		for room, d := range map[string]time.Duration{"": time.Second, "tea": time.Second, "rum": time.Hour} {
			if err := errors.Join(b.hub.Mute(room, "ann", d), b.hub.Ban(room, "ann", d), b.hub.Mute(room, "joanna", d)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		done, err := b.hub.EraseUser(t.Context(), "ann")
		if err != nil || done.Records != 6 {
			t.Errorf("erased %+v, %v", done, err)
		}
		want := []string{`"ban\x00rum\x00ann"`, `"mute\x00\x00joanna"`, `"mute\x00rum\x00ann"`, `"mute\x00rum\x00joanna"`, `"mute\x00tea\x00joanna"`, `"online\x00N1\x00joanna"`}
		if got := keysOf(t, b.journal, "ann"); !slices.Equal(got, want) {
			t.Errorf("left are %v, want %v", got, want)
		}
	})
}

// Those who are in a room whose entries showed a user are told that the user was erased: once,
// after nothing there shows the name any more, and not again. Others hear nothing.
func TestHub_EraseUser_TellsThoseWhoAreThere(t *testing.T) {
	inBubble(t, chat.Settings{}, shown{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"},{"room":"rum"}]`)
		for range 2 {
			ann.send(`{"type":"send","id":"1","room":"tea","body":"m"}`)
			ann.expectAround(`{"type":"ok","…":"…"}`, `{"type":"message","…":"…"}`)
		}
		there := b.connect().hello(`,"token":"ben","rooms":[{"room":"tea"}]`)
		elsewhere := b.connect().hello(`,"token":"cy","rooms":[{"room":"rum"}]`)
		if _, err := b.hub.EraseUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		told := 0
		for recalled := 0; recalled < 2 || told == 0; {
			switch frame := there.next(); typeOf(frame) {
			case "recalled":
				recalled++
			case "erased":
				there.match(`{"type":"erased","room":"tea","user":"ann"}`, frame)
				told++
			default:
				t.Fatalf("got %s", frame)
			}
		}
		there.send(`{"type":"history","id":"h","room":"tea"}`)
		if page := there.next(); strings.Contains(page, "Name of ann") || told != 1 {
			t.Errorf("told %d times; then the history is %s", told, page)
		}
		if _, err := b.hub.EraseUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*client{there, elsewhere} {
			for quiet := time.After(3 * time.Second); quiet != nil; {
				select {
				case frame := <-c.frames:
					if typeOf(frame) != "presence" {
						t.Errorf("got %s", frame)
					}
				case <-quiet:
					quiet = nil
				}
			}
		}
	})
}

// Whoever has the list open when a user is erased is told of each row that shows them: of a
// conversation with them, of one where they said something last, and of one that they had left.
func TestHub_EraseUser_NamesGoFromOpenLists(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, shown{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		ben := &listing{client: b.connect().openList("ben"), rows: map[string]map[string]any{}}
		d, g, left := ann.create(`"direct":"ben"`), ann.create(`"key":"g","users":["ben"]`), ann.create(`"key":"left","users":["ben"]`)
		for _, room := range []string{d, g, left} {
			if got := ann.ask(fmt.Sprintf(`{"type":"join","id":"?","room":%q}`, room)) + ann.ask(fmt.Sprintf(`{"type":"send","id":"?","room":%q,"body":"m"}`, room)); got != "" {
				t.Fatal(got)
			}
		}
		if got := ann.ask(fmt.Sprintf(`{"type":"recall","id":"?","room":%q,"seq":2}`, left)) + ann.ask(fmt.Sprintf(`{"type":"member","id":"?","room":%q,"users":["ann"],"role":"none"}`, left)); got != "" {
			t.Fatal(got)
		}
		showing := func() (rooms []string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			for frames := ben.waiting(); len(frames) > 0; frames = ben.waiting() {
				for _, frame := range frames {
					ben.follow(frame)
				}
			}
			for _, room := range []string{d, g, left} {
				row, err := json.Marshal(ben.rows[room])
				if err != nil || len(ben.rows[room]) == 0 {
					t.Errorf("of %s there is the row %s, %v", room, row, err)
				}
				if strings.Contains(string(row), "Name of ann") || strings.Contains(string(row), "pictures/ann") {
					rooms = append(rooms, room)
				}
			}
			return rooms
		}
		if got := showing(); len(got) != 3 {
			t.Errorf("at first the rows of %v show the name", got)
		}
		if _, err := b.hub.EraseUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		if got := showing(); len(got) != 0 {
			t.Errorf("of %s, %s and %s the rows of %v still show it", d, g, left, got)
		}
	})
}

// Erasing leaves no record: of a conversation, which can then be founded anew, or of a
// user, whose groups go on with another owner.
func TestHub_Erase_Conversations(t *testing.T) {
	inBubble(t, chat.Settings{Policies: chatApp(t)}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann"`)
		ben := b.connect().hello(`,"token":"ben"`)
		g, left, d := ann.create(`"key":"k","users":["ben","cy"]`), ann.create(`"key":"left","users":["ben"]`), ann.create(`"direct":"ben"`)
		ann.send(fmt.Sprintf(`{"type":"member","id":"1","room":%q,"users":["ann"],"role":"none"}`, left))
		ann.expect(`{"type":"ok","id":"1","…":"…"}`)
		ben.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ben.expect(`{"type":"joined","role":"member","…":"…"}`)

		if done, err := b.hub.EraseUser(t.Context(), "ann"); err != nil || done.Left != 3 || done.Sessions != 1 {
			t.Errorf("erased %+v, %v", done, err)
		}
		if keys := keysOf(t, b.journal, "ann"); len(keys) != 1 || keys[0] != fmt.Sprintf("%q", "room\x00"+d) {
			t.Errorf("there are still %v", keys) // the other's conversation says with whom it was
		}
		ben.expect(`{"type":"member","users":[{"id":"ann","…":"…"}],"role":"none","owner":{"id":"ben","…":"…"},"…":"…"}`)
		ben.send(fmt.Sprintf(`{"type":"join","room":%q}`, d))
		ben.expect(`{"type":"joined","closed":true,"write":false,"…":"…"}`)

		done, err := b.hub.EraseRoom(t.Context(), g)
		if err != nil || done.Members != 2 || done.Sessions != 1 {
			t.Errorf("erased %+v, %v", done, err)
		}
		if keys := keysOf(t, b.journal, g); len(keys) != 0 {
			t.Errorf("there are still %v", keys)
		}
		ann = b.connect().hello(`,"token":"ann"`)
		if again := ann.create(`"key":"k"`); again != g {
			t.Errorf("the room is %s, was %s", again, g)
		}
		ann.send(fmt.Sprintf(`{"type":"join","room":%q}`, g))
		ann.expect(`{"type":"joined","role":"owner","size":1,"last":1,"…":"…"}`)
	})
}

// Erasures at once wait for each other: each message is counted once, and none is refused because
// another one erases a room.
func TestHub_Erase_AtOnce_CountsOnce(t *testing.T) {
	inBubble(t, chat.Settings{}, tokens{}, func(t *testing.T, b *bubble) {
		ann := b.connect().hello(`,"token":"ann","rooms":[{"room":"tea"},{"room":"rum"},{"room":"gin"}]`)
		bo := b.connect().hello(`,"token":"bo","rooms":[{"room":"tea"}]`)
		for range 30 {
			for _, room := range []string{"tea", "rum", "gin"} {
				ann.send(`{"type":"send","room":"` + room + `","body":"secret"}`)
				ann.expect(`{"type":"message","…":"…"}`)
			}
			bo.expect(`{"type":"message","…":"…"}`)
			time.Sleep(time.Second)
		}
		var all sync.WaitGroup
		var messages, entries atomic.Int64
		user := func(id string) {
			done, err := b.hub.EraseUser(t.Context(), id)
			if messages.Add(int64(done.Messages)); err != nil {
				t.Errorf("erase %s: %v", id, err)
			}
		}
		all.Go(func() { user("ann") })
		all.Go(func() { user("ann") })
		all.Go(func() { user("bo") })
		var notThere atomic.Int64
		for range 2 {
			all.Go(func() {
				done, err := b.hub.EraseRoom(t.Context(), "gin")
				if entries.Add(int64(done.Entries)); err != nil && strings.Contains(err.Error(), "not_found") {
					notThere.Add(1)
				} else if err != nil {
					t.Errorf("erase the room: %v", err)
				}
			})
		}
		all.Wait()
		if m, e := messages.Load(), entries.Load(); m != 90 && m != 60 || e < 30 || notThere.Load() != 1 {
			t.Errorf("erased %d messages and %d entries, and %d times there was no room", m, e, notThere.Load())
		}
		b.close()
	})
}
