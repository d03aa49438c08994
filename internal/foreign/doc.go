// Package foreign calls what others have written: authenticators, logins and journals.
// Such code may panic, end its goroutine, or never return. It must cost the caller no
// more than an error.
//
// # Files, lowest first
//
//	call.go     a call in a goroutine of its own
//	moving.go   what ends when a journal stands still
//	journal.go  a journal that does not panic
package foreign
