package agent

import (
	"net/http"
	"time"

	"homeagent/agent/activity"
	"homeagent/agent/control"
)

// activityView answers GET /v1/activity.
func (a *Agent) activityView() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.control.Answer(w, control.Activity{
			Schema: control.Schema, Time: time.Now().UTC(), Events: a.happenings.Counts(),
			HMR: answersView(a.bootstrapper.answers.Read()), BindingUpdates: answersView(a.updates.Read()),
		})
	})
}

func answersView(r activity.Reading) control.Answers {
	view := control.Answers{Results: r.Results, Seconds: r.Sum.Seconds()}
	for i, n := range r.Times {
		if n > 0 {
			view.Latency = append(view.Latency, control.Latency{Below: activity.Bound(i).Seconds(), Count: n})
		}
	}
	return view
}
