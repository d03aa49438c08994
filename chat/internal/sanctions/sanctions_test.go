package sanctions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// withSanctions calls f in a bubble, where the context of the test around it must not be used.
func withSanctions(t *testing.T, f func(s *Sanctions, records journal.Records)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(memjournal.Options{})
		s, err := Watch(t.Context(), j.Records(), func(access.Sanction, time.Duration) {}, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		f(s, j.Records())
		s.Close(t.Context())
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// bans counts the records of bans.
func bans(t *testing.T, r journal.Records) (n int) {
	t.Helper()
	if err := r.Scan(context.Background(), "ban\x00", func(journal.Record) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// The records of bans that are over go, while others are made. One that somebody has
// imposed again stays.
func TestSanctions_RecordsOfThoseThatAreOver_Go(t *testing.T) {
	withSanctions(t, func(s *Sanctions, records journal.Records) {
		ban := func(user string, d time.Duration) {
			t.Helper()
			if _, err := s.Change(context.Background(), access.Sanction{Kind: access.Ban, Room: "tea", User: user}, d); err != nil {
				t.Fatal(err)
			}
			s.RemoveOver(context.Background(), RemovedAtOnce)
		}
		most := 0
		for i := range 10_000 {
			ban(fmt.Sprint(i), time.Second)
			time.Sleep(time.Millisecond)
			if i%1000 == 999 {
				most = max(most, bans(t, records))
			}
		}
		if most > 5000 {
			t.Errorf("there are %d records of 1000 bans", most)
		}
		ban("again", time.Second)
		time.Sleep(time.Second)
		over := s.Forget()
		if err := records.Put(context.Background(), sanctionRecord(access.Sanction{Kind: access.Ban, Room: "tea", User: "again"}), []byte(`{"until":0}`)); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.endedLocked(over)
		s.mu.Unlock()
		s.RemoveOver(context.Background(), 1<<30)
		if n := bans(t, records); n != 1 {
			t.Errorf("%d records are left", n)
		}
	})
}

// A moderator may impose half of all that there may be. What is lifted, over or not
// stored does not count, and what counts already counts once.
func TestSanctions_Impose_LeavesSomethingForOthers(t *testing.T) {
	withSanctions(t, func(s *Sanctions, _ journal.Records) {
		key := func(i int) access.Sanction {
			return access.Sanction{Kind: access.Ban, Room: "tea", User: fmt.Sprint(i)}
		}
		s.most = 100
		greedy, other := access.Person{User: "greedy"}, access.Person{User: "other"}
		impose := func(i int, by access.Person, d time.Duration) bool {
			t.Helper()
			_, err := s.Impose(key(i), by)
			var no *wire.Error
			if err != nil && (!errors.As(err, &no) || no.Code != wire.TooMany) {
				t.Fatal(err)
			}
			if err == nil {
				_, err = s.Change(context.Background(), key(i), d)
			}
			return err == nil
		}
		n := 0
		for impose(n, greedy, time.Hour) {
			n++
		}
		if n != s.most/2 {
			t.Errorf("one moderator has imposed %d", n)
		}
		if !impose(-1, other, wire.Forever) || !impose(0, greedy, time.Hour) {
			t.Error("somebody else may not, or the same cannot be imposed for longer")
		}
		for _, i := range []int{1, 3} { // two, since somebody else has one now
			if _, err := s.Change(context.Background(), key(i), 0); err != nil {
				t.Fatal(err)
			}
		}
		if !impose(-2, greedy, time.Hour) || impose(-3, greedy, time.Hour) {
			t.Error("what was lifted counts wrongly")
		}
		s.Withdraw(key(2))
		if counts, err := s.Impose(key(-4), greedy); !counts || err != nil {
			t.Errorf("what was not stored still counts: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if !impose(-5, greedy, time.Hour) {
			t.Error("what is over still counts")
		}
		if counts, err := s.Impose(access.Sanction{Kind: access.Ban, User: "ann"}, greedy); counts || err != nil {
			t.Errorf("a ban from the hub counts: %v", err)
		}
	})
}

// lateRecords tells of changes some time after Put has returned, as over a database, or never.
type lateRecords struct {
	journal.Records
	after time.Duration // 0: never
}

func (r lateRecords) Watch(prefix string, each func(journal.Record)) (stop func(), err error) {
	return r.Records.Watch(prefix, func(rec journal.Record) {
		if r.after > 0 {
			time.AfterFunc(r.after, func() { each(rec) })
		}
	})
}

// A change takes effect when it is heard, and not before: else what is heard later would undo the
// next one. It waits for that no longer than a second.
func TestSanctions_Change_WaitsUntilItIsHeard(t *testing.T) {
	for after, most := range map[time.Duration]time.Duration{50 * time.Millisecond: 50 * time.Millisecond, 0: heardTime} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { changesAreHeard(t, after, most) })
		})
	}
}

func changesAreHeard(t *testing.T, after, most time.Duration) {
	j := memjournal.New(memjournal.Options{})
	told := 0
	s, err := Watch(context.Background(), lateRecords{j.Records(), after}, func(access.Sanction, time.Duration) { told++ }, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	k := access.Sanction{Kind: access.Mute, Room: "tea", User: "ann"}
	for _, d := range []time.Duration{time.Minute, 0, wire.Forever, 0} {
		began := time.Now()
		if _, err := s.Change(context.Background(), k, d); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != most {
			t.Errorf("%v took %v", d, took)
		}
		if left := s.Left(k.Kind, k.User, k.Room); (left == 0) != (d == 0) {
			t.Errorf("%v is left of %v", left, d)
		}
	}
	began := time.Now()
	if _, err := s.Change(context.Background(), k, 0); err != nil || time.Since(began) > 0 {
		t.Errorf("lifting nothing took %v, %v", time.Since(began), err)
	}
	time.Sleep(time.Minute)
	if told > 0 || s.Left(k.Kind, k.User, k.Room) != 0 {
		t.Errorf("told %d times of what it has done itself", told)
	}
	s.Close(context.Background())
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// A record that cannot be read is named, with what to do: without it nobody knows who is banned.
func TestWatch_RecordMakesNoSense_IsNamed(t *testing.T) {
	j := memjournal.New(memjournal.Options{})
	defer j.Close()
	if err := j.Records().Put(t.Context(), "ban\x00tea\x00evil", []byte("{")); err != nil {
		t.Fatal(err)
	}
	_, err := Watch(t.Context(), j.Records(), func(access.Sanction, time.Duration) {}, func(error) {})
	for _, want := range []string{`"ban\x00tea\x00evil"`, `WHERE key = '\x62616e00746561006576696c'`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}
