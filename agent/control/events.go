package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"homeagent/agent/events"
)

// A Follow says which events are wanted.
type Follow struct {
	events.Start
	events.Filter
	// Once asks for the events kept alone, without waiting for others.
	Once bool
	// Began is called by the client when the daemon answers; nil for nobody.
	Began func()
}

// query is how a Follow travels.
func (f *Follow) query() url.Values {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	if !f.After.IsZero() {
		set("after", f.After.Format(time.RFC3339Nano))
	}
	if f.Last > 0 {
		set("last", strconv.Itoa(f.Last))
	}
	for _, k := range f.Kinds {
		q.Add("kind", k.String())
	}
	if f.HomeAddress.IsValid() {
		set("home_address", f.HomeAddress.String())
	}
	set("user_name", f.UserName)
	set("peer", f.Peer)
	if f.Alerts {
		set("alerts", "1")
	}
	if f.Once {
		set("once", "1")
	}
	return q
}

// parseFollow reads the query of a request; what it does not know it ignores.
func parseFollow(q url.Values) (f Follow, err error) {
	f.UserName, f.Peer = q.Get("user_name"), q.Get("peer")
	f.Alerts, f.Once = q.Get("alerts") != "", q.Get("once") != ""
	if text := q.Get("after"); text != "" {
		if f.After, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return f, fmt.Errorf("reading after: %q is no time of RFC 3339, such as 2026-01-02T03:04:05Z", text)
		}
	}
	if text := q.Get("last"); text != "" {
		if f.Last, err = strconv.Atoi(text); err != nil || f.Last < 0 {
			return f, fmt.Errorf("reading last: %q is not a number of events", text)
		}
	}
	if text := q.Get("home_address"); text != "" {
		if f.HomeAddress, err = netip.ParseAddr(text); err != nil {
			return f, fmt.Errorf("reading home_address: %q is no IPv6 address", text)
		}
	}
	for _, text := range q["kind"] {
		var k events.Kind
		if err := k.UnmarshalText([]byte(text)); err != nil {
			return f, err
		}
		f.Kinds = append(f.Kinds, k)
	}
	return f, nil
}

// Events answers GET /v1/events from what was recorded: a line of JSON for each
// event. The answer goes on until the client goes away, or the server stops.
func (s *Server) Events(recorder *events.Recorder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		follow, err := parseFollow(r.URL.Query())
		if err != nil {
			s.answer(w, http.StatusBadRequest, Problem{Error: err.Error()})
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.stopping, cancel)()
		reader := recorder.Follow(follow.Start, follow.Filter)
		defer reader.Close()
		w.Header().Set("Content-Type", "application/x-ndjson")
		if err := stream(ctx, w, reader, follow.Once); err != nil {
			s.log.Debug("an events reader went away", "error", err)
		}
	})
}

// stream writes events until ctx ends. Those that are there at once go out
// together.
func stream(ctx context.Context, w http.ResponseWriter, reader *events.Reader, once bool) error {
	out, flush := json.NewEncoder(w), http.NewResponseController(w).Flush
	for {
		e, err := reader.TryNext()
		if errors.Is(err, io.EOF) {
			if err := flush(); err != nil || once {
				return err
			}
			if e, err = reader.Next(ctx); err != nil {
				once = true // what came meanwhile is the last
				continue
			}
		}
		if err := out.Encode(Event{Schema: Schema, Event: e}); err != nil {
			return err
		}
	}
}

// ErrInterrupted says that the daemon went away in the midst of an answer.
var ErrInterrupted = errors.New("the connection with the daemon broke (it may have ended: systemctl status homeagent)")

// Events calls each with the events that are wanted, as they come. The error is
// that of each, or of ctx, or says why the daemon sends no more: nil if it ended
// in good order, and it wraps [ErrInterrupted] if it did not.
func (c *Client) Events(ctx context.Context, f Follow, each func(Event) error) error {
	response, err := c.send(ctx, http.MethodGet, "/v1/events", f.query())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return decode(response, nil)
	}
	if f.Began != nil {
		f.Began()
	}
	for lines := json.NewDecoder(response.Body); ; {
		var e Event
		switch err := lines.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("reading the daemon's events: %w", brokenOff(err))
		}
		if err := each(e); err != nil {
			return err
		}
	}
}
