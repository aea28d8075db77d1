package serve

// pages is the table of everything people look at.
func (s *Server) pages() []pageRoute {
	out := []pageRoute{
		{"GET", "/{$}", "today", scopeRead, s.todayPage},
		{"GET", "/search", "search", scopeRead, s.searchPage},
		{"GET", "/deals/{id}", "deal", scopeRead, s.dealPage},
		{"POST", "/deals/{id}", "correct", scopeAlerts, s.correctPage},
		{"GET", "/articles/{id}", "article", scopeRead, s.articlePage},
		{"GET", "/vendors", "vendors", scopeRead, s.vendorsPage},
		{"GET", "/vendors/{slug}", "vendor", scopeRead, s.vendorPageHTML},
		{"GET", "/pairs/{pair}", "pair", scopeRead, s.pairPageHTML},
		{"GET", "/prices", "prices", scopeRead, s.pricesPage},
		{"GET", "/trends", "trends", scopeRead, s.trendsPage},
		{"GET", "/trends.svg", "trends_svg", scopeRead, s.trendsPage},
		{"GET", "/sources", "sources", scopeRead, s.sourcesPage},
		{"GET", "/sources/{slug}", "source", scopeRead, s.sourcePage},
		{"POST", "/sources/{slug}/fetch", "fetch", scopeAdmin, s.fetchPage},
		{"GET", "/quarantine", "quarantine", scopeRead, s.quarantinePage},
		{"POST", "/quarantine", "quarantine_do", scopeAdmin, s.quarantineDo},
		{"GET", "/people", "people", scopeAdmin, s.peoplePage},
		{"POST", "/people", "people_do", scopeAdmin, s.peopleDo},
		{"GET", "/help/query", "help_query", scopeNone, s.queryHelpPage},
		{"GET", "/help/keys", "help_keys", scopeNone, s.keysHelpPage},
		{"GET", "/api", "api", scopeRead, s.apiPage},
		{"GET", "/sign-in", "signin", scopeNone, s.signInPage},
		{"POST", "/sign-in", "signin", scopeNone, s.signIn},
		{"POST", "/sign-out", "signout", scopeNone, s.signOut},
		{"POST", "/feedback", "feedback", scopeAlerts, s.feedback},
	}
	if s.opt.Alerts != nil {
		out = append(out,
			pageRoute{"GET", "/alerts", "alerts", scopeRead, s.alertsPage},
			pageRoute{"POST", "/alerts", "alert_create", scopeAlerts, s.alertCreate},
			pageRoute{"GET", "/alerts/new", "alert_new", scopeRead, s.alertNewPage},
			pageRoute{"POST", "/alerts/preview", "alert_preview", scopeRead, s.alertPreview},
			pageRoute{"GET", "/alerts/{slug}", "alert", scopeRead, s.alertPage},
			pageRoute{"POST", "/alerts/{slug}", "alert_do", scopeAlerts, s.alertDo},
		)
	}
	return out
}
