package serve

import "net/http"

func (s *Server) todayPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav = "today"
	return showing("today", nil)
}
