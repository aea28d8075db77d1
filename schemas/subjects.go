package schemas

import "strings"

// Streams of JetStream. The log is ARTICLES and EXTRACTIONS; the others are
// derived from it.
const (
	StreamArticles    = "VEILLE_ARTICLES"
	StreamExtractions = "VEILLE_EXTRACTIONS"
	StreamDeals       = "VEILLE_DEALS"
	StreamPrices      = "VEILLE_PRICES"
	StreamAlerts      = "VEILLE_ALERTS"
	StreamDead        = "VEILLE_DEAD"
	StreamOps         = "VEILLE_OPS"
)

// Subjects of each stream, and the durable consumers that read them.
const (
	SubjectArticles    = "veille.v1.article.>"
	SubjectExtractions = "veille.v1.extraction.>"
	SubjectDeals       = "veille.v1.deal.>"
	SubjectPrices      = "veille.v1.price.>"
	SubjectAlerts      = "veille.v1.alert.>"
	SubjectDead        = "veille.v1.dead.>"
	SubjectOps         = "veille.v1.source.>"

	DurableExtract     = "extract" // ARTICLES → EXTRACTIONS
	DurableDeals       = "deals"   // EXTRACTIONS → DEALS, PRICES
	DurableIndex       = "index"   // EXTRACTIONS → bleve
	DurableIndexDeals  = "index-deals"
	DurableAlert       = "alert" // DEALS → outbox
	DurableAlertPrices = "alert-prices"
)

// Key-value buckets.
const (
	BucketSources    = "veille_sources"    // poll state and health by source
	BucketArticles   = "veille_articles"   // version and fold by article id
	BucketDeals      = "veille_deals"      // gathered signals by family and parties
	BucketRules      = "veille_rules"      // saved searches and alerts
	BucketDeliveries = "veille_deliveries" // outbox
	BucketMeta       = "veille_meta"
)

// ArticleSubject is where an article goes. event is "new" or "revised".
func ArticleSubject(event, lang, source string) string {
	return "veille.v1.article." + event + "." + Token(lang) + "." + Token(source)
}

// ExtractionSubject is where an extraction goes.
func ExtractionSubject(lang, source string) string {
	return "veille.v1.extraction." + Token(lang) + "." + Token(source)
}

// DealSubject names the supply side first; more than two parties become "multi".
func DealSubject(kind string, d Deal) string {
	a, b := "none", "none"
	switch len(d.Parties) {
	case 0:
	case 1:
		a = Token(d.Parties[0].ID)
	default:
		a, b = Token(d.Parties[0].ID), Token(d.Parties[1].ID)
		if len(d.Parties) > 2 {
			b = "multi"
		}
	}
	return strings.Join([]string{"veille.v1.deal", kind, Token(d.Type), a, b}, ".")
}

// PriceSubject is where a price goes.
func PriceSubject(p Price) string {
	vendor := "none"
	if p.Vendor != nil {
		vendor = Token(p.Vendor.ID)
	}
	currency := Token(p.Currency)
	if p.Currency == "%" {
		currency = "pct"
	}
	return "veille.v1.price." + Token(p.Kind) + "." + currency + "." + vendor
}

// DeadSubject is where a message goes that a stage could not take.
func DeadSubject(stage string) string { return "veille.v1.dead." + Token(stage) }

// SourceSubject is where the change of a source's health goes: to one of up,
// degraded, silent, down, as [SourceStates] are told to the world.
func SourceSubject(state, source string) string {
	switch state {
	case SourceNew:
		state = SourceUp
	case SourceBlocked:
		state = SourceDown
	}
	return "veille.v1.source." + Token(state) + "." + Token(source)
}

// AlertSubject is where an alert of a rule goes.
func AlertSubject(rule string) string { return "veille.v1.alert." + Token(rule) }
