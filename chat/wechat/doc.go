// Package wechat asks WeChat whether what users of a mini program say may be shown. It is
// public without a promise of compatibility.
//
// # Files, lowest first
//
//	text.go     what is looked at of a question, in pieces
//	token.go    the credential of the server
//	calls.go    how often WeChat is asked
//	checker.go  Checker
package wechat
