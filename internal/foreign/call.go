package foreign

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrEnded is the error of a call that has ended its goroutine instead of returning.
var ErrEnded = errors.New("the call ended its goroutine")

// PanicError is the error of a call that has panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (p *PanicError) Error() string { return fmt.Sprint("panic: ", p.Value) }

// Call calls f in a goroutine of its own and returns what it returns. If f panics, the
// error is a *PanicError; if it ends its goroutine, ErrEnded. If ctx ends first, Call
// returns why, and leaves f behind: late then gets what it returns, unless late is nil.
func Call[T any](ctx context.Context, f func() (T, error), late func(T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result) // nobody takes it any more once left is closed
	left := make(chan struct{})
	go func() {
		r := result{err: ErrEnded}
		defer func() {
			if v := recover(); v != nil {
				r.err = &PanicError{v, debug.Stack()}
			}
			select {
			case results <- r:
			case <-left:
				if late != nil {
					late(r.value, r.err)
				}
			}
		}()
		r.value, r.err = f()
	}()
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		close(left)
		var none T
		return none, context.Cause(ctx)
	}
}

// Here calls f in this goroutine and returns what it returns. If f panics, the error is a
// *PanicError. It is for code that is known to return.
func Here[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}

// Do is Call for what returns nothing else. Without a bound, ctx is
// context.Background().
func Do(ctx context.Context, f func() error) error {
	_, err := Call(ctx, func() (struct{}, error) { return struct{}{}, f() }, nil)
	return err
}
