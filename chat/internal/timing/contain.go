package timing

import (
	"runtime/debug"

	"go.uber.org/zap"
)

// Contain ends a panic of something that runs by itself, and logs it. It must be deferred.
func Contain(log *zap.Logger, what string) {
	if v := recover(); v != nil {
		log.Error(what+" because of a panic", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
	}
}
