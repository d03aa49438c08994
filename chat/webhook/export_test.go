package webhook

import (
	"time"

	"go.uber.org/zap"
)

const hour = time.Hour

func timeNow() time.Time { return time.Now() }

func zapUint(name string, n uint64) zap.Field { return zap.Uint64(name, n) }
