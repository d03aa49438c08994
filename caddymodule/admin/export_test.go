package admin

import (
	"maps"
	"slices"
)

// Patterns returns the methods and paths of the admin API.
func Patterns() []string {
	return slices.Concat([]string{importPattern}, slices.Collect(maps.Keys(streams)), slices.Collect(maps.Keys(endpoints)))
}
