package shared_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// failures is what may happen to several nodes, what the remedy is, and its tests.
var failures = []struct{ failure, remedy, where, tests string }{
	{"a node dies", "a key is known on all nodes", "../shared", "TestSimulation_FindsBrokenEngines"},
	{"a node dies", "the others take it for dead after 10 s", "../shared", "TestNodes_CutOff_TakesItselfForDead"},
	{"the primary dies or starts again", "what has no answer is sent again as the same batch", "../shared", "TestSimulation TestSimulation_FindsBrokenEngines"},
	{"the primary dies or starts again", "the same, with a real server", "../pgjournal", "TestCommit_ServerDies"},
	{"the primary hangs, or its standby is away", "what comes later is refused", "../shared", "TestAppend_NoAnswer_RefusesWhatComesLater"},
	{"the standby is away", "a commit is never cancelled", "../pgjournal", "TestCommit_IsNotCancelled"},
	{"the standby is away", "nobody is shown what it lacks", "../pgjournal", "TestMove_SynchronousStandby"},
	{"a node is cut off from the database", "it takes itself for dead", "../shared", "TestNodes_CutOff_TakesItselfForDead TestNodes_CutOff_WhileAsked"},
	{"a node is cut off from the database", "its sessions are told bye", "..", "TestNodes_CutOff_SaysGoodbye"},
	{"rollback", "each node compares what it has seen", "../shared", "TestRollback_EverybodyIsTold TestRollback_AppendNotices"},
	{"rollback", "what names an old number is not recorded", "../shared", "TestRollback_TargetOfOldEpoch"},
	{"rollback", "an answer of an epoch that has ended is none", "../shared", "TestRollback_BeforeTheAnswer"},
	{"a synchronous standby is promoted", "a node that ran before says that nothing is lost", "../shared", "TestMove_KeepsTheEpoch TestMove_NobodyRanBefore"},
	{"the clock of a node is wrong", "no clock of another node is compared", "../shared", "TestHint_ClocksOfNodesDiffer"},
	{"the clock of a node is wrong", "what is kept goes by the clock of the database", "../pgjournal", "TestClock_OfANodeIsWrong"},
	{"versions v and v+1 of the schema", "they leave the same rows; a node takes a schema that is one version ahead", "../pgjournal", "TestCommit_Plain_SameRows TestOpen_SaysWhatToDo"},
	{"NOTIFY is lost", "each node asks twice a second", "../shared", "TestHints_Lost_HeardInASecond"},
	{"PgBouncer stands between", "nothing stays prepared; what is missing is said", "../pgjournal", "TestPooler_Works"},
}

// The tests of the table are there.
func TestFailures_HaveTests(t *testing.T) {
	for _, f := range failures {
		files, err := filepath.Glob(filepath.Join(f.where, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(f.where, err)
		}
		text := ""
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text += string(b)
		}
		for _, name := range strings.Fields(f.tests) {
			if !strings.Contains(text, "\nfunc "+name+"(t *testing.T) {") {
				t.Errorf("%s: %s: there is no %s in %s", f.failure, f.remedy, name, f.where)
			}
		}
	}
}
