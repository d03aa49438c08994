package chat_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// losing is a journal that can lose what it follows, and shows another epoch then.
type losing struct {
	journal.Journal

	mu        sync.Mutex
	followers []journal.Follower
	epoch     string // if not empty, of all rooms
}

func (j *losing) Follow(room string, after journal.Seq, f journal.Follower) (journal.Start, error) {
	j.mu.Lock()
	j.followers = append(j.followers, f)
	j.mu.Unlock()
	return j.Journal.Follow(room, after, f)
}

func (j *losing) Pages(ctx context.Context, q []journal.Query, bytes int) ([]journal.Page, error) {
	pages, err := j.Journal.Pages(ctx, q, bytes)
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range pages {
		if j.epoch != "" {
			pages[i].Epoch = j.epoch
		}
	}
	return pages, err
}

func (j *losing) lose(epoch string) {
	j.mu.Lock()
	lost := j.followers
	j.followers, j.epoch = nil, epoch
	j.mu.Unlock()
	for _, f := range lost {
		f.Lost(journal.Lost{Epoch: epoch, Why: errors.New("a test wants it")})
	}
}

// When the journal loses what it follows, everybody in the room is sent away so that
// they come back, and then told of the gap; and the room follows anew.
func TestRoom_Lost_SendsEverybodyBack(t *testing.T) {
	j := &losing{}
	logged, logs := observer.New(zap.WarnLevel)
	config := func() chat.Config {
		j.Journal = memjournal.New(memjournal.Options{})
		return chat.Config{Journal: j, Logger: zap.New(logged)}
	}
	onJournal(t, config, testAuth{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		v1 := b.connect()
		v1.send(`{"type":"hello","rooms":[{"room":"lobby"},{"room":"tea"}]}`)
		v1.expect(`{"type":"welcome","rooms":[{"epoch":"$epoch","…":"…"},"…"],"…":"…"}`)
		raw := b.connectRaw()
		v1.send(`{"type":"send","room":"lobby","body":"one"}`)
		v1.expect(`{"type":"message","seq":1,"…":"…"}`)
		if got := <-raw.frames; got != "one" {
			t.Fatal(got)
		}
		j.lose("another")
		v1.expect(`{"type":"bye","code":"unavailable","message":"…","retry":2000}`)
		v1.closed(4002)
		raw.closed(4002)
		synctest.Wait() // one room says it, and the other may be quicker with the rest
		if n := logs.FilterMessageSnippet("has lost").Len(); n != 1 {
			t.Errorf("%d lines in the log, want one for both rooms", n)
		}

		time.Sleep(time.Second) // until the mark has moved: what one said is read
		back := b.connect()
		back.send(`{"type":"hello","rooms":[{"room":"lobby","epoch":"` + v1.vars["epoch"].(string) + `","after":1}]}`)
		back.expect(`{"type":"welcome","rooms":[{"epoch":"another","gap":true,"…":"…"}],"…":"…"}`)
		back.send(`{"type":"send","room":"lobby","body":"two"}`)
		back.expect(`{"type":"message","seq":2,"…":"…"}`)
	})
}

// Two nodes may use one id for a session: an entry of another node spares nobody here.
func TestRoom_Origin_SparesItsOwnSessionOnly(t *testing.T) {
	j := &losing{}
	config := func() chat.Config {
		j.Journal = memjournal.New(memjournal.Options{})
		return chat.Config{Journal: j}
	}
	onJournal(t, config, testAuth{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		raw := b.connectRaw()
		raw.send("the room knows it by this")
		synctest.Wait()
		sessions, _ := b.hub.Sessions(chat.SessionFilter{}, "", 1)
		id := sessions[0].ID
		for i, node := range []string{j.Nodes().Self().ID, "another"} {
			e := journal.Entry{
				Room: "lobby", Kind: journal.Message, Text: true, From: journal.User{ID: "ann"}, Body: fmt.Append(nil, i),
				Origin: journal.Origin{Node: node, Session: id},
			}
			j.Append(t.Context(), e, func(journal.Receipt, error) {})
		}
		if got := <-raw.frames; got != "1" {
			t.Errorf("got %q, want the message of another node", got)
		}
		raw.silent(time.Minute)
	})
}

// damaged is a journal whose entries 3 and 4 cannot be read.
type damaged struct{ journal.Journal }

func (j damaged) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	pages, err := j.Pages(ctx, []journal.Query{q}, 0)
	if err != nil {
		return journal.Page{}, err
	}
	return pages[0], nil
}

func (j damaged) Pages(ctx context.Context, queries []journal.Query, bytes int) ([]journal.Page, error) {
	wider := make([]journal.Query, len(queries))
	for i, q := range queries {
		wider[i] = q
		wider[i].Limit += 2 // it goes on with the next readable entry
	}
	pages, err := j.Journal.Pages(ctx, wider, bytes)
	for i := range pages {
		p, q := &pages[i], queries[i]
		var left []journal.Entry
		for _, e := range p.Entries {
			if e.Seq == 3 || e.Seq == 4 {
				p.Damaged++
			} else {
				left = append(left, e)
			}
		}
		if n := len(left) - q.Limit; n > 0 {
			p.More = true
			if q.Backward {
				left = left[n:]
			} else {
				left = left[:q.Limit]
			}
		}
		p.Entries = left
	}
	return pages, err
}

