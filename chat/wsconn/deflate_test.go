package wsconn

import (
	"net/http"
	"testing"
)

func TestAcceptDeflate_MeetsWhatItCan(t *testing.T) {
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
