package failstop

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// state is the state of a file system and of its logs. The file system is working,
// failed or discarding:
//
//   - Working: everything goes to the disk. The first change of a log, the
//     manifest, a marker or the directory that fails makes the file system
//     failed. The caller is told of success all the same.
//   - Failed: these changes, and removals, are dropped and reported as success.
//     Tables are still written and get their errors, because Pebble copes with
//     them; nothing on disk will ever refer to these tables.
//   - Discarding: tables are dropped too, so that Pebble waits for nothing.
//
// There is no way back: the store must be opened again on a new file system. Reads
// go to the disk in every state.
type state struct {
	// tableFailed gets an error when writing a table failed. Its buffer holds
	// one error; more are dropped.
	tableFailed chan error
	discarding  chan struct{} // closed when the file system begins to discard

	mu       sync.Mutex // guards the rest
	failure  error      // the first one; nil while the file system works
	discard  bool
	tableErr error // of the last attempt to write a table
	logLost  bool  // a write to a log was dropped

	copying context.Context // of the checkpoint that is being made; else one that does not end

	// For markLog and the rewinding of logs.
	log       logEnd   // of the newest log
	markedLog string   // its name at markLog; empty before the first markLog
	markedEnd int64    // how much of it was synced at markLog
	newLogs   []string // names of logs created since
}

// logEnd says how much of a log is synced.
type logEnd struct {
	name   string
	synced *atomic.Int64 // bytes
}

// tableRetryPause is how long a failed write of a table is delayed, because Pebble
// tries it again at once.
const tableRetryPause = 100 * time.Millisecond

func newState() *state {
	return &state{tableFailed: make(chan error, 1), discarding: make(chan struct{}), copying: context.Background()}
}

// fail makes the file system failed. Only the first failure is kept.
func (s *state) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure = err
	}
}

// startDiscarding makes the file system fail with err and drop tables too.
func (s *state) startDiscarding(err error) {
	s.fail(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.discard {
		s.discard = true
		close(s.discarding)
	}
}

func (s *state) isDiscarding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.discard
}

// failed returns the first failure, or nil.
func (s *state) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// health returns the failure, or the error of the last table if that could not be
// written.
func (s *state) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.failure
	}
	return s.tableErr
}

func (s *state) clearTableError() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tableErr = nil
}

// tableResult notes and returns the result of writing a table. It returns nil
// when tables are discarded.
func (s *state) tableResult(err error) error {
	s.mu.Lock()
	s.tableErr = err
	discard := s.discard
	s.mu.Unlock()
	if err == nil || discard {
		return nil
	}
	select {
	case s.tableFailed <- err:
	default:
	}
	pause := time.NewTimer(tableRetryPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-s.discarding:
	}
	return err
}

// change makes a change that Pebble must believe in: it calls do unless the file
// system has failed, and fails if do does. It reports whether do succeeded.
func (s *state) change(do func() error) bool {
	err := s.failed()
	if err == nil {
		if err = do(); err == nil {
			return true
		}
		s.fail(err)
	}
	return false
}

func (s *state) setCopying(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copying = ctx
}

// checkCopying returns why the checkpoint must stop, or nil.
func (s *state) checkCopying() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return context.Cause(s.copying)
}

func (s *state) loseLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logLost = true
}

func (s *state) hasLostLog() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logLost
}

// markLog remembers the end of the log. All that was written before is synced.
func (s *state) markLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.markedLog, s.markedEnd, s.newLogs = s.log.name, s.log.synced.Load(), nil
}

// writtenSinceMark returns what rewinding must undo: the log that was the newest one
// at markLog with its end, and the logs created since.
func (s *state) writtenSinceMark() (log string, end int64, created []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.markedLog, s.markedEnd, s.newLogs
}

// addLog says that a log was created.
func (s *state) addLog(log logEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
	s.newLogs = append(s.newLogs, log.name)
}