// Where the store is damaged, pages have holes. Whoever would go on over one is told
// of a gap; everybody else gets what there is.
func TestHub_Damage_IsAHoleAndAGap(t *testing.T) {
	config := func() chat.Config {
		j := memjournal.New(memjournal.Options{})
		for i := range 10 {
			room := "lobby"
			if i >= 6 {
				room = "end" // where nothing readable follows
			}
			e := journal.Entry{Room: room, Kind: journal.Message, Text: true, From: journal.User{ID: "ann"}, Body: fmt.Append(nil, i+1)}
			j.Append(t.Context(), e, func(journal.Receipt, error) {})
		}
		return chat.Config{Journal: damaged{j}}
	}
	around := withQuery("history=10")
	onJournal(t, config, testAuth{}, around, func(t *testing.T, b *bubble) {
		defer b.close()
		c := b.connect()
		c.send(`{"type":"hello","rooms":[{"room":"lobby"}]}`)
		holed := `[{"seq":1,"…":"…"},{"seq":2,"…":"…"},{"seq":5,"…":"…"},{"seq":6,"…":"…"}]`
		c.expect(`{"type":"welcome","rooms":[{"epoch":"$epoch","last":6,"entries":` + holed + `,"gap":false,"unread":6,"…":"…"}],"…":"…"}`)
		join := `{"type":"join","room":"lobby","epoch":"` + c.vars["epoch"].(string) + `","after":`
		for after, gap := range map[string]bool{"0": true, "1": true, "2": true, "3": true, "4": false, "5": false, "6": false} {
			c.send(join + after + `}`)
			c.expect(fmt.Sprintf(`{"type":"joined","gap":%v,"…":"…"}`, gap))
		}
		c.send(`{"type":"join","room":"end","epoch":"` + c.vars["epoch"].(string) + `","after":2}`)
		c.expect(`{"type":"joined","last":4,"entries":[{"seq":1,"…":"…"},{"seq":2,"…":"…"}],"more":false,"gap":true,"…":"…"}`)
		c.send(`{"type":"history","room":"lobby","after":1,"limit":2}`)
		c.expect(`{"type":"history","entries":[{"seq":2,"…":"…"},{"seq":5,"…":"…"}],"more":true,"…":"…"}`)
		for seq, code := range map[string]string{"3": "not_found", "1": "forbidden"} {
			c.send(`{"type":"recall","id":"1","room":"lobby","seq":` + seq + `}`)
			c.expect(`{"type":"error","code":"` + code + `","…":"…"}`)
		}
		c.send(`{"type":"read","id":"1","room":"lobby","seq":4}`)
		c.expect(`{"type":"ok","id":"1","room":"lobby","seq":4,"unread":4}`) // as far as is known
		raw := b.connectRaw()
		for _, want := range []string{"1", "2", "5", "6"} {
			if got := <-raw.frames; got != want {
				t.Errorf("history has %q, want %q", got, want)
			}
		}
		if s := b.hub.Stats(); s.Resumed[chat.ResumedGap] != 5 || s.Resumed[chat.ResumedAhead] != 0 {
			t.Errorf("resumed %v", s.Resumed)
		}
	})
}

// A client that is ahead of the journal gets a gap for itself alone. It is counted, and
// logged once an hour.
func TestHub_AheadOfTheJournal_IsCountedAndLoggedSeldom(t *testing.T) {
	logged, logs := observer.New(zap.WarnLevel)
	config := func() chat.Config {
		return chat.Config{Journal: memjournal.New(memjournal.Options{}), Logger: zap.New(logged)}
	}
	onJournal(t, config, testAuth{}, alone, func(t *testing.T, b *bubble) {
		defer b.close()
		c := b.connect()
		c.send(`{"type":"hello","rooms":[{"room":"tea"}]}`)
		c.expect(`{"type":"welcome","rooms":[{"epoch":"$epoch","…":"…"}],"…":"…"}`)
		other := b.connect().hello(`,"token":"guest-b","rooms":[{"room":"tea"}]`)
		c.send(`{"type":"send","room":"tea","body":1}`)
		c.expect(`{"type":"message","seq":1,"…":"…"}`)
		other.expect(`{"type":"message","seq":1,"…":"…"}`)
		for range 3 {
			for range 5 {
				c.send(`{"type":"join","room":"tea","epoch":"` + c.vars["epoch"].(string) + `","after":9}`)
				c.expect(`{"type":"joined","epoch":"$epoch","last":1,"entries":[{"seq":1,"…":"…"}],"gap":true,"…":"…"}`)
			}
			time.Sleep(time.Hour)
		}
		if n := logs.FilterMessage("a client has seen entries that the journal does not have").Len(); n != 3 || n != logs.Len() {
			t.Errorf("%d lines in the log in three hours: %v", n, logs.All())
		}
		s := b.hub.Stats().Resumed
		if s[chat.ResumedAhead] != 15 || s[chat.ResumedGap] != 0 || chat.ResumedAhead.String() != "ahead" {
			t.Errorf("counted %v", s)
		}
		c.send(`{"type":"send","room":"tea","body":2}`)
		other.expect(`{"type":"message","seq":2,"…":"…"}`)
	})
}
