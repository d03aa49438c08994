//go:build unix

package chat_test

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
)

// BenchmarkList_Head is what a message costs the server and 100 clients, who are those online
// of 10,000 members (twice what a site may permit): in one group who hear the room, and in the
// other who only have it in their lists. Messages come at the pace at which lists are told, so
// that each makes a head. Compare cpu-us/op.
func BenchmarkList_Head(b *testing.B) {
	for _, c := range []struct{ name, hello, heard string }{
		{"heard", `"rooms":[{"room":%q}]`, `"message"`},
		{"listed", `"list":{}`, `"head"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			const others, all = 100, 10_000
			set := chat.Settings{MaxConnectionsPerIP: 2 * others, Policies: access.Policies{{
				Pattern: "g-*", Read: who(b, "members"), Write: who(b, "members"), Create: who(b, "users"), Invite: who(b, "members"), NoPresence: true, MaxMembers: all,
			}}}
			addr, _ := serve(b, chat.Config{Settings: set, Journal: journals["pebble"](b)}, &chat.Handler{Auth: tokens{}})
			conn, r := openV1(b, addr)
			say := func(w io.Writer, format string, args ...any) {
				frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(fmt.Appendf(nil, format, args...))))
				if _, err := w.Write(frame); err != nil {
					b.Fatal(err)
				}
			}
			until := func(r io.Reader, part string) string {
				for {
					header, err := ws.ReadHeader(r)
					if err != nil {
						return ""
					}
					text := make([]byte, header.Length) // of our own server
					if _, err := io.ReadFull(r, text); err != nil {
						return ""
					}
					if strings.Contains(string(text), part) {
						return string(text)
					}
				}
			}
			say(conn, `{"type":"hello","token":"ann"}`)
			say(conn, `{"type":"create","key":"k"}`)
			room := fieldOf(b, until(r, `"created"`), "room")
			for from := 0; from < all-1; from += 100 {
				some := eachOf(from, min(from+100, all-1)-1, `"u%d"`)
				say(conn, `{"type":"member","id":"m","room":%q,"users":[%s],"role":"member"}`, room, strings.Join(some, ","))
				if got := until(r, `"id":"m"`); typeOf(got) != "ok" {
					b.Fatal(got)
				}
			}
			say(conn, `{"type":"join","room":%q}`, room)
			until(r, `"joined"`)
			heard := make(chan bool, others)
			for i := range others {
				conn, r := openV1(b, addr)
				hello := c.hello
				if strings.Contains(hello, "%q") {
					hello = fmt.Sprintf(hello, room)
				}
				say(conn, `{"type":"hello","token":"u%d",%s}`, i, hello)
				until(r, `"welcome"`)
				go func() {
					for until(r, c.heard) != "" {
						heard <- true
					}
				}()
			}
			go func() { until(r, "never said") }()
			time.Sleep(time.Second)
			began := processorTime(b)
			for b.Loop() {
				say(conn, `{"type":"send","room":%q,"body":{"text":"what a list shows of a room"}}`, room)
				for range others {
					<-heard
				}
				time.Sleep(300 * time.Millisecond)
			}
			b.ReportMetric(float64((processorTime(b)-began).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

// processorTime is what this process has spent on processors.
func processorTime(tb testing.TB) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
