// Package checks is the option check of a hub: who is asked whether what somebody says may
// be shown. Each kind is a module in the namespace chat.checks. Other packages may register
// more of them.
//
// # Files, lowest first
//
//	options.go  Module, and Options: what all kinds of checks have
//	https.go    HTTPS: a program of the site
//	wechat.go   WeChat: its own check
//	metrics.go  what they have done
//	list.go     the checks of a hub
package checks
