package chat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/check"
)

// undecided is a check that has no verdict on the text "wait".
type undecided struct{}

func (undecided) Check(_ context.Context, q *check.Question) (check.Verdict, error) {
	if string(q.Body) == `"wait"` {
		return check.Verdict{}, context.DeadlineExceeded
	}
	return check.Verdict{Kind: check.Pass}, nil
}

// Behind a message of a batch that has to wait, those of the same room are not sent and get the
// same problem: they would overtake it. Those of other rooms are sent, and those behind one that is
// refused for good, too. A batch has 100 messages at most.
func TestBatch_BehindOneThatWaits_TheRoomWaits(t *testing.T) {
	every := []string{"*"}
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			h := &chat.Handler{}
			set := chat.Settings{
				Keys:    access.Keys{newKey(t, "k", func(k *access.Key) { k.Read, k.Write = every, []string{"tea", "cup"} })},
				KeyRate: access.Rate{PerSecond: 1e6, Burst: 1e6},
				Checks:  check.Chain{check.New(check.Config{Name: "undecided", Checker: undecided{}, Keys: true})},
			}
			serve(t, chat.Config{Settings: set, Journal: open(t)}, h)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeRequest(w, r, r.URL.EscapedPath()) }))
			defer srv.Close()
			say := func(messages ...string) (int, []string) {
				t.Helper()
				status, answer, _ := call(t, "POST", srv.URL+"/messages", keyOf("k"), `{"messages":[`+strings.Join(messages, ",")+`]}`)
				var list []string
				results, _ := answer["results"].([]any)
				for _, r := range results {
					r := r.(map[string]any)
					list = append(list, fmt.Sprint(r["seq"], " ", r["code"], " ", r["retry"]))
				}
				return status, list
			}
			status, got := say(`{"room":"tea","body":"one"}`, `{"room":"secret","body":"two"}`, `{"room":"tea","body":"three"}`,
				`{"room":"tea","body":"wait"}`, `{"room":"tea","body":"five"}`, `{"room":"cup","body":"six"}`, `{"room":"tea","body":"seven"}`)
			want := []string{"1 <nil> <nil>", "<nil> forbidden false", "2 <nil> <nil>", "<nil> unavailable 2000", "<nil> unavailable 2000", "1 <nil> <nil>", "<nil> unavailable 2000"}
			if status != 201 || !slices.Equal(got, want) {
				t.Errorf("%d %q, want %q", status, got, want)
			}
			if status, page, _ := call(t, "GET", srv.URL+"/rooms/tea/messages", keyOf("k"), ""); status != 200 || len(page["entries"].([]any)) != 2 {
				t.Errorf("%d %v", status, page)
			}
			for n, want := range map[int]int{100: 201, 101: 400} {
				if status, list := say(slices.Repeat([]string{`{"room":"cup","body":1}`}, n)...); status != want || want == 201 && len(list) != n {
					t.Errorf("%d messages: %d, %d results", n, status, len(list))
				}
			}
		})
	}
}

// Each message of a batch counts like a request of its own.
func TestBatch_EachMessage_IsCharged(t *testing.T) {
	every := []string{"*"}
	for name, open := range journals {
		t.Run(name, func(t *testing.T) {
			h := &chat.Handler{}
			set := chat.Settings{
				Keys:    access.Keys{newKey(t, "k", func(k *access.Key) { k.Write = every })},
				KeyRate: access.Rate{PerSecond: 0.0001, Burst: 6},
			}
			serve(t, chat.Config{Settings: set, Journal: open(t)}, h)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeRequest(w, r, r.URL.EscapedPath()) }))
			defer srv.Close()
			list := make([]string, 20)
			for i := range list {
				list[i] = fmt.Sprintf(`{"room":"room%d","body":1}`, i)
			}
			_, answer, _ := call(t, "POST", srv.URL+"/messages", keyOf("k"), `{"messages":[`+strings.Join(list, ",")+`]}`)
			sent, refused := 0, 0
			for _, r := range answer["results"].([]any) {
				switch r.(map[string]any)["code"] {
				case nil:
					sent++
				case "too_fast":
					refused++
				}
			}
			if sent != 5 || refused != 15 {
				t.Errorf("%d were sent, %d came too fast: %v", sent, refused, answer)
			}
		})
	}
}
