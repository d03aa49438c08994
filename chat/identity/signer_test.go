package identity_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/identity"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// slowSecrets take their time, one instance after the other, and can be away.
type slowSecrets struct {
	inner  identity.MemorySecrets
	turn   chan struct{} // of one; not a mutex, since who holds it waits
	took   time.Duration
	away   atomic.Bool
	asked  atomic.Int32
	writes atomic.Int32
}

func newSlowSecrets(took time.Duration) *slowSecrets {
	return &slowSecrets{turn: make(chan struct{}, 1), took: took}
}

func (s *slowSecrets) Update(ctx context.Context, name string, f func([]byte) ([]byte, error)) ([]byte, error) {
	s.asked.Add(1)
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.away.Load() {
		return nil, errors.New("the storage is away")
	}
	return s.inner.Update(ctx, name, func(old []byte) ([]byte, error) {
		value, err := f(old)
		if string(value) != string(old) {
			s.writes.Add(1)
		}
		return value, err
	})
}

const (
	day      = 24 * time.Hour
	rotation = 90 * day
)

func newSigner(s identity.Secrets) *identity.Signer {
	return &identity.Signer{Secrets: s, Name: "test", Type: "test+jwt", Life: 30 * day}
}

func mustSign(t *testing.T, s *identity.Signer, user string) string {
	t.Helper()
	token, _, err := s.Sign(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func mustVerify(t *testing.T, s *identity.Signer, token, user string) {
	t.Helper()
	if got, _, err := s.Verify(t.Context(), token); err != nil || got != user {
		t.Errorf("%q, %v, want %q", got, err, user)
	}
}

func TestSigner_InstancesThatStartAtOnce_MakeOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := newSlowSecrets(time.Second)
		var signers []*identity.Signer
		var tokens []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 4 {
			s := newSigner(secrets)
			signers = append(signers, s)
			for range 25 {
				all.Go(func() {
					token, _, err := s.Sign(t.Context(), "ann")
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					tokens = append(tokens, token)
					mu.Unlock()
				})
			}
		}
		all.Wait()
		if asked, writes := secrets.asked.Load(), secrets.writes.Load(); asked != 4 || writes != 1 {
			t.Errorf("4 instances asked %d times and wrote %d times", asked, writes)
		}
		for _, s := range signers {
			for _, token := range tokens {
				mustVerify(t, s, token, "ann")
			}
		}
	})
}

func TestSigner_KeysRotate_AndOldTokensStayGoodUntilTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := new(identity.MemorySecrets)
		s := newSigner(secrets)
		time.Sleep(time.Hour)
		first := mustSign(t, s, "ann")
		time.Sleep(rotation - day)
		last := mustSign(t, s, "ann")
		time.Sleep(2 * day)
		next := mustSign(t, s, "ann")
		keyOf := func(token string) string { head, _, _ := strings.Cut(token, "."); return head }
		if keyOf(first) != keyOf(last) || keyOf(last) == keyOf(next) {
			t.Errorf("signed with %s, %s, %s", keyOf(first), keyOf(last), keyOf(next))
		}
		_, _, err := s.Verify(t.Context(), first)
		checkRefused(t, "a token that has ended", err, wire.Expired)
		time.Sleep(27 * day)
		mustVerify(t, s, last, "ann")
		mustVerify(t, newSigner(secrets), last, "ann")
		time.Sleep(2 * day)
		_, _, err = s.Verify(t.Context(), last)
		checkRefused(t, "a token that has ended", err, wire.Expired)
	})
}

// The one instance is busy with tokens that it knows when the other makes a key.
func TestSigner_AnotherInstancesKey_IsBelievedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := new(identity.MemorySecrets)
		here, there := newSigner(secrets), newSigner(secrets)
		known := mustSign(t, there, "ann")
		time.Sleep(20 * day)
		mustVerify(t, here, known, "ann")
		time.Sleep(rotation - 20*day - time.Second)
		known = mustSign(t, there, "ann")
		mustVerify(t, here, known, "ann")
		_, _, err := here.Verify(t.Context(), mustSign(t, newSigner(new(identity.MemorySecrets)), "ann"))
		checkRefused(t, "a stranger's token", err, wire.BadToken) // which has made it look just now
		time.Sleep(2 * time.Second)
		token := mustSign(t, there, "ben") // with a new key
		mustVerify(t, here, known, "ann")
		mustVerify(t, here, token, "ben")
	})
}

