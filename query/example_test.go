package query_test

import (
	"errors"
	"fmt"
	"time"

	"example.org/veille/query"
)

func Example() {
	opt := query.Options{Now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	q, err := query.Parse(`fournisseur:nutanix statut:rumeur,annoncé pays:France SAUF type:rachat depuis:2026-01`, opt)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(q)
	fmt.Println(q.Words("fr"))
	fmt.Println(q.Words("en"))

	_, err = query.Parse(`type:distributon`, opt)
	var syn *query.SyntaxError
	if errors.As(err, &syn) {
		fmt.Println(syn.Code, syn.Pos, syn.Fix(`type:distributon`, 0))
	}
	// Output:
	// vendor:nutanix status:rumoured,announced territory:fr -type:acquisition since:2026-01
	// fournisseur nutanix · rumeur ou annoncé · France · sauf rachat · depuis le 1 janv. 2026
	// vendor nutanix · rumoured or announced · France · not acquisition · since 1 Jan 2026
	// unknown-value 5 type:distribution
}
