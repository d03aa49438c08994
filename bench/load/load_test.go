//go:build linux

package load

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var (
	brief = Options{
		Warmup: 20 * time.Millisecond, Measure: 150 * time.Millisecond,
		Patience: 2 * time.Second, Settle: time.Second, Connections: 40,
		Parallel: 1, // so that the server counts clients as they are counted here
	}
	small = shape{rooms: 1, senders: 3, receivers: 5, payload: payload}
)

func mustPlay(t *testing.T, target Target, s Scenario) Result {
	t.Helper()
	r, err := Run(t.Context(), target, s, brief)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustBeClean(t *testing.T, r Result) {
	t.Helper()
	if r.Faults != (Faults{}) || r.Stuck {
		t.Errorf("faults of a good server: %v, stuck %v, %q", r.Faults, r.Stuck, r.Notes)
	}
}

func TestRun_GoodServer_HasNoFaults(t *testing.T) {
	tall := small
	tall.payload = 300 // a length of 16 bits
	many := shape{rooms: 7, senders: 2, receivers: 2, bystanders: 15}
	tests := []struct {
		name   string
		server *testServer
		tls    bool
		play   Scenario
	}{
		{name: "closed", play: Scenario{play: closed(3, small)}},
		{name: "closed, many rooms", play: Scenario{play: closed(1, many)}},
		{name: "closed, long payload", play: Scenario{play: closed(2, tall)}},
		{name: "closed, frames cut", server: &testServer{slice: 77}, play: Scenario{play: closed(3, small)}},
		{name: "closed, echo", server: &testServer{echo: true}, play: Scenario{play: closed(3, small)}},
		{name: "closed, TLS", tls: true, play: Scenario{play: closed(3, small)}},
		{name: "closed, TLS, frames cut", tls: true, server: &testServer{slice: 77}, play: Scenario{play: closed(3, tall)}},
		{name: "closed, fragments", server: &testServer{tamper: fragment}, play: Scenario{play: closed(3, small)}},
		{name: "open", play: Scenario{play: open(100, small)}},
		{name: "open, TLS", tls: true, play: Scenario{play: open(100, many)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := cmp.Or(test.server, new(testServer))
			start := server.start
			if test.tls {
				start = server.startTLS
			}
			target := start(t)
			r := mustPlay(t, target, test.play)
			mustBeClean(t, r)
			if r.Messages == 0 || r.Deliveries == 0 || r.Latency == nil || r.Latency.P50 <= 0 {
				t.Errorf("nothing was measured: %+v", r)
			}
		})
	}
}

// fragment sends a message in two frames, with a ping in between.
func fragment(_, _ int, whole []byte) [][]byte {
	f, _, _ := readFrame(whole)
	first, second := unmaskedFrame(f.payload[:100]), unmaskedFrame(f.payload[100:])
	first[0] &^= 0x80
	second[0] = 0x80 | opMore
	return [][]byte{first, {0x80 | opPing, 0}, second}
}

// The tampering begins at the tenth delivery to the last receiver, when all
// have joined.
func TestRun_BadServer_IsFoundOut(t *testing.T) {
	t.Parallel()
	at := func(do func(frame []byte) [][]byte) func(int, int, []byte) [][]byte {
		return func(receiver, delivery int, frame []byte) [][]byte {
			if receiver != 7 || delivery != 10 {
				return [][]byte{frame}
			}
			return do(frame)
		}
	}
	// late holds the tenth delivery back until after the next one.
	late := func() func(int, int, []byte) [][]byte {
		var held []byte
		return func(receiver, delivery int, frame []byte) [][]byte {
			switch {
			case receiver == 7 && delivery == 10:
				held = frame
				return nil
			case receiver == 7 && delivery == 11:
				return [][]byte{frame, held}
			}
			return [][]byte{frame}
		}
	}
	oneSender := shape{rooms: 1, senders: 1, receivers: 7, payload: payload}
	tests := []struct {
		name   string
		tamper func(int, int, []byte) [][]byte
		shape  shape
		window int
		want   Faults // but for Disordered
		// disordered is set where the order of different senders is broken.
		disordered bool
	}{
		{"drops", at(func([]byte) [][]byte { return nil }), small, 3, Faults{Missing: 1}, false},
		{"drops the only one in flight", at(func([]byte) [][]byte { return nil }), oneSender, 1, Faults{Missing: 1}, false},
		{"doubles", at(func(f []byte) [][]byte { return [][]byte{f, f} }), small, 3, Faults{Doubled: 1}, false},
		{"reorders one sender's", late(), oneSender, 3, Faults{Reordered: 1}, true},
		{"reorders two senders'", late(), small, 1, Faults{}, true},
		{"corrupts", at(func(f []byte) [][]byte {
			f = bytes.Clone(f)
			f[len(f)-1] ^= 1
			return [][]byte{f}
		}), small, 3, Faults{Missing: 1, Corrupted: 1}, false},
		{"corrupts the sender's number", at(func(f []byte) [][]byte {
			f = bytes.Clone(f)
			f[4+15] ^= 1
			return [][]byte{f}
		}), small, 3, Faults{Missing: 1, Corrupted: 1}, false},
		{"makes things up", at(func(f []byte) [][]byte {
			return [][]byte{f, unmaskedFrame([]byte("hello"))}
		}), small, 3, Faults{Corrupted: 1}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := testServer{tamper: test.tamper}
			opts := brief
			// The tampering must happen within, on a busy machine too.
			opts.Measure, opts.Patience = 500*time.Millisecond, time.Second
			r, err := Run(t.Context(), server.start(t), Scenario{play: closed(test.window, test.shape)}, opts)
			if err != nil {
				t.Fatal(err)
			}
			if disordered := r.Faults.Disordered > 0; disordered != test.disordered && r.Faults.Missing == 0 {
				t.Errorf("disordered is %v; %d messages, %d deliveries", disordered, r.Messages, r.Deliveries)
			}
			r.Faults.Disordered = 0
			if r.Faults != test.want {
				t.Errorf("found %v, want %v; %d messages, %q", r.Faults, test.want, r.Messages, r.Notes)
			}
			if r.Stuck != (test.want.Missing > 0) {
				t.Errorf("stuck is %v", r.Stuck)
			}
		})
	}
}

