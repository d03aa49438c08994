// Package failstop opens a Pebble store whose failures never end the process.
//
// Pebble ends its process, or panics with its locks held, when it cannot write
// its log or its manifest. A host that serves other things must survive that. So
// Pebble is not told: after the first failure the file system given to it drops
// every further write and reports success, as if the machine had lost power at
// that moment. That is a state which Pebble recovers from when the store is
// opened again. Until then reads go on. What the log has of unacknowledged
// commits is cut off (DB.RewindLog), so that it cannot come back.
//
// # What it relies on
//
// The tests in pebble_test.go fail when a release of Pebble changes one of these.
//
// Pebble calls Logger.Fatalf, whose default ends the process, when
//
//   - the log cannot be written or synced ("fatal commit error"),
//   - the manifest or its marker cannot be written, synced or moved,
//   - a new log or a table that must exist is missing,
//   - its own invariants are broken.
//
// Fatalf must not return: our logger stops the store and ends the goroutine with
// runtime.Goexit, which runs deferred functions, so Pebble's mutexes may stay
// locked. A DB that gave up is therefore never closed (ErrGaveUp).
//
// Pebble panics in a background goroutine, with its locks held, when it cannot
// create a new log.
//
// Pebble survives a table that cannot be created, written or synced: it reports
// EventListener.BackgroundError and tries the flush or compaction again at once.
// So tables are told of errors, after a pause. While no table can be written,
// Pebble stops to take writes once its memory is full and waits without a limit;
// DB.Health shows that in time, and DB.Discard ends the wait.
//
// A damaged file is reported to EventListener.DataCorruption; without a listener
// Pebble would call Fatalf.
//
// Pebble changes the files of its directory by Create, Write, Sync, SyncData,
// SyncTo, Preallocate and Close, by Remove, Rename, Link (for checkpoints) and
// MkdirAll, and by Sync of the directory; it never uses WriteAt. It creates its
// options under a temporary name. It writes a log from one goroutine at a time,
// and a commit with pebble.Sync returns only after Sync or SyncData of the log.
// With pebble.ArchiveCleaner it never reuses a log (ReuseForWrite), which would
// leave erased bodies in it: obsolete logs, tables and manifests are moved to the
// directory "archive" by Rename. Here they are removed instead.
//
// Names end in .log for logs and .sst for tables. All of them lie in the
// directory of the store itself; files of a checkpoint lie elsewhere and get
// their errors as usual.
//
// pebble.LockDirectory reports a directory that is locked with a bare EAGAIN or
// EACCES, or with a text that contains "held by current process", and a lock file
// that cannot be opened with a PathError (see IsLocked).
//
// # Files, lowest first
//
//	space.go           free space on the disk, and whether an error means that it is full
//	writable_unix.go   whether a directory may be written
//	writable_other.go  the same where that is not known
//	check.go           Check: what can be seen of a store without opening it
//	state.go           the state of the file system: working, failed or discarding
//	files.go           the files that Pebble writes
//	damaged.go         blocks of tables that are known to be damaged
//	fs.go              the methods of vfs.FS, and the rewinding of logs
//	db.go              DB: opening, closing, Pebble's logger and listeners
package failstop
