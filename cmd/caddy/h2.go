//go:build chat_h2

package main

// With the tag chat_h2 the result is that of xcaddy with one more `--with`, for
// github.com/caddychat/caddy-chat/caddymodule/h2.
import _ "github.com/caddychat/caddy-chat/caddymodule/h2"
