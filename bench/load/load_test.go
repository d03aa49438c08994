//go:build linux

package load

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	brief = Options{
		Warmup: 20 * time.Millisecond, Measure: 150 * time.Millisecond,
		Patience: 10 * time.Second, Settle: time.Second, Connections: 40,
		Parallel: 1, // so that the server numbers clients as the generator does
	}
	small = shape{rooms: 1, senders: 3, receivers: 5, payload: payload}
)

// run runs a scenario against a fresh server. Little may happen in a short time on
// a busy machine, so run measures for twice as long, again and again, until the
// result is enough. After 20 s it returns what there is.
func run(t *testing.T, start func(*testing.T) Target, s Scenario, opts Options, enough func(Result) bool) Result {
	t.Helper()
	for ; ; opts.Measure *= 2 {
		r, err := Run(t.Context(), start(t), s, opts)
		if err != nil {
			t.Fatal(err)
		}
		if enough(r) || opts.Measure > 20*time.Second {
			return r
		}
	}
}

func anything(Result) bool { return true }

func mustBeClean(t *testing.T, r Result) {
	t.Helper()
	if r.Faults != (Faults{}) || r.Stuck {
		t.Errorf("faults of a correct server: %v, stuck %v, %q", r.Faults, r.Stuck, r.Notes)
	}
}

