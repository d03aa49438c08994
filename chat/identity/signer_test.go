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

// slowSecrets delay each Update, one after the other, and can fail.
type slowSecrets struct {
	inner   identity.MemorySecrets
	lock    chan struct{} // a mutex; as a channel, because its holder waits
	delay   time.Duration
	failing atomic.Bool
	updates atomic.Int32
	writes  atomic.Int32
}

func newSlowSecrets(delay time.Duration) *slowSecrets {
	return &slowSecrets{lock: make(chan struct{}, 1), delay: delay}
}

func (s *slowSecrets) Update(ctx context.Context, name string, f func([]byte) ([]byte, error)) ([]byte, error) {
	s.updates.Add(1)
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	select {
	case <-time.After(s.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.failing.Load() {
		return nil, errors.New("the storage is offline")
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
	if got, err := s.Verify(t.Context(), token); err != nil || got.User != user {
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
		if updates, writes := secrets.updates.Load(), secrets.writes.Load(); updates != 4 || writes != 1 {
			t.Errorf("4 instances made %d updates and %d writes", updates, writes)
		}
		for _, s := range signers {
			for _, token := range tokens {
				mustVerify(t, s, token, "ann")
			}
		}
	})
}

func TestSigner_KeysRotate_AndOldTokensStayValidUntilTheyExpire(t *testing.T) {
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
		_, err := s.Verify(t.Context(), first)
		checkRefused(t, "an expired token", err, wire.Expired)
		time.Sleep(27 * day)
		mustVerify(t, s, last, "ann")
		mustVerify(t, newSigner(secrets), last, "ann")
		time.Sleep(2 * day)
		_, err = s.Verify(t.Context(), last)
		checkRefused(t, "an expired token", err, wire.Expired)
	})
}

// One instance verifies tokens with known keys while another generates a key.
func TestSigner_AnotherInstancesKey_IsAcceptedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := new(identity.MemorySecrets)
		here, there := newSigner(secrets), newSigner(secrets)
		known := mustSign(t, there, "ann")
		time.Sleep(20 * day)
		mustVerify(t, here, known, "ann")
		time.Sleep(rotation - 20*day - time.Second)
		known = mustSign(t, there, "ann")
		mustVerify(t, here, known, "ann")
		_, err := here.Verify(t.Context(), mustSign(t, newSigner(new(identity.MemorySecrets)), "ann"))
		checkRefused(t, "a stranger's token", err, wire.BadToken) // it has caused a load just now
		time.Sleep(2 * time.Second)
		token := mustSign(t, there, "ben") // with a new key
		mustVerify(t, here, known, "ann")
		mustVerify(t, here, token, "ben")
	})
}

// Made-up tokens must not cause a load each.
func TestSigner_UnknownKeys_CauseOneLoadIn10Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := newSlowSecrets(0)
		s := newSigner(secrets)
		mustSign(t, s, "ann")
		for range 100 { // for 10 seconds
			_, err := s.Verify(t.Context(), mustSign(t, newSigner(new(identity.MemorySecrets)), "ann"))
			checkRefused(t, "a stranger's token", err, wire.BadToken)
			time.Sleep(100 * time.Millisecond)
		}
		if n := secrets.updates.Load(); n > 2 {
			t.Errorf("%d updates", n)
		}
	})
}

func TestSigner_WhileTheStorageFails_TheOldKeySigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secrets := newSlowSecrets(0)
		s := newSigner(secrets)
		mustSign(t, s, "ann")
		secrets.failing.Store(true)
		time.Sleep(rotation + time.Hour)
		before := secrets.updates.Load()
		for range 100 {
			mustVerify(t, s, mustSign(t, s, "ann"), "ann")
		}
		if n := secrets.updates.Load() - before; n != 1 {
			t.Errorf("100 signatures made %d updates", n)
		}
		// Another instance may have generated the unknown key.
		_, err := s.Verify(t.Context(), mustSign(t, newSigner(new(identity.MemorySecrets)), "ann"))
		checkRefused(t, "an unknown key", err, wire.Unavailable)

		time.Sleep(rotation - 2*time.Hour)
		last := mustSign(t, s, "ann")
		time.Sleep(2 * time.Hour) // it may not sign for more than two rotations
		_, _, err = s.Sign(t.Context(), "ann")
		checkRefused(t, "without a key", err, wire.Unavailable)
		if !strings.Contains(err.Error(), "the storage is offline") || !strings.Contains(err.Error(), `"test"`) {
			t.Errorf("the operator is told %v", err)
		}
		mustVerify(t, s, last, "ann")

		secrets.failing.Store(false)
		time.Sleep(time.Minute)
		mustVerify(t, s, mustSign(t, s, "ann"), "ann")
		time.Sleep(28 * day)
		mustVerify(t, newSigner(secrets), last, "ann") // its key is stored until its last token expires
	})
}

func TestSigner_NobodyWaitsLongerThanTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(newSlowSecrets(time.Hour))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, _, err := s.Sign(ctx, "ann")
		checkRefused(t, "who gave up", err, wire.Unavailable)
		_, _, err = s.Sign(t.Context(), "ann") // joins the same load, which ends after 30 s
		checkRefused(t, "who waited", err, wire.Unavailable)
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

// A truncated file must not lead to tokens that are signed with an empty key.
func TestSigner_DamagedKeys_AreAnError(t *testing.T) {
	for _, damaged := range []string{
		"", "{", "[]", "null", `[{"id":"a","key":"","made":9999999999}]`, `[{"id":"a","key":"c2hvcnQ=","made":9999999999}]`,
		`[{"key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":9999999999}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":null}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":-9}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":9223372036854775807}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","Made":9999999999}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":9999999999,"made":1}]`,
		`[{"id":"a","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":9999999999,"until":1}]`,
		`[{"id":"\ud800","key":"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=","made":9999999999}]`,
	} {
		secrets := new(identity.MemorySecrets)
		store(t, secrets, "test", damaged)
		if err := newSigner(secrets).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: %v", damaged, err)
		}
		if got := store(t, secrets, "test", damaged); got != damaged {
			t.Errorf("%q was replaced by %q", damaged, got)
		}
	}
}

// store stores a value and returns the old one.
func store(t *testing.T, s identity.Secrets, name, value string) (previous string) {
	t.Helper()
	_, err := s.Update(t.Context(), name, func(old []byte) ([]byte, error) {
		previous = string(old)
		return []byte(value), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return previous
}

// panickingSecrets stand for a bug in an implementation of Secrets.
type panickingSecrets struct{}

func (panickingSecrets) Update(context.Context, string, func([]byte) ([]byte, error)) ([]byte, error) {
	panic("a mistake")
}

func TestSigner_APanicOfTheStorage_IsAnError(t *testing.T) {
	s := newSigner(panickingSecrets{})
	for range 2 { // the second call does not wait for the load that has panicked
		_, _, err := s.Sign(t.Context(), "ann")
		checkRefused(t, "a panic", err, wire.Unavailable)
		if !strings.Contains(err.Error(), "a mistake") {
			t.Errorf("the operator is told %v", err)
		}
	}
}
