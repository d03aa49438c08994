package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddychat/caddy-chat/caddymodule/admin"
)

// invocation is one run of `caddy chat`, with the flags that all commands have.
type invocation struct {
	address, hub string
	json         bool
}

// path returns the path of something that belongs to the hub.
func (in *invocation) path(suffix string, query url.Values) string {
	path := "/chat/hubs/" + url.PathEscape(in.hub) + suffix
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// request sends body to the admin API: JSON lines if it is an io.Reader, nothing if it
// is nil, else its JSON. The error for an answer without success has the text that
// the server sent.
func (in *invocation) request(method, path string, body any) (*http.Response, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(in.address, nil, "", "")
	if err != nil {
		return nil, err
	}
	var send io.Reader
	header := http.Header{}
	switch body := body.(type) {
	case nil:
	case io.Reader:
		send = body
		header.Set("Content-Type", admin.JSONLines)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		send = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	return caddycmd.AdminAPIRequest(address, method, path, header, send)
}

// call is request for an answer in JSON. It decodes the answer into to unless that is
// nil, and prints it as it came if the user wants JSON.
func (in *invocation) call(method, path string, body, to any) error {
	res, err := in.request(method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if in.json {
		if _, err := os.Stdout.Write(text); err != nil {
			return err
		}
	}
	if to == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, to)
}

// callForList requests a whole list, as many items at a time as the server allows.
// each takes one answer and returns the cursor in it.
func callForList[L any](in *invocation, suffix string, query url.Values, each func(*L) (next string)) error {
	query.Set("limit", fmt.Sprint(admin.MaxLimit))
	for {
		var list L
		if err := in.call("GET", in.path(suffix, query), nil, &list); err != nil {
			return err
		}
		next := each(&list)
		if next == "" {
			return nil
		}
		query.Set("cursor", next)
	}
}
