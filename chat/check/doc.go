// Package check asks others whether what somebody says may be shown: a program of the
// site, a list of words, a model. It is asked before anything is recorded, so what does
// not pass is shown to nobody.
//
// # Files, lowest first
//
//	question.go  what is asked and by whom, and the answer
//	places.go    how many questions are open at once, and whose
//	figures.go   what a check has done
//	check.go     one that is asked: how long, how many at once, what if there is no verdict
//	chain.go     several of them, one after the other
package check