func TestRun_GoodServer_HasNoFaults(t *testing.T) {
	long := small
	long.payload = 300 // a length of 16 bits
	many := shape{rooms: 7, senders: 2, receivers: 2, bystanders: 15}
	tests := []struct {
		name   string
		server *testServer
		tls    bool
		load   func(context.Context, Target, Options) (Result, error)
	}{
		{name: "closed", load: runClosed(3, small)},
		{name: "closed, many rooms", load: runClosed(1, many)},
		{name: "closed, long payload", load: runClosed(2, long)},
		{name: "closed, frames cut", server: &testServer{slice: 77}, load: runClosed(3, small)},
		{name: "closed, echo", server: &testServer{echo: true}, load: runClosed(3, small)},
		{name: "closed, TLS", tls: true, load: runClosed(3, small)},
		{name: "closed, TLS, frames cut", tls: true, server: &testServer{slice: 77}, load: runClosed(3, long)},
		{name: "closed, fragments", server: &testServer{tamper: fragment}, load: runClosed(3, small)},
		{name: "open", load: runOpen(100, small)},
		{name: "open, TLS", tls: true, load: runOpen(100, many)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := cmp.Or(test.server, new(testServer))
			start := server.start
			if test.tls {
				start = server.startTLS
			}
			r := run(t, start, Scenario{run: test.load}, brief, func(r Result) bool { return r.Messages > 0 && r.Deliveries > 0 })
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
	second[0] = 0x80 | opContinuation
	return [][]byte{first, {0x80 | opPing, 0}, second}
}

// The server tampers with the eleventh delivery to the last receiver. By then all
// have joined.
func TestRun_BadServer_IsDetected(t *testing.T) {
	t.Parallel()
	at := func(do func(frame []byte) [][]byte) func(int, int, []byte) [][]byte {
		return func(receiver, delivery int, frame []byte) [][]byte {
			if receiver != 7 || delivery != 10 {
				return [][]byte{frame}
			}
			return do(frame)
		}
	}
	// late delivers the eleventh after the twelfth.
	late := func() func(int, int, []byte) [][]byte {
		var delayed []byte
		return func(receiver, delivery int, frame []byte) [][]byte {
			switch {
			case receiver == 7 && delivery == 10:
				delayed = frame
				return nil
			case receiver == 7 && delivery == 11:
				return [][]byte{frame, delayed}
			}
			return [][]byte{frame}
		}
	}
	oneSender := shape{rooms: 1, senders: 1, receivers: 7, payload: payload}
	tests := []struct {
		name       string
		tamper     func(int, int, []byte) [][]byte
		deliveries int // to the last receiver, until the tampering is done
		shape      shape
		window     int
		want       Faults // without Disordered
		// disordered is set if the order of different senders is broken.
		disordered bool
	}{
		{"drops", at(func([]byte) [][]byte { return nil }), 11, small, 3, Faults{Missing: 1}, false},
		{"drops the only one in flight", at(func([]byte) [][]byte { return nil }), 11, oneSender, 1, Faults{Missing: 1}, false},
		{"doubles", at(func(f []byte) [][]byte { return [][]byte{f, f} }), 11, small, 3, Faults{Doubled: 1}, false},
		{"reorders messages of one sender", late(), 12, oneSender, 3, Faults{Reordered: 1}, true},
		{"reorders messages of two senders", late(), 12, small, 1, Faults{}, true},
		{"corrupts", at(func(f []byte) [][]byte {
			f = bytes.Clone(f)
			f[len(f)-1] ^= 1
			return [][]byte{f}
		}), 11, small, 3, Faults{Missing: 1, Corrupted: 1}, false},
		{"corrupts the sender's number", at(func(f []byte) [][]byte {
			f = bytes.Clone(f)
			f[4+15] ^= 1
			return [][]byte{f}
		}), 11, small, 3, Faults{Missing: 1, Corrupted: 1}, false},
		{"invents", at(func(f []byte) [][]byte {
			return [][]byte{f, unmaskedFrame([]byte("hello"))}
		}), 11, small, 3, Faults{Corrupted: 1}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var server *testServer
			start := func(t *testing.T) Target {
				server = &testServer{tamper: test.tamper}
				return server.start(t)
			}
			opts := brief
			opts.Patience = 3 * time.Second // a missing message takes as long
			r := run(t, start, Scenario{run: runClosed(test.window, test.shape)}, opts, func(Result) bool {
				return server.deliveriesTo(7) >= test.deliveries
			})
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
	start := func(t *testing.T) Target {
		server := testServer{tamper: func(receiver, delivery int, frame []byte) [][]byte {
			if receiver == 7 && delivery >= 10 {
				return [][]byte{nil}
			}
			return [][]byte{frame}
		}}
		return server.start(t)
	}
	r := run(t, start, Scenario{run: runClosed(3, small)}, brief, func(r Result) bool { return r.Faults.Lost > 0 })
	if r.Faults.Lost != 1 || r.Faults.Missing == 0 || r.Stuck {
		t.Errorf("found %v, stuck %v", r.Faults, r.Stuck)
	}
}

func TestRun_EveryReceiverLost_Ends(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) Target {
		server := testServer{tamper: func(receiver, delivery int, frame []byte) [][]byte {
			if delivery >= 10 {
				return [][]byte{nil}
			}
			return [][]byte{frame}
		}}
		return server.start(t)
	}
	load := runClosed(3, shape{rooms: 1, senders: 1, receivers: 2})
	r := run(t, start, Scenario{run: load}, brief, func(r Result) bool { return r.Faults.Lost >= 2 })
	if r.Faults.Lost != 2 || r.Faults.Missing == 0 || r.Stuck {
		t.Errorf("found %v, stuck %v", r.Faults, r.Stuck)
	}
}

func TestRun_EchoAndStray_AreFaults(t *testing.T) {
	t.Parallel()
	echo := func(t *testing.T) Target {
		target := (&testServer{echo: true}).start(t)
		target.Echo = false
		return target
	}
	r := run(t, echo, Scenario{run: runClosed(1, small)}, brief, func(r Result) bool { return r.Faults.Echoed > 0 })
	if r.Faults.Echoed == 0 || r.Faults.Missing+r.Faults.Doubled > 0 {
		t.Errorf("echo: found %v", r.Faults)
	}

	oneRoom := func(t *testing.T) Target {
		target := new(testServer).start(t)
		target.URL = strings.Replace(target.URL, "{room}", "same#{room}", 1)
		return target
	}
	load := runClosed(1, shape{rooms: 2, senders: 1, receivers: 2})
	r = run(t, oneRoom, Scenario{run: load}, brief, func(r Result) bool { return r.Faults.Stray > 0 })
	if r.Faults.Stray == 0 {
		t.Errorf("stray: found %v", r.Faults)
	}
}

func TestRun_RoomWithoutDelivery_IsAnError(t *testing.T) {
	t.Parallel()
	server := testServer{misroute: func(string) string { return "nowhere" }}
	opts := brief
	opts.Patience = time.Second
	if _, err := Run(t.Context(), server.start(t), Scenario{run: runClosed(1, small)}, opts); err == nil {
		t.Error("no message was received, and that is no error")
	}
}

func TestRun_Idle_MeasuresMemory(t *testing.T) {
	t.Parallel()
	r := run(t, new(testServer).start, Scenario{run: idle}, brief, anything)
	mustBeClean(t, r)
	if r.Memory == nil || r.Memory.Base == 0 || r.Connections != brief.Connections {
		t.Errorf("memory %+v of %d connections", r.Memory, r.Connections)
	}
}

func TestRun_Stall_ExpectsNothingOfTheStalled(t *testing.T) {
	t.Parallel()
	s := shape{rooms: 1, senders: 1, receivers: 6, stalled: 2, payload: 16 << 10}
	r := run(t, new(testServer).start, Scenario{run: stall(50, s)}, brief, anything)
	mustBeClean(t, r)
	if r.Stall == nil || r.Stall.Stalled != 2 || r.Stall.Before == nil || r.Latency == nil {
		t.Errorf("%+v", r.Stall)
	}
}

func TestRun_Flood_CountsBothTimes(t *testing.T) {
	t.Parallel()
	s := shape{rooms: 1, senders: 1, receivers: 3}
	for _, start := range []func(*testing.T) Target{new(testServer).start, new(testServer).startTLS} {
		r := run(t, start, Scenario{run: flood(3, 50, s)}, brief, func(r Result) bool { return r.Flood != nil && r.Flood.MiB > 0 })
		mustBeClean(t, r)
		if r.Flood == nil || r.Flood.MiB == 0 || r.Flood.Before.P50 == 0 || r.Latency == nil {
			t.Errorf("%+v", r.Flood)
		}
	}
}

// A flooder is a thread that comes behind the one that measures.
func TestFlooding_Thread_HasTheLeastPriority(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := newDialer("ws://"+l.Addr().String(), Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	f := flooding{dialer: d}
	wg.Go(func() { f.run(ctx, 0) })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // the flooder waits for an answer until then
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	const kernelsWord = 20 - leastPriority // what the system call returns
	if !slices.ContainsFunc(threads, func(e os.DirEntry) bool {
		id, _ := strconv.Atoi(e.Name())
		found, err := unix.Getpriority(unix.PRIO_PROCESS, id)
		return err == nil && found == kernelsWord
	}) {
		t.Errorf("no thread of %d has the least priority", len(threads))
	}
}

func TestRun_Storm_BringsAllBack(t *testing.T) {
	t.Parallel()
	for _, start := range []func(*testing.T) Target{new(testServer).start, new(testServer).startTLS} {
		r := run(t, start, Scenario{run: storm}, brief, anything)
		mustBeClean(t, r)
		if r.Storm == nil || r.Storm.Failed != 0 || r.Storm.ChatSeconds < r.Storm.ReturnSeconds {
			t.Errorf("%+v", r.Storm)
		}
	}
}

func TestRun_ConnectsAndGets_Count(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"connects", "gets"} {
		s, err := ScenarioNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, new(testServer).startTLS, s, brief, func(r Result) bool { return r.Connect != nil && r.Connect.Opened > 0 })
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
