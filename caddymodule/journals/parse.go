package journals

import (
	"encoding/json"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddychat/caddy-chat/caddymodule/internal/values"
)

// Parse reads the option journal. Its first argument names an engine, whose
// module reads the rest. It returns the JSON of the engine.
func Parse(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Err("chat: journal needs an engine, such as pebble, memory or postgres")
	}
	engine := d.Val()
	if strings.Contains(engine, ":") || strings.Contains(engine, "{") { // an address may have a password
		return nil, d.Err("chat: journal needs the name of an engine before an address, as in journal postgres {env.CHAT_DSN}")
	}
	if err := values.CheckModule(d, "journal", "chat.journals", engine); err != nil {
		return nil, err
	}
	module, err := caddyfile.UnmarshalModule(d, "chat.journals."+engine)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(module, "engine", engine, nil), nil
}
