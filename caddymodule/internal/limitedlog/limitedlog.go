// Package limitedlog limits warnings and errors that repeat.
package limitedlog

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/time/rate"
)

// What fails for one client can fail for thousands at the same moment. Of the
// warnings and errors with one level and message, New writes repeatBurst
// at once and then one per repeatInterval.
const (
	repeatBurst    = 3
	repeatInterval = time.Minute
)

// limitedCore is a zapcore.Core that limits repeated lines.
//
// zap has a sampler of its own, but what the documents promise is more than it
// does: it would go on writing repeatBurst lines in every interval, not one, and it
// does not tell in the next line how many it dropped. It also allocates 450 KiB
// of counters per logger, and there is one logger for each hub and each auth method.
type limitedCore struct {
	*logTarget
	fields []zapcore.Field // added by With to every line; fixed
}

// logTarget is shared by a limitedCore and all cores that its With returned.
type logTarget struct {
	core atomic.Pointer[zapcore.Core] // where lines are written

	mu      sync.Mutex // guards repeats
	repeats map[lineKey]*repeats
}

// lineKey identifies repeated lines. There are few keys: a message is a constant.
type lineKey struct {
	level   zapcore.Level
	message string
}

type repeats struct {
	limiter *rate.Limiter
	dropped int // since the last line that was written
}

// New returns a logger that writes to the core of logger and limits repeated
// lines.
func New(logger *zap.Logger) *zap.Logger {
	target := &logTarget{repeats: map[lineKey]*repeats{}}
	target.core.Store(new(logger.Core()))
	return logger.WithOptions(zap.WrapCore(func(zapcore.Core) zapcore.Core { return &limitedCore{logTarget: target} }))
}

// Redirect makes limited, which New returned, write to the core of another
// logger from now on: a hub outlives the configuration that it was started with, and
// that configuration's log.
func Redirect(limited, other *zap.Logger) {
	limited.Core().(*limitedCore).core.Store(new(other.Core()))
}

// Enabled implements zapcore.Core.
func (c *limitedCore) Enabled(level zapcore.Level) bool { return (*c.core.Load()).Enabled(level) }

// With implements zapcore.Core.
func (c *limitedCore) With(fields []zapcore.Field) zapcore.Core {
	return &limitedCore{c.logTarget, append(slices.Clip(c.fields), fields...)}
}

// Check implements zapcore.Core.
func (c *limitedCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	core := *c.core.Load()
	if !core.Enabled(e.Level) {
		return to
	}
	fields := c.fields
	if e.Level >= zapcore.WarnLevel {
		ok, dropped := c.allow(lineKey{e.Level, e.Message}, e.Time)
		if !ok {
			return to
		}
		if dropped > 0 {
			fields = append(slices.Clip(fields), zap.Int("left_out", dropped))
		}
	}
	if len(fields) > 0 {
		core = core.With(fields)
	}
	return core.Check(e, to)
}

// allow reports whether a line may be written now, and how many lines like it were
// dropped since the last one that was written.
func (t *logTarget) allow(key lineKey, now time.Time) (ok bool, dropped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.repeats[key]
	if r == nil {
		r = &repeats{limiter: rate.NewLimiter(rate.Every(repeatInterval), repeatBurst)}
		t.repeats[key] = r
	}
	if !r.limiter.AllowN(now, 1) {
		r.dropped++
		return false, 0
	}
	dropped, r.dropped = r.dropped, 0
	return true, dropped
}

// Write implements zapcore.Core. zap does not call it, because Check hands each line
// to the target's core; it writes without a limit.
func (c *limitedCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return (*c.core.Load()).Write(e, append(slices.Clip(c.fields), fields...))
}

// Sync implements zapcore.Core.
func (c *limitedCore) Sync() error { return (*c.core.Load()).Sync() }
