// Package caddymodule makes a Caddy server a chat backend: the module
// http.handlers.chat and its Caddyfile directive. Of this project only this
// package, those below it and cmd import Caddy.
//
// The admin API is in caddymodule/admin, the command `caddy chat` in
// caddymodule/command. The root package of the project imports all three.
//
// # Files
//
// A file refers only to files above it in this list:
//
//	log.go              limits repeated warnings and errors
//	secrets.go          signing keys in Caddy's storage
//	caddyfilevalues.go  blocks and values in a Caddyfile
//	journal.go          option journal: engines, retention, max_size
//	authcaddy.go        option auth caddy
//	authguest.go        option auth guest
//	authjwt.go          option auth jwt
//	authwechat.go       option auth wechat
//	auth.go             option auth: several methods in order
//	policy.go           option policy
//	limits.go           option limits
//	opening.go          a hub that may not be there yet, and the attempts to start it
//	hubs.go             the pool of hubs, which outlive configurations
//	metrics.go          caddy_chat_… in Caddy's metrics
//	app.go              starts the hubs of a configuration
//	ui.go               option ui: the built-in web page
//	handler.go          http.handlers.chat
//	caddyfile.go        directive chat and its options that have one value
package caddymodule
