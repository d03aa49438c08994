package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/memjournal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// failingAuth cannot ask what it must.
type failingAuth struct{}

func (failingAuth) Authenticate(context.Context, access.Credential) (*access.Identity, error) {
	return nil, fmt.Errorf("%w: %w", wire.Unavailable.Error(""), errors.New("no keys"))
}

// What clients can cause as often as they like does not fill the log.
func TestLog_WhatClientsCause_IsSeldom(t *testing.T) {
	logged, lines := observer.New(zap.WarnLevel)
	config := func() chat.Config {
		return chat.Config{Journal: memjournal.New(memjournal.Options{}), Logger: zap.New(logged)}
	}
	onJournal(t, config, failingAuth{}, alone, func(t *testing.T, b *bubble) {
		for range 500 {
			if code := serveMessages(b.handler, newRequest(http.MethodGet, "ann", ""), "tea").Code; code != 503 {
				t.Fatalf("without keys: %d", code)
			}
			page := newRequest(http.MethodGet, "ann", "")
			page.Host = "example.com"
			page.Header.Set("Origin", "http://example.com:8080")
			if code := serveMessages(b.handler, page, "tea").Code; code != 403 {
				t.Fatalf("a page: %d", code)
			}
			time.Sleep(10 * time.Millisecond)
		}
		b.close()
	})
	if n := lines.Len(); n < 2 || n > 8 {
		t.Errorf("there are %d lines", n)
	}
}
