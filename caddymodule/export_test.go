package caddymodule

import (
	"maps"
	"slices"
)

// AdminPatterns are those of the admin API.
func AdminPatterns() []string {
	return slices.Concat(slices.Collect(maps.Keys(streams())), slices.Collect(maps.Keys(new(Admin).endpoints())))
}
