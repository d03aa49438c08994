package caddymodule

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// linesPerMinute is how often a minute the same warning or error is logged. A
// full disk or a wrong secret concerns each message and each login, and needs to
// be told once in a while.
const linesPerMinute = 3

// sparing returns a logger that drops what warns of the same thing again and
// again.
func sparing(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return &sparingCore{core, zapcore.NewSamplerWithOptions(core, time.Minute, linesPerMinute, 0)}
	}))
}

// sparingCore has warnings and errors go through a sampler, which would count
// each session's line at DEBUG, too.
type sparingCore struct {
	zapcore.Core
	sampler zapcore.Core
}

func (c *sparingCore) With(fields []zapcore.Field) zapcore.Core {
	return &sparingCore{c.Core.With(fields), c.sampler.With(fields)}
}

func (c *sparingCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Level >= zapcore.WarnLevel {
		return c.sampler.Check(e, ce)
	}
	return c.Core.Check(e, ce)
}
