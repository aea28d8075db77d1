package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// checks tells which test holds what the interfaces promise. A promise without a test
// is none: TestChecks looks that each is there.
var checks = []struct{ promise, tests string }{
	{"the description is sound; every operation and status in it happens, every answer fits it", "serve:TestContract serve:TestDescriptionIsWellFormed serve:TestSubjectsAreDescribed"},
	{"every example of the manual parses, every mistake has its code and place", "query:TestParse query:TestMistakes cmd/veille:TestQueryDocs"},
	{"a search finds what the matcher of alerts finds: a million pairs, a tenth of which match", "index:TestSearchEqualsMatch"},
	{"two conditions find the intersection of both", "serve:TestAndIsAnIntersection"},
	{"pages neither repeat nor skip while a thousand articles come in; a foreign cursor is refused", "serve:TestCursorWalkUnderInserts index:TestCursorWalk index:TestForeignCursor"},
	{"page.next is always there, an empty list is a list", "serve:TestEmptyListsAndCounts cmd/veille:TestAPI"},
	{"a page's suffix gives the API's body; all exports hold the same rows", "serve:TestSuffixIsTheSameBody serve:TestExportsAreComplete cmd/veille:TestTasks"},
	{"what is not known is refused, with what was probably meant", "serve:TestStrictParameters"},
	{"all errors are problems with a type that resolves and a request id", "serve:TestProblemKinds serve:TestContract serve:TestProblemPages"},
	{"entity tags: 304, changed by a commit, 412", "serve:TestEntityTags serve:TestSavedSearches"},
	{"a repeated Idempotency-Key makes one rule", "serve:TestSavedSearches"},
	{"429 says when to come back", "serve:TestRateLimit"},
	{"text[start:end] is the quote, of all evidence", "serve:TestQuotesStandWhereTheySay"},
	{"the link to a sentence finds it", "serve:TestTextFragments"},
	{"series are filled, add up, keep their columns and tell what is partial", "serve:TestStats serve:TestStatsShapes index:TestStats index:TestStatsAddUp"},
	{"all that the shipped dashboards and alerting rules ask for is answered", "serve:TestMarketDashboard serve:TestPipelineDashboard serve:TestAlertingRules"},
	{"streams: ids without a gap over kills, a gap told where the log has none", "serve:TestStream serve:TestStreamPrices cmd/veille:TestStreamKill"},
	{"feeds are well formed, their ids stay, a token that is taken back is dead at once", "serve:TestFeeds serve:TestAccess"},
	{"the figures pass promlint, their number does not grow with the data", "serve:TestMetrics"},
	{"assistants: small tools, quotes and addresses, old and new protocol, no orders from articles", "serve:TestTools serve:TestToolsAnswer serve:TestToolsSpeakOldAndNew"},
	{"no output shows more of a source than its rights allow", "serve:TestRights serve:TestSnippets"},
	{"exit status, JSON of every command, no escape bytes off a terminal, completion", "cmd/veille:TestAsk cmd/veille:TestScripts cmd/veille:TestCompletion cmd/veille:TestCompletionScripts"},
	{"a query of version 1 keeps its meaning", "query:TestForEver"},
	{"the tasks of analysts and dashboards, over HTTP and from the command line", "cmd/veille:TestTasks serve:TestWhoDistributesInFrance serve:TestDashboardQuery"},
	{"the index is made again while it is searched: no search fails, the answers are the same", "index:TestSwapWhileSearching cmd/veille:TestReindexWhileSearching"},
	{"facets and weeks are what stock bleve counts, with deletions and merges", "index:TestFacetsEqualBleve"},
	{"searches that are meant to hurt are bounded, and do not stop the others", "index:TestQueriesOfDeath index:TestStampede index:TestSlowLane"},
	{"search quality", "index:TestQuality"},
}

func TestChecks(t *testing.T) {
	for _, c := range checks {
		for name := range strings.FieldsSeq(c.tests) {
			dir, test, _ := strings.Cut(name, ":")
			files, err := filepath.Glob(filepath.Join("..", "..", dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range files {
				body, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				found = found || regexp.MustCompile(`(?m)^func `+test+`\(t \*testing\.T\)`).Match(body)
			}
			if !found {
				t.Errorf("%q rests on %s of %s, which is not there", c.promise, test, dir)
			}
		}
	}
}
