package agent

import (
	"errors"
	"net/http"
	"net/http/pprof"
)

// profiles answers GET /debug/pprof/ with what the Go runtime knows of itself,
// for those who look for time or memory. Profiles hold names of functions, counts
// and times; they hold nothing of what is in memory, but for one: a full dump of
// goroutines (debug=2) prints words of their arguments, which may be of keys.
func (a *Agent) profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if debug := r.FormValue("debug"); debug != "" && debug != "0" && debug != "1" {
			a.control.Refuse(w, errArguments)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

var errArguments = errors.New("profiling with another debug than 0 or 1: that could print arguments of functions, which may be of keys (take debug=1)")
