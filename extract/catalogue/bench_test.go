package catalogue_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.org/veille/extract/catalogue"
)

// article is about 5 KB of press prose with a usual number of names, some ambiguous.
var article = strings.Repeat(`Le grossiste Arrow a signé avec Nutanix un accord de distribution qui couvre la France et le Benelux. L'éditeur, concurrent de VMware,
compte recruter une centaine de revendeurs d'ici à la fin de l'année, alors que les prix des licences ne cessent d'augmenter chez les autres.
Orange Business, qui exploite déjà la plateforme, proposera le service à ses clients à partir de septembre. The distributor will also carry the
vendor's storage line in the United Kingdom, where Computacenter and Softcat have been selling it since last spring, according to people familiar.
`, 9)[:5000]

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := catalogue.Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, vendors := range []int{1800, 18000} {
		b.Run(fmt.Sprintf("vendors=%d", vendors), func(b *testing.B) {
			c := grown(b, vendors)
			b.SetBytes(int64(len(article)))
			b.ReportAllocs()
			for b.Loop() {
				c.Find(article, at)
			}
		})
	}
	b.Run("own,mentions", func(b *testing.B) {
		c := load(b)
		b.SetBytes(int64(len(article)))
		b.ReportAllocs()
		for b.Loop() {
			c.Mentions(article, "fr", at)
		}
	})
}

// grown makes a catalogue of n vendors with two products each, to see what size costs.
func grown(tb testing.TB, n int) *catalogue.Catalogue {
	tb.Helper()
	var y strings.Builder
	y.WriteString("- {id: arrow-ecs, name: Arrow ECS, country: US, kinds: [distributor], aliases: [Arrow]}\n- {id: nutanix, name: Nutanix, country: US, kinds: [publisher]}\n")
	for i := range n {
		fmt.Fprintf(&y, "- {id: v%[1]d, name: Vend%[1]d Corp, country: US, kinds: [maker], products: [Prod%[1]d, Line%[1]d Pro]}\n", i)
	}
	bin, err := catalogue.Compile(fstest.MapFS{"a.yaml": {Data: []byte(y.String())}})
	if err != nil {
		tb.Fatal(err)
	}
	c, err := catalogue.Decode(bin)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
