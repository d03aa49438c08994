package disk

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A directory that the file system does not let be made is no damage of the store.
func TestConfig_MakeDir_WhereNoneCanBe(t *testing.T) {
	c := Config{Dir: "/proc/nope/chat"}
	err := c.makeDir(vfs.Default)
	if err == nil || IsDamage(err) || !strings.Contains(err.Error(), "the directory can't be made") {
		t.Errorf("%v; taken for damage: %v", err, IsDamage(err))
	}
}
