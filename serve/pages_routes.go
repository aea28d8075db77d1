package serve

// pages is the table of everything people look at.
func (s *Server) pages() []pageRoute {
	return []pageRoute{
		{"GET", "/{$}", "today", scopeRead, s.todayPage},
		{"GET", "/search", "search", scopeRead, s.searchPage},
		{"GET", "/deals/{id}", "deal", scopeRead, s.dealPage},
		{"GET", "/articles/{id}", "article", scopeRead, s.articlePage},
		{"GET", "/sign-in", "signin", scopeNone, s.signInPage},
		{"POST", "/sign-in", "signin", scopeNone, s.signIn},
		{"POST", "/sign-out", "signout", scopeNone, s.signOut},
		{"POST", "/feedback", "feedback", scopeAlerts, s.feedback},
	}
}
