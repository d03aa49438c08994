package caddymodule

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/time/rate"
)

// What fails for one client fails for thousands at once, and an operator need not
// read it as often: of warnings and errors with one message there are so many at
// once and then one a minute.
const (
	alikeAtOnce = 3
	alikeEvery  = time.Minute
)

// logCore is a zapcore.Core that bounds lines that are alike.
type logCore struct {
	*logTarget
	fields []zapcore.Field // of every line; fixed
}

// logTarget is where a logCore and those made by its With write.
type logTarget struct {
	core atomic.Pointer[zapcore.Core]

	mu    sync.Mutex // guards the rest
	alike map[alike]*alikes
}

// alike is what lines have in common that are the same to an operator. There are
// few: a message is a constant.
type alike struct {
	level   zapcore.Level
	message string
}

type alikes struct {
	pace *rate.Limiter
	left int // out since the last line
}

// boundedLog returns a logger like the given one whose lines are bounded.
func boundedLog(logger *zap.Logger) *zap.Logger {
	target := &logTarget{alike: map[alike]*alikes{}}
	target.core.Store(new(logger.Core()))
	return logger.WithOptions(zap.WrapCore(func(zapcore.Core) zapcore.Core { return &logCore{logTarget: target} }))
}

// follow has a bounded log go where another one goes from now on: a hub outlives
// the configuration that it began with, and with that its log.
func follow(bounded, other *zap.Logger) {
	bounded.Core().(*logCore).core.Store(new(other.Core()))
}

// Enabled implements zapcore.Core.
func (c *logCore) Enabled(level zapcore.Level) bool { return (*c.core.Load()).Enabled(level) }

// With implements zapcore.Core.
func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	return &logCore{c.logTarget, append(slices.Clip(c.fields), fields...)}
}

// Check implements zapcore.Core.
func (c *logCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	core := *c.core.Load()
	if !core.Enabled(e.Level) {
		return to
	}
	fields := c.fields
	if e.Level >= zapcore.WarnLevel {
		ok, left := c.take(alike{e.Level, e.Message}, e.Time)
		if !ok {
			return to
		}
		if left > 0 {
			fields = append(slices.Clip(fields), zap.Int("left_out", left))
		}
	}
	if len(fields) > 0 {
		core = core.With(fields)
	}
	return core.Check(e, to)
}

// take says whether a line is written, and how many like it were not since the
// last.
func (t *logTarget) take(key alike, now time.Time) (ok bool, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.alike[key]
	if a == nil {
		a = &alikes{pace: rate.NewLimiter(rate.Every(alikeEvery), alikeAtOnce)}
		t.alike[key] = a
	}
	if !a.pace.AllowN(now, 1) {
		a.left++
		return false, 0
	}
	left, a.left = a.left, 0
	return true, left
}

// Write implements zapcore.Core. Check hands lines to others, so that it is for
// those only who write without asking.
func (c *logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	return (*c.core.Load()).Write(e, append(slices.Clip(c.fields), fields...))
}

// Sync implements zapcore.Core.
func (c *logCore) Sync() error { return (*c.core.Load()).Sync() }
