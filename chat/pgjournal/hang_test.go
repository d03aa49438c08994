//go:build unix

package pgjournal_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
	"github.com/caddychat/caddy-chat/chat/shared"
	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// Close does not wait for a server that hangs: what it can't settle is uncertain, and reads end.
func TestClose_ServerHangs(t *testing.T) {
	own := testpostgres.New()
	defer own.Remove()
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: own.DSN("owner"), Schema: "chat", Parts: 1})
	if err != nil {
		t.Fatal(err)
	}
	j, err := shared.Open(t.Context(), s, shared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	own.Freeze()
	defer own.Thaw()
	said, read := make(chan error, 1), make(chan error, 1)
	j.Append(t.Context(), journal.Entry{Room: "r", Kind: journal.Message, From: journal.User{ID: "u"}, Body: []byte("1")}, func(_ journal.Receipt, err error) { said <- err })
	go func() {
		_, err := j.Heads(context.Background(), []string{"r"})
		read <- err
	}()
	began := time.Now()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 15*time.Second { // five, and what a busy machine adds
		t.Errorf("it took %v", took)
	}
	if err := <-said; !errors.Is(err, journal.ErrUncertain) {
		t.Errorf("append: %v", err)
	}
	if err := <-read; err == nil {
		t.Error("a read was answered")
	}
}

// The first server of an address may be a machine that is gone: it does not even refuse. The next one has its turn, when the
// journal is opened and when the server that it used is lost.
func TestOpen_FirstServerIsSilent_NextOneServes(t *testing.T) {
	own := testpostgres.New()
	defer own.Remove()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts what the kernel does
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, port, err := net.SplitHostPort(silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address := strings.Replace(own.DSN("owner"), "host="+own.Dir, "host=127.0.0.1,"+own.Dir+"&connect_timeout=1&port="+port+",5432", 1)
	s, err := pgjournal.Open(t.Context(), pgjournal.Options{DSN: address, Schema: "chat", Parts: 1})
	if err != nil {
		t.Fatal(err)
	}
	j, err := shared.Open(t.Context(), s, shared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	say := func(text string) error {
		said := make(chan error, 1)
		j.Append(t.Context(), journal.Entry{Room: "r", Kind: journal.Message, From: journal.User{ID: "u"}, Body: []byte(text)}, func(_ journal.Receipt, err error) { said <- err })
		return <-said
	}
	if err := say("1"); err != nil {
		t.Fatal(err)
	}
	own.Stop()
	own.Start()
	for end := time.Now().Add(2 * time.Minute); ; {
		err := say("2")
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
