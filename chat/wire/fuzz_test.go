package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddychat/caddy-chat/chat/journal"
)

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"type":"hello","id":"1","token":"t","device":"d","name":"Li","avatar":"http://a","rooms":[{"room":"a","epoch":"k","after":1},{"room":"b"}]}`,
		`{"type":"join","id":"2","room":"a","epoch":"k","after":0}`,
		`{"type":"send","id":"3","room":"a","key":"k","body":{"text":"hi \u4f60\ud83d\ude00", "n":[1.5e3,-0,null,true,false]}}`,
		`{"type":"history","room":"a","before":42,"limit":50}`,
		`{"type":"history","room":"a","after":0}`,
		`{"type":"recall","room":"a","seq":1}`,
		`{"type":"read","room":"a","seq":1}`,
		`{"type":"renew","token":"t"}`,
		`{"type":"mute","user":"u","for":0}`,
		`{"type":"ban","room":"a","user":"u"}`,
		`{"type":"dance"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		lent := bytes.Clone(p)
		c, err := Decode(lent)
		if !bytes.Equal(lent, p) {
			t.Fatal("the frame was changed")
		}
		if err != nil {
			checkRefusal(t, c, err)
			return
		}
		checkAgainstJSON(t, p, c)
		again, err := Decode(c.Append(nil))
		if err != nil {
			t.Fatalf("%s is encoded as %s: %v", p, c.Append(nil), err)
		}
		if !reflect.DeepEqual(again, c) {
			t.Fatalf("%s\nfirst %+v\nthen  %+v", p, c, again)
		}
		if s, ok := c.(*Send); ok {
			checkBody(t, s.Body)
		}
	})
}

func checkRefusal(t *testing.T, c Command, err error) {
	var e *Error
	if !errors.As(err, &e) || e == nil || c != nil {
		t.Fatalf("got %v, %v", c, err)
	}
	if frame := e.Append(nil); !json.Valid(frame) {
		t.Fatalf("the refusal is not JSON: %s", frame)
	}
}

// checkAgainstJSON compares the scanner with encoding/json.
func checkAgainstJSON(t *testing.T, p []byte, c Command) {
	if !json.Valid(p) {
		t.Fatalf("%s is not JSON", p)
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(p, &members); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"id": c.CommandID(), "room": roomOf(c)} {
		var want string
		if err := json.Unmarshal(members[name], &want); err == nil && got != want && got != "" {
			t.Fatalf("%s: %s is %q, want %q", p, name, got, want)
		}
	}
}

func roomOf(c Command) string {
	if v := reflect.ValueOf(c).Elem().FieldByName("Room"); v.IsValid() {
		return v.String()
	}
	return ""
}

func checkBody(t *testing.T, body []byte) {
	var compacted bytes.Buffer
	if err := json.Compact(&compacted, body); err != nil {
		t.Fatalf("body %s: %v", body, err)
	}
	if !bytes.Equal(compacted.Bytes(), body) {
		t.Fatalf("body %s is not compact", body)
	}
	e := Entry{Kind: journal.Message, Room: "a", Seq: 1, Body: body}
	if frame := e.Append(nil); !json.Valid(frame) {
		t.Fatalf("the message is not JSON: %s", frame)
	}
	if n := TextSize(body); n < 0 || n > len(body) {
		t.Fatalf("body %s has %d characters", body, n)
	}
}

// What a client reads of an error is what the server wrote, in a frame and in the
// answer to a request.
func FuzzError(f *testing.F) {
	f.Add("7", "seq", "seq is missing", int64(-1), false)
	f.Add("", "", "say \"no\"\x00\u2028", int64(1200), true)
	f.Fuzz(func(t *testing.T, id, field, message string, retry int64, uncertain bool) {
		for _, text := range []string{id, field, message} {
			if !utf8.ValidString(text) {
				return // the texts of errors are ours, and the id was decoded
			}
		}
		e := &Error{Code: Unavailable, ID: id, Field: field, Message: message, Retry: Never, Uncertain: uncertain}
		var want any = false
		if retry >= 0 {
			e.Retry = time.Duration(retry%1e6) * time.Millisecond
			want = float64(retry % 1e6)
		}
		var frame, problem struct {
			ID, Code, Field, Message, Detail string
			Retry                            any
			Uncertain                        *bool
		}
		if err := errors.Join(json.Unmarshal(e.Append(nil), &frame), json.Unmarshal(e.AppendProblem(nil, 503), &problem)); err != nil {
			t.Fatal(err)
		}
		if frame.ID != id || frame.Code != "unavailable" || frame.Field != field || frame.Message != message || frame.Retry != want {
			t.Errorf("%+v became the frame %+v", e, frame)
		}
		if problem.Code != "unavailable" || problem.Field != field || problem.Detail != message || problem.Retry != want {
			t.Errorf("%+v became the problem %+v", e, problem)
		}
		for _, got := range []*bool{frame.Uncertain, problem.Uncertain} {
			if uncertain != (got != nil) || got != nil && !*got {
				t.Errorf("uncertain %v became %v", uncertain, got)
			}
		}
	})
}
