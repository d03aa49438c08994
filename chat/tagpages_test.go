package chat_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// tagWholly gives the messages of a room as many tags as they may have, each as long as it may be.
func tagWholly(t *testing.T, j journal.Journal, room string, messages int, shared bool) {
	t.Helper()
	for seq := 1; seq <= messages; seq++ {
		for tag := range 20 {
			text := string(rune('a'+tag)) + strings.Repeat("😀", 31)
			for user := range 3 {
				by, value := fmt.Sprintf("%0128d", user), "true"
				if shared {
					by, value = "", `"`+strings.Repeat("v", 1022)+`"`
				}
				if err := j.Records().Put(t.Context(), fmt.Sprintf("tag\x00%s\x00%016x\x00%s\x00%s", room, seq, by, text), []byte(value)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Whatever delivers a page, it and the tags of its messages have about 128 KiB: not one tag is
// missing, and who reads on gets all messages.
func TestPages_WithTheirTags_AreBounded_AtEachDoor(t *testing.T) {
	const messages, bound = 40, 128<<10 + 4<<10
	rooms := []string{"tea", "cup", "pot"}
	for _, shared := range []bool{false, true} {
		j := memjournal.New(memjournal.Options{})
		h := &chat.Handler{}
		url, _ := serve(t, chat.Config{Journal: j, Settings: chat.Settings{
			ReadBytes: access.Rate{PerSecond: 1e12, Burst: 1e9}, KeyRate: access.Rate{PerSecond: 1e6, Burst: 1e6},
			Keys: access.Keys{newKey(t, "k", func(k *access.Key) { k.Read = rooms })},
		}}, h)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeRequest(w, r, r.URL.EscapedPath()) }))
		defer srv.Close()
		epochs := map[string]string{}
		for _, room := range rooms {
			for range messages {
				epochs[room] = appendTo(t, j, room)
			}
			tagWholly(t, j, room, messages, shared)
		}
		var c *client
		ask := func(frame string) []byte { c.send(frame); return []byte(c.next()) }
		places := func(more string) string {
			var list []string
			for _, room := range rooms {
				list = append(list, fmt.Sprintf(`{"room":%q,"epoch":%q%s}`, room, epochs[room], more))
			}
			return "[" + strings.Join(list, ",") + "]"
		}
		before := func(room string, seq int) []byte {
			return ask(fmt.Sprintf(`{"type":"history","room":%q,"before":%d}`, room, seq))
		}
		rejoin := func(room string, seq int) []byte {
			return ask(fmt.Sprintf(`{"type":"join","room":%q,"epoch":%q,"after":%d}`, room, epochs[room], seq))
		}
		over := func(query string) func(string, int) []byte {
			return func(room string, seq int) []byte {
				req, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("%s/rooms/%s/messages?%s=%d", srv.URL, room, query, seq), nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+keyOf("k"))
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return body
			}
		}
		for door, d := range map[string]struct {
			hello    string
			backward bool
			next     func(room string, seq int) []byte
		}{
			"history": {"", true, before},
			"history on": {"", false, func(room string, seq int) []byte {
				return ask(fmt.Sprintf(`{"type":"history","room":%q,"after":%d}`, room, seq))
			}},
			"HTTP":        {"", true, over("before")},
			"HTTP on":     {"", false, over("after")},
			"hello":       {`,"rooms":` + strings.ReplaceAll(places(""), `,"epoch"`, `,"x"`), true, before},
			"hello again": {`,"rooms":` + places(`,"after":0`), false, rejoin},
			"a gap":       {`,"rooms":` + places(`,"after":999`), true, before},
			"join": {"", true, func(room string, seq int) []byte {
				if seq > messages {
					return ask(fmt.Sprintf(`{"type":"join","room":%q}`, room))
				}
				return before(room, seq)
			}},
			"join, behind": {"", false, rejoin},
		} {
			c = dialV1(t, url)
			c.send(`{"type":"hello"` + d.hello + `}`)
			welcome := []byte(c.next())
			all := tagsIn(t, door, welcome, bound)
			for _, room := range rooms {
				seen := all[room]
				for range messages + 1 {
					at := 0
					if d.backward {
						at = messages + 1
					}
					for seq := range seen {
						if d.backward {
							at = min(at, seq)
						} else {
							at = max(at, seq)
						}
					}
					if len(seen) == messages {
						break
					}
					for seq := range tagsIn(t, door, d.next(room, at), bound)[room] {
						if seen == nil {
							seen = map[int]bool{}
						}
						seen[seq] = true
					}
				}
				if len(seen) != messages {
					t.Errorf("%s, shared %t: %d messages of %s came, want %d", door, shared, len(seen), room, messages)
				}
			}
			c.closeNow()
		}
	}
}

// tagsIn returns which messages of which rooms a frame has, all with all of their tags.
func tagsIn(t *testing.T, door string, frame []byte, bound int) map[string]map[int]bool {
	t.Helper()
	type state struct {
		Room    string
		Entries []struct {
			Seq  int
			Tags []struct{ Tag string }
		}
	}
	var f struct {
		state
		Rooms []state
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		t.Fatalf("%s: %v", door, err)
	}
	found := map[string]map[int]bool{}
	for _, s := range append(f.Rooms, f.state) {
		for _, e := range s.Entries {
			if len(e.Tags) != 20 {
				t.Errorf("%s: message %d has %d tags, want 20", door, e.Seq, len(e.Tags))
			}
			if found[s.Room] == nil {
				found[s.Room] = map[int]bool{}
			}
			found[s.Room][e.Seq] = true
		}
	}
	if len(frame) > bound {
		t.Errorf("%s: a frame has %d bytes, and may have %d", door, len(frame), bound)
	}
	return found
}

// appendTo says something in a room, and returns its epoch.
func appendTo(t *testing.T, j journal.Journal, room string) (epoch string) {
	t.Helper()
	done := make(chan error, 1)
	j.Append(t.Context(), journal.Entry{Room: room, Kind: journal.Message, From: journal.User{ID: "ann"}, Body: []byte("1")}, func(r journal.Receipt, err error) {
		epoch = r.Epoch
		done <- err
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return epoch
}
