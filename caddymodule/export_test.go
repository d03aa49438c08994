package caddymodule

import (
	"maps"
	"slices"

	"github.com/caddychat/caddy-chat/chat"
)

// Settings are those of a hub that a handler configures, the defaults aside.
func (h *Handler) Settings() (chat.Settings, error) { return h.settings() }

// AdminPatterns are those of the admin API.
func AdminPatterns() []string {
	return slices.Concat(slices.Collect(maps.Keys(streams())), slices.Collect(maps.Keys(new(Admin).endpoints())))
}
