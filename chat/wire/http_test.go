package wire

import (
	"encoding/json"
	"testing"
	"time"
)

func TestHTTP_Bodies(t *testing.T) {
	badSeq := &Error{Code: BadFrame, ID: "7", Field: "before", Message: `say "1"`, Retry: Never}
	busy, perhaps := Unavailable.Error(""), Unavailable.Error("")
	perhaps.Uncertain = true
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{(&Login{"t", 1800000000000, li}).Append(nil), `{"token":"t","expires":1800000000000,"user":{"id":"u7","name":"Li"}}`},
		{(&Page{ID: "4", Room: "team", Epoch: "k3", More: true}).AppendBody(nil), `{"room":"team","epoch":"k3","entries":[],"more":true}`},
		{(&Sent{ID: "3", Room: "a\"b", Seq: 47, At: 1700000000000}).AppendBody(nil),
			`{"room":"a\"b","seq":47,"at":1700000000000,"duplicate":false}`},
		{(&Sent{Room: "team", Duplicate: true}).AppendBody(nil), `{"room":"team","duplicate":true}`},
		{badSeq.AppendProblem(nil, 400),
			`{"title":"Bad Request","status":400,"detail":"say \"1\"","code":"bad_frame","field":"before","retry":false}`},
		{busy.AppendProblem(nil, 503),
			`{"title":"Service Unavailable","status":503,"detail":"the server can't do this just now","code":"unavailable","retry":2000}`},
		{perhaps.AppendProblem(nil, 503),
			`{"title":"Service Unavailable","status":503,"detail":"the server can't do this just now","code":"unavailable","uncertain":true,"retry":2000}`},
	} {
		if string(c.got) != c.want || !json.Valid(c.got) {
			t.Errorf("\n got %s\nwant %s", c.got, c.want)
		}
	}
}

func TestError_RetryAfter_IsWholeSecondsRoundedUp(t *testing.T) {
	for retry, want := range map[time.Duration]string{
		Never: "", 0: "0", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", 30 * time.Second: "30",
	} {
		if got := (&Error{Retry: retry}).RetryAfter(); got != want {
			t.Errorf("%v: got %q, want %q", retry, got, want)
		}
	}
}