// Who makes tokens up can't make an instance ask the storage each time.
func TestSigner_UnknownKeys_AreAskedForNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := newSlowSecrets(0)
		s := newSigner(secrets)
		mustSign(t, s, "ann")
		for range 100 { // for 10 seconds
			_, _, err := s.Verify(t.Context(), mustSign(t, newSigner(new(identity.MemorySecrets)), "ann"))
			checkRefused(t, "a stranger's token", err, wire.BadToken)
			time.Sleep(100 * time.Millisecond)
		}
		if n := secrets.asked.Load(); n > 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestSigner_WhileTheStorageIsAway_TheOldKeySignsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := newSlowSecrets(0)
		s := newSigner(secrets)
		mustSign(t, s, "ann")
		secrets.away.Store(true)
		time.Sleep(rotation + time.Hour)
		before := secrets.asked.Load()
		for range 100 {
			mustVerify(t, s, mustSign(t, s, "ann"), "ann")
		}
		if n := secrets.asked.Load() - before; n != 1 {
			t.Errorf("100 signatures asked the storage %d times", n)
		}
		// A key that is not known might have been made elsewhere: there is no telling.
		_, _, err := s.Verify(t.Context(), mustSign(t, newSigner(new(identity.MemorySecrets)), "ann"))
		checkRefused(t, "an unknown key", err, wire.Unavailable)

		time.Sleep(rotation - 2*time.Hour)
		last := mustSign(t, s, "ann")
		time.Sleep(2 * time.Hour) // it may not sign for ever
		_, _, err = s.Sign(t.Context(), "ann")
		checkRefused(t, "without a key", err, wire.Unavailable)
		if !strings.Contains(err.Error(), "the storage is away") || !strings.Contains(err.Error(), `"test"`) {
			t.Errorf("the operator is told %v", err)
		}
		mustVerify(t, s, last, "ann")

		secrets.away.Store(false)
		time.Sleep(time.Minute)
		mustVerify(t, s, mustSign(t, s, "ann"), "ann")
		time.Sleep(28 * day)
		mustVerify(t, newSigner(secrets), last, "ann") // its key is kept as long as its last token
	})
}

func TestSigner_NobodyWaitsLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(newSlowSecrets(time.Hour))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, _, err := s.Sign(ctx, "ann")
		checkRefused(t, "who gave up", err, wire.Unavailable)
		_, _, err = s.Sign(t.Context(), "ann") // the storage itself is given up, too
		checkRefused(t, "who waited", err, wire.Unavailable)
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

// A file that was cut off must not make tokens that are signed with nothing.
func TestSigner_KeysThatAreNotWhole_AreRefused(t *testing.T) {
	for _, kept := range []string{
		"", "{", `[{"id":"a","key":"","made":9999999999}]`, `[{"id":"a","key":"c2hvcnQ=","made":9999999999}]`,
		`[{"key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":9999999999}]`,
	} {
		secrets := new(identity.MemorySecrets)
		keep(t, secrets, "test", kept)
		if err := newSigner(secrets).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "not what was written") {
			t.Errorf("%q: %v", kept, err)
		}
		if got := kept; got != keep(t, secrets, "test", kept) {
			t.Errorf("%q was written over by %q", kept, got)
		}
	}
}

// keep puts a value in the place of what is there, and returns that.
func keep(t *testing.T, s identity.Secrets, name, value string) (was string) {
	t.Helper()
	_, err := s.Update(t.Context(), name, func(old []byte) ([]byte, error) {
		was = string(old)
		return []byte(value), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return was
}

// panickingSecrets are somebody's mistake.
type panickingSecrets struct{}

func (panickingSecrets) Update(context.Context, string, func([]byte) ([]byte, error)) ([]byte, error) {
	panic("a mistake")
}

func TestSigner_APanicOfTheStorage_IsAnError(t *testing.T) {
	s := newSigner(panickingSecrets{})
	for range 2 { // nobody waits for a look that has ended so
		_, _, err := s.Sign(t.Context(), "ann")
		checkRefused(t, "a panic", err, wire.Unavailable)
		if !strings.Contains(err.Error(), "a mistake") {
			t.Errorf("the operator is told %v", err)
		}
	}
}
