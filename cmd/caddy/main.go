// Command caddy is Caddy with its standard modules and those of this project: the same
// as `xcaddy build --with github.com/caddychat/caddy-chat` makes.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddychat/caddy-chat"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() {
	caddycmd.Main()
}