func TestRun_LostConnection_IsCountedAndNotAwaited(t *testing.T) {
	t.Parallel()
	server := testServer{tamper: func(receiver, delivery int, frame []byte) [][]byte {
		if receiver == 7 && delivery >= 10 {
			return [][]byte{nil}
		}
		return [][]byte{frame}
	}}
	r := mustPlay(t, server.start(t), Scenario{play: closed(3, small)})
	if r.Faults.Lost != 1 || r.Faults.Missing == 0 || r.Stuck {
		t.Errorf("found %v, stuck %v", r.Faults, r.Stuck)
	}
}

func TestRun_EveryReceiverLost_Ends(t *testing.T) {
	t.Parallel()
	server := testServer{tamper: func(receiver, delivery int, frame []byte) [][]byte {
		if delivery >= 10 {
			return [][]byte{nil}
		}
		return [][]byte{frame}
	}}
	r := mustPlay(t, server.start(t), Scenario{play: closed(3, shape{rooms: 1, senders: 1, receivers: 2})})
	if r.Faults.Lost != 2 || r.Faults.Missing == 0 || r.Stuck {
		t.Errorf("found %v, stuck %v", r.Faults, r.Stuck)
	}
}

func TestRun_EchoAndStray_AreFaults(t *testing.T) {
	t.Parallel()
	echoing := testServer{echo: true}
	target := echoing.start(t)
	target.Echo = false
	r := mustPlay(t, target, Scenario{play: closed(1, small)})
	if r.Faults.Echoed == 0 || r.Faults.Missing+r.Faults.Doubled > 0 {
		t.Errorf("echo: found %v", r.Faults)
	}

	target = new(testServer).start(t)
	target.URL = strings.Replace(target.URL, "{room}", "same#{room}", 1) // everyone lands in one room
	r = mustPlay(t, target, Scenario{play: closed(1, shape{rooms: 2, senders: 1, receivers: 2})})
	if r.Faults.Stray == 0 {
		t.Errorf("stray: found %v", r.Faults)
	}
}

func TestRun_UnservedRoom_IsAnError(t *testing.T) {
	t.Parallel()
	server := testServer{misroute: func(string) string { return "nowhere" }}
	if _, err := Run(t.Context(), server.start(t), Scenario{play: closed(1, small)}, brief); err == nil {
		t.Error("nobody heard anything, and that is no error")
	}
}

func TestRun_Idle_MeasuresMemory(t *testing.T) {
	t.Parallel()
	r := mustPlay(t, new(testServer).start(t), Scenario{play: idle})
	mustBeClean(t, r)
	if r.Memory == nil || r.Memory.Base == 0 || r.Connections != brief.Connections {
		t.Errorf("memory %+v of %d connections", r.Memory, r.Connections)
	}
}

func TestRun_Stall_ExpectsNothingOfTheStalled(t *testing.T) {
	t.Parallel()
	s := shape{rooms: 1, senders: 1, receivers: 6, stallers: 2, payload: 16 << 10}
	r := mustPlay(t, new(testServer).start(t), Scenario{play: stall(50, s)})
	mustBeClean(t, r)
	if r.Stall == nil || r.Stall.Stalled != 2 || r.Stall.Before == nil || r.Latency == nil {
		t.Errorf("%+v", r.Stall)
	}
}

func TestRun_Storm_BringsAllBack(t *testing.T) {
	t.Parallel()
	for _, start := range []func(*testServer, *testing.T) Target{(*testServer).start, (*testServer).startTLS} {
		r := mustPlay(t, start(new(testServer), t), Scenario{play: storm})
		mustBeClean(t, r)
		if r.Storm == nil || r.Storm.Failed != 0 || r.Storm.ChatSeconds < r.Storm.ReturnSeconds {
			t.Errorf("%+v", r.Storm)
		}
	}
}

func TestRun_Connects_And_Gets_Count(t *testing.T) {
	t.Parallel()
	target := new(testServer).startTLS(t)
	for _, name := range []string{"connects", "gets"} {
		s, err := ScenarioNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), target, s, brief)
		if err != nil {
			t.Fatal(err)
		}
		if r.Connect == nil || r.Connect.Opened == 0 || r.Connect.Failed > 0 {
			t.Errorf("%s: %+v %q", name, r.Connect, r.Notes)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	}
}

func TestRun_OneRoom_RefusesScenariosOfMany(t *testing.T) {
	s, err := ScenarioNamed("rooms")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Target{URL: "ws://127.0.0.1:1/"}, s, brief); err == nil {
		t.Error("no error")
	}
}
