package wsconn

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/gobwas/ws"
)

func TestAcceptDeflate_AcceptsWhatItSupports(t *testing.T) {
	for offer, want := range map[string]string{
		"permessage-deflate":                                                deflateAnswer,
		"permessage-deflate; client_max_window_bits":                        deflateAnswer, // browsers
		"permessage-deflate; client_max_window_bits=10":                     deflateAnswer,
		"x-other; a=1, permessage-deflate":                                  deflateAnswer,
		"permessage-deflate; server_max_window_bits=10":                     "",
		"permessage-deflate; server_max_window_bits=10, permessage-deflate": deflateAnswer,
		"permessage-deflate; unheard_of":                                    "",
		"x-webkit-deflate-frame":                                            "",
		"permessage-deflate; ;":                                             "",
		"":                                                                  "",
	} {
		r := &http.Request{Header: http.Header{"Sec-Websocket-Extensions": {offer}}}
		if got := AcceptDeflate(r); got != want {
			t.Errorf("%q is answered with %q", offer, got)
		}
	}
	if got := AcceptDeflate(&http.Request{}); got != "" {
		t.Errorf("no offer is answered with %q", got)
	}
}

func TestDeflate_RoundTripAndBounds(t *testing.T) {
	text := bytes.Repeat([]byte("the same words again "), 100)
	frame := AppendDeflated(nil, ws.OpText, text)
	h, n, err := parseHeader(frame)
	if err != nil || !h.Rsv1() || len(frame) > len(text)/5 {
		t.Fatalf("%d bytes, header %+v, %v", len(frame), h, err)
	}
	plain, err := inflate(ws.OpText, frame[n:], len(text))
	if err != nil || !bytes.Equal(plain, text) {
		t.Fatalf("came back as %d bytes, %v", len(plain), err)
	}
	var ce *CloseError
	if _, err := inflate(ws.OpText, frame[n:], len(text)-1); !errors.As(err, &ce) || ce.Code != ws.StatusMessageTooBig {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := inflate(ws.OpText, []byte{0xff, 0xff}, 100); !errors.As(err, &ce) || ce.Code != ws.StatusInvalidFramePayloadData {
		t.Errorf("garbage: %v", err)
	}
	if small := AppendDeflated(nil, ws.OpText, []byte("hi")); small[0]&0x40 != 0 {
		t.Error("a small message was compressed")
	}
}
