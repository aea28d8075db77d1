package extract

import (
	"fmt"
	"strings"

	"example.org/veille/extract/catalogue"
)

// org is an organisation in one article: a vendor of the catalogue, or a name that takes a party's place.
type org struct {
	id, name string
	kinds    kinds
	country  string
	hq       []string
	main     kinds // what it mostly is
	known    bool
	maybe    *org // for a name in doubt: the vendor that bears it
}

// can gives the kinds of an organisation, or of the vendor that its name may mean.
func (o *org) can() kinds {
	if o.maybe != nil {
		return o.maybe.kinds
	}
	return o.kinds
}

// kinds is a set of the catalogue's kinds, as far as the rules need them.
type kinds uint32

const (
	kMaker kinds = 1 << iota
	kPublisher
	kCloud
	kTelco
	kDistributor
	kMarketplace
	kIntegrator
	kReseller
	kMSP
	kHoster
	kAI
	kChips
	kSecurity
	kNetwork
	kStorage
	kServices
	kAny

	// channel sells what others make
	kChannel = kIntegrator | kReseller | kMSP | kTelco | kHoster
	kVendor  = kMaker | kPublisher | kCloud | kAI | kChips | kSecurity | kNetwork | kStorage
)

var kindNames = map[string]kinds{
	catalogue.Maker: kMaker, catalogue.Publisher: kPublisher, catalogue.Cloud: kCloud, catalogue.Hyperscaler: kCloud, catalogue.Telco: kTelco,
	catalogue.Distributor: kDistributor, catalogue.Marketplace: kMarketplace, catalogue.Integrator: kIntegrator, catalogue.Reseller: kReseller,
	catalogue.MSP: kMSP, catalogue.Hoster: kHoster, catalogue.AI: kAI, catalogue.Chips: kChips, catalogue.Security: kSecurity,
	catalogue.Network: kNetwork, catalogue.Storage: kStorage, catalogue.Services: kServices,
	"any": kAny, "channel": kChannel, "vendor": kVendor,
}

func parseKinds(s string) (kinds, error) {
	var k kinds
	for w := range strings.FieldsSeq(s) {
		b, ok := kindNames[w]
		if !ok {
			return 0, fmt.Errorf("no kind %q", w)
		}
		k |= b
	}
	return k, nil
}

func kindsOf(v catalogue.Vendor) kinds {
	k := kAny // every vendor of the catalogue
	for _, n := range v.Kinds {
		k |= kindNames[n]
	}
	return k
}

// mainKind is the first kind of a vendor: what it mostly is.
func mainKind(v catalogue.Vendor) kinds {
	if len(v.Kinds) == 0 {
		return 0
	}
	return kindNames[v.Kinds[0]]
}
