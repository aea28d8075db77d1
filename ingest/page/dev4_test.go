package page
import ("testing";"net/http/httptest";"os";"example.org/veille/fixtures")
func TestDevSave(t *testing.T){
 press,_:=fixtures.New(nil,fixtures.Options{})
 for _,a:=range press.Articles(){ if a.ID==os.Getenv("ID"){ rec:=httptest.NewRecorder(); press.Handler().ServeHTTP(rec,httptest.NewRequest("GET","http://press.example"+a.Path,nil)); os.WriteFile("/tmp/p.html",rec.Body.Bytes(),0o644); t.Log(a.Path, a.PagePath(2))}}
}
