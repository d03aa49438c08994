package memjournal

// ring is a queue whose items can be reached by index. It takes a quarter more than its
// items need, or twice as much after it has lost some.
type ring[T any] struct {
	buf   []T
	start int // of the oldest in buf
	n     int
}

func (q *ring[T]) len() int { return q.n }

// at returns an item, the oldest with 0. It is there until the next push or drop.
func (q *ring[T]) at(i int) *T {
	if i += q.start; i >= len(q.buf) {
		i -= len(q.buf)
	}
	return &q.buf[i]
}

func (q *ring[T]) push(x T) {
	if q.n == len(q.buf) {
		q.resize()
	}
	q.n++
	*q.at(q.n - 1) = x
}

// drop removes the oldest.
func (q *ring[T]) drop() {
	var none T
	*q.at(0) = none
	if q.start++; q.start == len(q.buf) {
		q.start = 0
	}
	if q.n--; len(q.buf) > 2*q.n+16 || q.n == 0 {
		q.resize()
	}
}

func (q *ring[T]) resize() {
	if q.n == 0 && len(q.buf) > 0 {
		*q = ring[T]{}
		return
	}
	buf := make([]T, q.n+q.n/4+2)
	for i := range q.n {
		buf[i] = *q.at(i)
	}
	q.buf, q.start = buf, 0
}
