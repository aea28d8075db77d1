package serve

import (
	"strings"

	"example.org/veille/alert"
	"example.org/veille/schemas"
)

// logRow is an entry of the log in words.
type logRow struct {
	schemas.Delivery
	What, Note string
	Page       string // of the deal, "" when there is none
	Again      bool   // it can be sent again by hand
}

func logRows(rows []schemas.Delivery, lang string) []logRow {
	out := make([]logRow, len(rows))
	for i, d := range rows {
		out[i] = logRow{Delivery: d}
		out[i].What, out[i].Note = alert.Say(d, lang)
		if strings.HasPrefix(d.Deal, "d_") {
			out[i].Page = "/deals/" + d.Deal
		}
		out[i].Again = d.State == schemas.DeliveryDead || d.State == schemas.DeliveryPending && len(d.Attempts) > 0
	}
	return out
}
