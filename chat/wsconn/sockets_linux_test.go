package wsconn

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEngine_NoDescriptorForThePoller_TheNextConnectionTriesAgain(t *testing.T) {
	e := NewEngine(Config{})
	defer e.Close(context.Background())
	refused, _ := plainPair(t)
	served, client := plainPair(t)

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 0, Max: limit.Max} // which leaves open those that are
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := e.Attach(refused, false, newRecorder())
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("Attach without a descriptor left: %v", err)
	}
	if _, err := refused.Write([]byte("x")); err == nil {
		t.Error("the refused connection is open")
	}

	c, err := e.Attach(served, false, newRecorder())
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	if err := c.Send(pingFrame); err != nil {
		t.Fatal(err)
	}
	if _, err := readFrame(client); err != nil {
		t.Error(err)
	}
}
