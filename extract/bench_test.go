package extract

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"example.org/veille/extract/catalogue"
)

// pressText is about 500 words of trade press, made up for these benchmarks.
func pressText(lang string) string {
	en := []string{
		"Exclusive Networks has signed a distribution agreement with SentinelOne that covers Ireland and the Nordics.",
		"The security distributor already represents Fortinet and Palo Alto Networks in more than thirty countries, and hired twelve engineers last spring.",
		"A spokesperson for the vendor said resellers would be able to order licences at $59 per endpoint per year from the first of the month.",
		"Analysts were lukewarm, noting that CrowdStrike and Microsoft compete for the same customers and that margins have been thin since the price cuts of last autumn.",
		"Broadcom, which completed its $61bn takeover of VMware in November, declined to comment on reports that it was in talks to sell the end-user unit to KKR.",
		"Dell, HPE and Lenovo need to sell their gear to corporate departments, and none of them expects demand to recover before the second half of the year.",
	}
	fr := []string{
		"Arrow ECS a signé avec SentinelOne un contrat de distribution qui couvre la France et le Maghreb.",
		"Le grossiste, déjà partenaire de Fortinet en Allemagne, assurera le recrutement et la certification des revendeurs, au rythme de dix par mois.",
		"Un abonnement Microsoft 365 E5 passe ainsi de 54,75 € à 60,80 € HT par utilisateur et par mois, selon l'éditeur.",
		"Les analystes restent prudents : CrowdStrike et Palo Alto Networks se disputent les mêmes clients, et les marges sont minces depuis les baisses de l'automne.",
		"IBM, qui a finalisé le rachat d'HashiCorp pour 6,4 milliards de dollars, n'a pas souhaité commenter les rumeurs d'une offre sur Confluent.",
		"HPE, Dell et Lenovo doivent vendre leurs serveurs aux entreprises, et aucun ne s'attend à une reprise avant le second semestre.",
	}
	ss := en
	if lang == "fr" {
		ss = fr
	}
	var b strings.Builder
	for words := 0; words < 500; {
		for i, s := range ss {
			b.WriteString(s)
			words += len(strings.Fields(s))
			if i%3 == 2 {
				b.WriteString("\n\n")
			} else {
				b.WriteByte(' ')
			}
			if words >= 500 {
				break
			}
		}
	}
	return b.String()
}

func BenchmarkExtract(b *testing.B) {
	x := newExtractor(b)
	for _, lang := range []string{"fr", "en"} {
		a := article(lang, "2024-06-05", "Exclusive Networks signe avec SentinelOne", pressText(lang))
		b.Run(lang, func(b *testing.B) {
			b.SetBytes(int64(len(a.Text)))
			for b.Loop() {
				x.Extract(a)
			}
		})
	}
}

// BenchmarkLength shows that cost is linear in the length of the text.
func BenchmarkLength(b *testing.B) {
	x := newExtractor(b)
	for _, n := range []int{1, 4, 16} {
		a := article("en", "2024-06-05", "", strings.Repeat(pressText("en"), n))
		b.Run(strings.Repeat("x", n), func(b *testing.B) {
			b.SetBytes(int64(len(a.Text)))
			for b.Loop() {
				x.Extract(a)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCatalogue reads the same article with the catalogue as it is and with ten times as many vendors: it should cost hardly more.
func BenchmarkCatalogue(b *testing.B) {
	files := fstest.MapFS{}
	names, err := filepath.Glob("vendors/*.yaml")
	if err != nil || len(names) == 0 {
		b.Fatal(err, len(names))
	}
	for _, n := range names {
		data, err := os.ReadFile(n)
		if err != nil {
			b.Fatal(err)
		}
		files[filepath.Base(n)] = &fstest.MapFile{Data: data}
	}
	for _, times := range []int{1, 10} {
		if times > 1 {
			var y strings.Builder
			for i := range 2000 * (times - 1) {
				fmt.Fprintf(&y, "- {id: v%[1]d, name: Vend%[1]d Corp, country: US, kinds: [maker], products: [Prod%[1]d, Line%[1]d Pro]}\n", i)
			}
			files["zz.yaml"] = &fstest.MapFile{Data: []byte(y.String())}
		}
		bin, err := catalogue.Compile(files)
		if err != nil {
			b.Fatal(err)
		}
		cat, err := catalogue.Decode(bin)
		if err != nil {
			b.Fatal(err)
		}
		x, err := newWith(cat)
		if err != nil {
			b.Fatal(err)
		}
		a := article("en", "2024-06-05", "Exclusive Networks signs SentinelOne", pressText("en"))
		b.Run(fmt.Sprintf("vendors=%d", len(cat.All())), func(b *testing.B) {
			for b.Loop() {
				x.Extract(a)
			}
		})
	}
}
