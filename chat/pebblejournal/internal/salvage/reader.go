package salvage

import (
	"context"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// ErrKnown says that nothing was read, because it is known that this cannot be read. It
// is one of Pebble's corruption errors.
var ErrKnown = fmt.Errorf("known to be damaged: %w", pebble.ErrCorruption)

// Reader reads what is not known to be damaged, until a context ends. What it cannot
// read only an Iter and a search by halves note in its Memory.
type Reader struct {
	pebble.Reader
	*Memory
	ctx    context.Context
	tables *Tables // may be nil
}

// NewReader returns a Reader of r, which is t at some moment if that is not nil.
func NewReader(ctx context.Context, r pebble.Reader, m *Memory, t *Tables) *Reader {
	return &Reader{r, m, ctx, t}
}

// ended returns why nothing should be read any more, or nil.
func (r *Reader) ended() error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return nil
}

// Get implements pebble.Reader. It fails with ErrKnown for a key that cannot be read.
func (r *Reader) Get(key []byte) ([]byte, io.Closer, error) {
	if err := r.ended(); err != nil {
		return nil, nil, err
	}
	if r.at(key) != nil {
		return nil, nil, ErrKnown
	}
	return r.Reader.Get(key)
}

// NewIter implements pebble.Reader. It fails with ErrKnown if there is anything between
// the bounds that cannot be read; New does not.
func (r *Reader) NewIter(o *pebble.IterOptions) (*pebble.Iterator, error) {
	if err := r.ended(); err != nil {
		return nil, err
	}
	if r.overlapping(o.LowerBound, o.UpperBound) != nil {
		return nil, ErrKnown
	}
	return r.Reader.NewIter(o)
}
