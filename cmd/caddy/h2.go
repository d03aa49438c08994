//go:build chat_h2

package main

// With the tag chat_h2 this is as xcaddy's with one `--with` more, that of
// github.com/caddychat/caddy-chat/caddymodule/h2.
import _ "github.com/caddychat/caddy-chat/caddymodule/h2"
